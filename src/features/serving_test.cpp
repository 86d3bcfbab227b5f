// A training row and the same row sent to the server have the same features, bit for bit: a table is read from a CSV
// file as training reads it, every feature is fitted on it, and each row's cells go as JSON and as tensors through the
// server, whose model has the features as its scores.
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/model/interpreter.hpp>
#include <slipway/serving/service.hpp>
#include <slipway/table/source.hpp>

#include "feature_cases.hpp"

namespace slipway::features {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using serving::Response;
using table::Table;

using Cells = std::map<std::string, std::vector<std::string>>;  // by column, as they stand in the file; "" = missing

// The cells of odd_table, some of them replaced by numbers that conversions could tell apart.
Cells odd_cells(std::size_t rows, std::uint64_t seed, bool later) {
  const Table odd = odd_table(rows, seed, later);
  Cells cells;
  for (const table::Column& column : odd.all())
    for (std::size_t i = 0; i < rows; ++i) cells[column.name].push_back(column.cell_text(i));
  const std::pair<std::string, std::vector<std::string>> extremes[] = {
      {"amount",
       {"0.1234567890123456789012345678901234567890", "-0.0", "1.4e-45", "4.9e-324", "-1.1754942e-38",
        // halfway between two floats, and a little beside it
        "1.000000059604644775390625", "1.00000005960464477539062500000001", "16777217", "16777217.000000001"}},
      {"skewed", {"1.0000001192092896", "0.30000001192092896", "2.5E0", "-7e-46"}},
      {"far", {"1000000.03125", "1000000.03124999999999999", "999999.96875"}},
      {"positive", {"1.17549421069244107548702944484928734882705242874589333385717453057e-38", "0.1", "33554431.5"}},
      // Rounded to float32 by way of float64 the first and third are other numbers than rounded at once.
      {"whole",
       {"1152921573326323713", "9007199254740993", "-1152921573326323713", "9223372036854775807",
        "-9223372036854775807", "16777217", "36028797018963969"}},
      {"grade", {"0.1", "0.30000001", "0.123456789012", "16777217.5", "-0.0", "0.100000000000000001"}},
      {"city", {"\"quoted, twice\"", "Zürich", "Zu\u0308rich", "straße", "\U0001f4b3 card"}},
      {"note", {"\u00c9CLAIR \u00e9t\u00e9", "\u0130stanbul refund", "\u039f\u0394\u039f\u03a3 pay", "x\u00a0y"}},
      {"when", {"1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "0004-02-29T05:06:07Z"}}};
  constexpr std::size_t step = 3;
  for (const auto& [name, values] : extremes)
    for (std::size_t i = 0; i < values.size() && i * step < rows; ++i) cells[name][i * step] = values[i];
  if (later && rows > 30) {
    cells["amount"][30] = "340282346638528859811704183484516925440";  // the largest float, as a whole number
    cells["skewed"][30] = "-123456789012345678901234567890";
    cells["far"][30] = "3.4028234e38";
  }
  return cells;
}

std::string as_csv(const Cells& cells) {
  std::string text;
  for (const auto& [name, values] : cells) text += (text.empty() ? "" : ",") + name;
  for (std::size_t row = 0; row < cells.begin()->second.size(); ++row) {
    std::string line;
    for (const auto& [name, values] : cells) {
      std::string cell;
      for (const char c : values[row]) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
      if (cell.find_first_of(",\"") != std::string::npos) cell = "\"" + cell + "\"";
      line += "," + cell;
    }
    text += "\n" + line.substr(1);
  }
  return text + "\n";
}

bool is_text(const std::string& column) {
  return column == "city" || column == "color" || column == "void" || column == "note" || column == "when" ||
         column == "other";
}

// A cell as a client would send it: numbers with all their digits.
std::string as_json(const std::string& column, const std::string& cell) {
  return cell.empty() ? "null" : is_text(column) ? Json(cell).dump() : cell;
}

class Server {
 public:
  explicit Server(const model::Model& model) {
    const Status added = models_->add(model, "1", "digest");
    EXPECT_TRUE(added.ok()) << added.error().message();
  }

  // POST /score with one row as an object of fields; missing ones are null, or absent.
  Response score(const std::vector<model::Input>& inputs, const Cells& cells, std::size_t row) {
    std::string body;
    for (const model::Input& input : inputs) {
      const std::string& cell = cells.at(input.name)[row];
      if (cell.empty() && row % 2 == 0) continue;
      body += (body.empty() ? "" : ",") + Json(input.name).dump() + ":" + as_json(input.name, cell);
    }
    return service_.handle({"POST", "/score", {}, "{" + body + "}"});
  }

  // V2's infer with all rows, in JSON or binary; the answer is binary. Numbers as FP64 or INT64; texts and times as
  // BYTES.
  Response infer(const std::vector<model::Input>& inputs, const Cells& cells, const Table& table, bool binary) {
    std::string json, raw;
    const std::size_t rows = table.rows();
    for (const model::Input& input : inputs) {
      const std::vector<std::string>& column = cells.at(input.name);
      const bool text = is_text(input.name), whole = input.name == "whole";
      json += fmt::format(R"({}{{"name":{},"shape":[{}],"datatype":"{}")", json.empty() ? "" : ",",
                          Json(input.name).dump(), rows,
                          text    ? "BYTES"
                          : whole ? "INT64"
                                  : "FP64");
      if (!binary) {
        std::string data;
        for (const std::string& cell : column) data += (data.empty() ? "" : ",") + as_json(input.name, cell);
        json += ",\"data\":[" + data + "]}";
        continue;
      }
      const std::size_t begin = raw.size();
      for (const std::string& cell : column) {
        const auto size = static_cast<std::uint32_t>(cell.size());
        const double number = cell.empty() || text ? std::nan("") : *parse_number(cell);
        const std::int64_t integer = whole ? std::stoll(cell) : 0;
        if (text)
          raw.append(reinterpret_cast<const char*>(&size), sizeof size).append(cell);
        else
          raw.append(whole ? reinterpret_cast<const char*>(&integer) : reinterpret_cast<const char*>(&number), 8);
      }
      json += fmt::format(R"(,"parameters":{{"binary_data_size":{}}}}})", raw.size() - begin);
    }
    json = R"({"parameters":{"binary_data_output":true},"inputs":[)" + json + "]}";
    const std::string length = std::to_string(json.size());
    const serving::Header header{"Inference-Header-Content-Length", length};
    return service_.handle({"POST", "/v2/models/features/infer", {&header, binary ? 1u : 0u}, json + raw});
  }

 private:
  std::shared_ptr<serving::ModelRepository> models_ = serving::ModelRepository::empty();
  serving::Service service_{serving::ServiceOptions{.models = models_}};
};

// The scores of V2's binary answer, row by row.
model::Block read_scores(const Response& response, std::size_t rows, std::size_t width) {
  model::Block block(rows, width);
  std::size_t json_size = 0;
  for (const auto& [name, value] : response.headers)
    if (name == "Inference-Header-Content-Length") json_size = std::stoul(value);
  const Json json = Json::parse(response.body.substr(0, json_size), nullptr, false);
  std::size_t at = json_size;
  for (const Json& output : json["outputs"]) {
    const bool wanted = output["name"] == (width == 1 ? "score" : "probabilities");
    if (wanted) {
      EXPECT_LE(at + rows * width * sizeof(float), response.body.size());
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < width; ++c, at += sizeof(float))
          std::memcpy(&block.column(c)[r], response.body.data() + at, sizeof(float));
      return block;
    }
    at += output["parameters"]["binary_data_size"].get<std::size_t>();
  }
  ADD_FAILURE() << "no scores in " << json.dump();
  return block;
}

class FeatureServing : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/features_test_XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What training reads.
  Table read(const Cells& cells) {
    const fs::path file = folder_ / "rows.csv";
    EXPECT_TRUE(write_file(file, as_csv(cells)).ok());
    table::LoadOptions options;
    // One cell of many digits must not make the others text, nor a fraction whole numbers out of range.
    options.types = {{"amount", "number"}, {"skewed", "number"}, {"far", "number"}, {"whole", "integer"}};
    auto table = read_table(file.string(), 1, options);
    EXPECT_TRUE(table.ok()) << table.error().message();
    return std::move(table).value();
  }
  fs::path folder_;
};

TEST_P(FeatureServing, TrainingRowsAndTheSameRowsSentAreEqualBitForBit) {
  const FeatureCase& test = feature_cases()[GetParam()];
  const Cells training_cells = odd_cells(60, 5, false);
  const Table training = read(training_cells);
  const auto fitted = fit_model(test.plan, training, 3);
  ASSERT_TRUE(fitted.ok()) << fitted.error().message();
  const model::ValueId features = fitted->features.value;
  const std::vector<std::string>& columns = fitted->model.values[features].columns;
  const std::vector<model::Input>& inputs = fitted->model.inputs;
  Server server(fitted->model);

  for (const bool later : {false, true}) {
    const Cells cells = later ? odd_cells(50, 6, true) : training_cells;
    const Table table = later ? read(cells) : training;
    const auto rows = model::TableRows::from(inputs, table);
    ASSERT_TRUE(rows.ok()) << rows.error().message();
    const model::Block expected = *model::evaluate_value(fitted->model, rows->batch(), features);
    for (std::size_t c = 0; !later && c < columns.size(); ++c) {
      if (columns[c].find("~target") != std::string::npos) continue;  // out of fold on purpose
      for (std::size_t r = 0; r < table.rows(); ++r)
        ASSERT_TRUE(same_bits(fitted->features.training.at(r, c), expected.at(r, c))) << columns[c] << ", row " << r;
    }
    for (const bool binary : {false, true}) {
      const Response response = server.infer(inputs, cells, table, binary);
      ASSERT_EQ(response.status, 200) << response.body;
      const model::Block found = read_scores(response, table.rows(), columns.size());
      for (std::size_t c = 0; c < columns.size(); ++c)
        for (std::size_t r = 0; r < table.rows(); ++r)
          ASSERT_TRUE(same_bits(found.at(r, c), expected.at(r, c)))
              << (later ? "later" : "training") << " row " << r << ", " << columns[c] << ", "
              << (binary ? "binary" : "JSON") << ": " << found.at(r, c) << ", expected " << expected.at(r, c);
    }
    for (std::size_t r = 0; r < table.rows(); ++r) {
      const Response response = server.score(inputs, cells, r);
      ASSERT_EQ(response.status, 200) << "row " << r << ": " << response.body;
      const Json answer = Json::parse(response.body, nullptr, false);
      for (std::size_t c = 0; c < columns.size(); ++c) {
        if (columns.size() == 2 && c == 0) continue;  // of two classes /score tells the second
        const Json& value = columns.size() <= 2 ? answer["score"] : answer["scores"][columns[c]];
        const float wanted = expected.at(r, c);
        // JSON has no infinite numbers and no sign of zero.
        ASSERT_TRUE(value.is_null() ? !std::isfinite(wanted) : value.get<float>() == wanted)
            << (later ? "later" : "training") << " row " << r << ", " << columns[c] << ": " << value << ", expected "
            << wanted;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Features, FeatureServing, ::testing::Range(std::size_t{0}, feature_cases().size()),
                         [](const auto& test) { return feature_cases()[test.param].name; });

}  // namespace
}  // namespace slipway::features
