// Open Inference Protocol V2 over HTTP: infer, in JSON and with the binary tensor extension.
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/journal/json_text.hpp>

#include "row_forms.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;
using journal::append_json_integer;
using journal::append_json_number;
using journal::append_json_string;

// ---- reading

enum class Datatype { boolean, int8, int16, int32, int64, uint8, uint16, uint32, uint64, fp32, fp64, bytes };
constexpr std::string_view datatype_names[] = {"BOOL",   "INT8",   "INT16",  "INT32", "INT64", "UINT8",
                                               "UINT16", "UINT32", "UINT64", "FP32",  "FP64",  "BYTES"};
constexpr std::size_t datatype_sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 0};

Result<Datatype> read_datatype(const dom::element& tensor, std::string_view name) {
  std::string_view text;
  if (tensor["datatype"].get(text) != simdjson::SUCCESS)
    return invalid_input(fmt::format("input '{}': expected a text in 'datatype'", name));
  for (std::size_t i = 0; i < std::size(datatype_names); ++i)
    if (datatype_names[i] == text) return static_cast<Datatype>(i);
  return invalid_input(
      fmt::format("input '{}': datatype {} is not supported; expected one of BOOL, INT8 to INT64, UINT8 to UINT64, "
                  "FP32, FP64, BYTES",
                  name, show_text(text)));
}

struct Shape {
  std::size_t rows = 0, columns = 1;
};

Result<Shape> read_shape(const dom::element& tensor, std::string_view name) {
  const auto wrong = [&](std::string_view what) {
    return invalid_input(fmt::format("input '{}': shape: expected [n] or [n, 1], got {}", name, what));
  };
  dom::array sizes;
  if (tensor["shape"].get(sizes) != simdjson::SUCCESS) return wrong("none");
  Shape shape;
  std::size_t axis = 0;
  for (const dom::element element : sizes) {
    std::int64_t size = 0;
    if (element.get(size) != simdjson::SUCCESS || size < 0) return wrong(show(element));
    if (axis > 1) return wrong("more than two sizes");
    (axis == 0 ? shape.rows : shape.columns) = static_cast<std::size_t>(size);
    ++axis;
  }
  if (axis == 0) return wrong("[]");
  return shape;
}

template <class Number>
Number load(const char* bytes) {
  Number value;
  std::memcpy(&value, bytes, sizeof value);  // the wire is little-endian, as every machine this is built for
  return value;
}

Cell load_cell(Datatype type, const char* bytes) {
  switch (type) {
    case Datatype::boolean:
      return std::int64_t{*bytes != 0};
    case Datatype::int8:
      return std::int64_t{load<std::int8_t>(bytes)};
    case Datatype::int16:
      return std::int64_t{load<std::int16_t>(bytes)};
    case Datatype::int32:
      return std::int64_t{load<std::int32_t>(bytes)};
    case Datatype::int64:
      return load<std::int64_t>(bytes);
    case Datatype::uint8:
      return std::int64_t{load<std::uint8_t>(bytes)};
    case Datatype::uint16:
      return std::int64_t{load<std::uint16_t>(bytes)};
    case Datatype::uint32:
      return std::int64_t{load<std::uint32_t>(bytes)};
    case Datatype::uint64: {
      const auto value = load<std::uint64_t>(bytes);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return static_cast<double>(value);
      return static_cast<std::int64_t>(value);
    }
    case Datatype::fp32:
      return load<float>(bytes);
    case Datatype::fp64:
      return load<double>(bytes);
    case Datatype::bytes:
      break;
  }
  return std::monostate();
}

// A tensor's place among the inputs: one input, or (columns > 1) all of them side by side.
struct Target {
  std::string_view name;
  Datatype type;
  Shape shape;
  std::size_t first_input = 0;
};

Status read_raw(Work& work, const Target& tensor, std::string_view raw) {
  const std::size_t count = tensor.shape.rows * tensor.shape.columns;
  const auto place = [&](std::size_t i, const Cell& cell) {
    work.rows.set(i / tensor.shape.columns, tensor.first_input + i % tensor.shape.columns, cell);
  };
  if (tensor.type != Datatype::bytes) {
    const std::size_t size = datatype_sizes[static_cast<std::size_t>(tensor.type)];
    if (raw.size() != count * size)
      return invalid_input(fmt::format("input '{}': {} values of {} need {} bytes of binary data, got {}", tensor.name,
                                       count, datatype_names[static_cast<std::size_t>(tensor.type)], count * size,
                                       raw.size()));
    for (std::size_t i = 0; i < count; ++i) place(i, load_cell(tensor.type, raw.data() + i * size));
    return {};
  }
  std::size_t i = 0;
  for (; !raw.empty() && i < count; ++i) {
    if (raw.size() < 4 || raw.size() - 4 < load<std::uint32_t>(raw.data())) break;
    const std::string_view text = raw.substr(4, load<std::uint32_t>(raw.data()));
    if (!journal::is_utf8(text))
      return invalid_input(fmt::format("input '{}': element {} is not UTF-8", tensor.name, i));
    place(i, text);
    raw.remove_prefix(4 + text.size());
  }
  if (i != count || !raw.empty())
    return invalid_input(
        fmt::format("input '{}': its binary data do not hold {} elements of BYTES, each behind its length in 4 bytes",
                    tensor.name, count));
  return {};
}

Status read_data(Work& work, const Target& tensor, const dom::element& data) {
  const std::size_t count = tensor.shape.rows * tensor.shape.columns;
  const std::size_t columns = tensor.shape.columns;
  std::size_t at = 0;
  const auto put = [&](const dom::element& value) -> Status {
    if (at < count) {
      const bool text = value.is_string();
      if (text != (tensor.type == Datatype::bytes) && !value.is_null())
        return work.rows.reject(Rejection::wrong_type,
                                fmt::format("{}: datatype {}: expected {}, got {}",
                                            work.rows.where(at / columns, tensor.first_input + at % columns),
                                            datatype_names[static_cast<std::size_t>(tensor.type)],
                                            tensor.type == Datatype::bytes ? "a text" : "a number", show(value)));
      SLIPWAY_CHECK(work.rows.set(at / columns, tensor.first_input + at % columns, value));
    }
    ++at;
    return {};
  };
  dom::array list;
  if (data.get(list) != simdjson::SUCCESS)
    return invalid_input(fmt::format("input '{}': data: expected a list, got {}", tensor.name, kind_of(data)));
  for (const dom::element element : list) {
    dom::array nested;
    if (element.get(nested) == simdjson::SUCCESS) {
      for (const dom::element value : nested) SLIPWAY_CHECK(put(value));
    } else {
      SLIPWAY_CHECK(put(element));
    }
  }
  if (at != count)
    return invalid_input(fmt::format("input '{}': its shape says {} values, its data have {}", tensor.name, count, at));
  return {};
}

Result<std::size_t> read_size(const dom::element& value, std::string_view name) {
  std::int64_t size = 0;
  if (value.get(size) != simdjson::SUCCESS || size < 0)
    return invalid_input(
        fmt::format("input '{}': binary_data_size: expected a whole number, got {}", name, show(value)));
  return static_cast<std::size_t>(size);
}

// All inputs; `binary` is what follows the JSON.
Status read_inputs(Work& work, const dom::element& root, std::string_view binary) {
  dom::array inputs;
  if (root["inputs"].get(inputs) != simdjson::SUCCESS) return invalid_input("expected a list of tensors in 'inputs'");
  const ServedModel& model = *work.model;
  std::vector<std::uint8_t> seen(model.inputs().size(), 0);
  bool first = true;
  for (const dom::element tensor : inputs) {
    Target target;
    if (tensor["name"].get(target.name) != simdjson::SUCCESS)
      return invalid_input("an input has no 'name': expected a text");
    SLIPWAY_TRY(target.type, read_datatype(tensor, target.name));
    SLIPWAY_TRY(target.shape, read_shape(tensor, target.name));
    if (inputs.size() == 1 && model.all_numbers() && model.find_input(target.name, 0) < 0 &&
        target.shape.columns == model.inputs().size() && target.type != Datatype::bytes) {
      target.first_input = 0;  // one matrix of all inputs, as clients of purely numeric models send it
    } else {
      SLIPWAY_TRY(target.first_input, find_column(work, target.name, "inputs"));
      if (target.shape.columns != 1)
        return invalid_input(fmt::format("input '{}': shape: expected [n] or [n, 1], got [{}, {}]", target.name,
                                         target.shape.rows, target.shape.columns));
      if (std::exchange(seen[target.first_input], 1) != 0)
        return invalid_input(fmt::format("input '{}' stands twice", target.name));
    }
    if (first) SLIPWAY_CHECK(work.rows.begin(model, target.shape.rows));
    first = false;
    if (target.shape.rows != work.rows.size())
      return invalid_input(fmt::format("input '{}' has {} rows, those before it have {}", target.name,
                                       target.shape.rows, work.rows.size()));
    dom::element data, size;
    const bool has_data = tensor["data"].get(data) == simdjson::SUCCESS;
    if (tensor["parameters"]["binary_data_size"].get(size) == simdjson::SUCCESS) {
      if (has_data) return invalid_input(fmt::format("input '{}' has both 'data' and 'binary_data_size'", target.name));
      SLIPWAY_TRY(const std::size_t bytes, read_size(size, target.name));
      if (bytes > binary.size())
        return invalid_input(
            fmt::format("input '{}': binary_data_size {} goes beyond the end of the body", target.name, bytes));
      SLIPWAY_CHECK(read_raw(work, target, binary.substr(0, bytes)));
      binary.remove_prefix(bytes);
    } else if (has_data) {
      SLIPWAY_CHECK(read_data(work, target, data));
    } else {
      return invalid_input(fmt::format("input '{}' has no 'data'", target.name));
    }
  }
  if (first) return invalid_input("'inputs' is empty");
  if (!binary.empty()) return invalid_input(fmt::format("{} bytes of binary data belong to no input", binary.size()));
  return {};
}

// ---- answering

enum class Output { score, probabilities, label, reasons };
constexpr std::string_view output_names[] = {"score", "probabilities", "label", "reasons"};

struct Wanted {
  Output output;
  bool binary = false;
};

Result<std::vector<Wanted>> read_outputs(Work& work, const dom::element& root) {
  bool binary = false;
  dom::element value;
  if (root["parameters"]["binary_data_output"].get(value) == simdjson::SUCCESS &&
      value.get(binary) != simdjson::SUCCESS)
    return invalid_input("binary_data_output: expected true or false, got " + show(value));
  if (root["parameters"]["reasons"].get(value) == simdjson::SUCCESS) {
    SLIPWAY_TRY(work.reason_count, read_count(value, "reasons"));
  }
  std::vector<Wanted> wanted;
  std::vector<std::string> known;
  for (const std::string_view name : output_names)
    if (!work.model->is_regression() || (name != "probabilities" && name != "label")) known.emplace_back(name);
  dom::array outputs;
  if (root["outputs"].get(outputs) != simdjson::SUCCESS || outputs.size() == 0) {
    for (std::size_t i = 0; i < std::size(output_names); ++i)
      if (std::find(known.begin(), known.end(), output_names[i]) != known.end() &&
          (static_cast<Output>(i) != Output::reasons || work.reason_count > 0))
        wanted.push_back({static_cast<Output>(i), binary});
    return wanted;
  }
  for (const dom::element output : outputs) {
    std::string_view name;
    if (output["name"].get(name) != simdjson::SUCCESS) return invalid_input("an output has no 'name': expected a text");
    if (std::find(known.begin(), known.end(), name) == known.end())
      return invalid_input(fmt::format("unknown output {}{}; expected one of {}", show_text(name),
                                       suggestion(name.substr(0, 256), known), list_names(known)));
    Wanted one{Output::score, binary};
    while (output_names[static_cast<std::size_t>(one.output)] != name)
      one.output = static_cast<Output>(static_cast<int>(one.output) + 1);
    if (std::any_of(wanted.begin(), wanted.end(), [&](const Wanted& other) { return other.output == one.output; }))
      return invalid_input(fmt::format("output '{}' stands twice", name));
    if (output["parameters"]["binary_data"].get(value) == simdjson::SUCCESS &&
        value.get(one.binary) != simdjson::SUCCESS)
      return invalid_input(fmt::format("output '{}': binary_data: expected true or false, got {}", name, show(value)));
    if (output["parameters"]["classification"].error() == simdjson::SUCCESS)
      return invalid_input(
          fmt::format("output '{}': classification is not supported; ask for the output 'label'", name));
    if (one.output == Output::reasons && work.reason_count == 0) work.reason_count = default_reasons;
    wanted.push_back(one);
  }
  return wanted;
}

// Values of one output, one after the other, through `number` or `text`.
void each_value(const Work& work, Output output, const auto& number, const auto& text) {
  const ServedModel& model = *work.model;
  const std::size_t width = work.scores.scores.width;
  const bool matrix =
      output == Output::probabilities || (output == Output::score && !model.is_binary() && !model.is_regression());
  std::string reasons;
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    if (matrix) {
      for (std::size_t k = 0; k < width; ++k) number(work.scores.scores.at(row, k));
    } else if (output == Output::score) {
      number(model.score(work.scores, row));
    } else if (output == Output::label) {
      text(model.label(work.scores, row));
    } else {
      reasons.clear();
      append_reasons(reasons, work, row);
      text(reasons);
    }
  }
}

void append_output(std::string& json, std::string& binary, const Work& work, const Wanted& wanted) {
  const bool numbers = wanted.output == Output::score || wanted.output == Output::probabilities;
  const std::size_t width = work.scores.scores.width;
  const bool matrix = wanted.output == Output::probabilities ||
                      (wanted.output == Output::score && !work.model->is_binary() && !work.model->is_regression());
  json += "{\"name\":\"";
  json += output_names[static_cast<std::size_t>(wanted.output)];
  json += numbers ? "\",\"datatype\":\"FP32\",\"shape\":[" : "\",\"datatype\":\"BYTES\",\"shape\":[";
  append_json_integer(json, static_cast<std::int64_t>(work.rows.size()));
  if (matrix) {
    json += ',';
    append_json_integer(json, static_cast<std::int64_t>(width));
  }
  json += ']';
  if (wanted.binary) {
    const std::size_t begin = binary.size();
    each_value(
        work, wanted.output, [&](float value) { binary.append(reinterpret_cast<const char*>(&value), sizeof value); },
        [&](std::string_view text) {
          const auto size = static_cast<std::uint32_t>(text.size());
          binary.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
        });
    json += ",\"parameters\":{\"binary_data_size\":";
    append_json_integer(json, static_cast<std::int64_t>(binary.size() - begin));
    json += "}}";
    return;
  }
  json += ",\"data\":[";
  bool first = true;
  const auto separate = [&] {
    if (!first) json += ',';
    first = false;
  };
  each_value(
      work, wanted.output,
      [&](float value) {
        separate();
        append_json_number(json, value);
      },
      [&](std::string_view text) {
        separate();
        append_json_string(json, text);
      });
  json += "]}";
}

// The length of the JSON in front of binary data, or nothing if the body is JSON alone.
Result<std::optional<std::size_t>> read_header_length(const Request& request) {
  const std::string_view text = request.header("inference-header-content-length");
  if (text.empty()) return std::optional<std::size_t>();
  std::size_t length = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (code != std::errc() || end != text.data() + text.size() || length > request.body.size())
    return invalid_input(
        fmt::format("Inference-Header-Content-Length: expected a whole number up to the body's {} bytes, got {}",
                    request.body.size(), show_text(text)));
  if (length == 0)
    return invalid_input(
        "Inference-Header-Content-Length: a body without JSON is not supported: the inputs must be named");
  return std::optional(length);
}

}  // namespace

Status answer_v2_infer(Work& work, const ModelRepository& models, const Request& request, const std::string& name,
                       const std::string& version, Response& response) {
  SLIPWAY_TRY(work.model, models.find(name, version));
  SLIPWAY_TRY(const std::optional<std::size_t> header, read_header_length(request));
  const std::size_t json_size = header.value_or(request.body.size());
  SLIPWAY_TRY(const dom::element root, work.json.parse(request.body.substr(0, json_size)));
  if (!root.is_object()) return invalid_input(fmt::format("expected an object with 'inputs', got {}", kind_of(root)));
  std::string_view id;
  dom::element value;
  const bool has_id = root["id"].get(value) == simdjson::SUCCESS && !value.is_null();
  if (has_id && value.get(id) != simdjson::SUCCESS) return invalid_input("'id': expected a text, got " + show(value));
  if (id.size() > 256) return invalid_input(fmt::format("'id': expected at most 256 bytes, got {}", id.size()));
  if (!id.empty()) work.request_id = id;
  SLIPWAY_TRY(const std::vector<Wanted> wanted, read_outputs(work, root));
  SLIPWAY_CHECK(read_inputs(work, root, request.body.substr(json_size)));
  SLIPWAY_CHECK(score_rows(work));

  std::string& json = response.body;
  std::string binary;
  json += "{\"model_name\":";
  append_json_string(json, work.model->name());
  json += ",\"model_version\":";
  append_json_string(json, work.model->version());
  if (has_id) {
    json += ",\"id\":";
    append_json_string(json, id);
  }
  json += ",\"outputs\":[";
  bool first = true, any_binary = false;
  for (const Wanted& one : wanted) {
    if (!first) json += ',';
    first = false;
    any_binary = any_binary || one.binary;
    append_output(json, binary, work, one);
  }
  json += "]}";
  if (any_binary) {
    response.content_type = "application/octet-stream";
    response.headers.emplace_back("Inference-Header-Content-Length", std::to_string(json.size()));
    json += binary;
  }
  return {};
}

}  // namespace slipway::serving
