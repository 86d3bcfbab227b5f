// What augmentation makes of training rows, for comparison with imbalanced-learn: one JSON case per line of standard
// input, one JSON answer per line of standard output.
//
//   {"columns": [[0.5, 1.5, 2], [1, 0, 1]], "labels": [0, 1, 0], "nominal": [-1, 0], "options": {"sampling": "over"}}
//   -> {"columns": [...], "labels": [...], "weights": [...], "correction": [...]}, or {"error": "why not"}
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/learners/augmentation.hpp>

namespace {

using nlohmann::json;
using namespace slipway;

Result<learners::AugmentOptions> read_options(const json& settings) {
  learners::AugmentOptions options;
  for (const auto& [name, value] : settings.items()) {
    const auto* option = params::find_option<learners::AugmentOptions>(learners::augment_options, name);
    if (option == nullptr) return not_found("there is no option " + name);
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    SLIPWAY_CHECK(params::set_option(options, *option, params::scalar(text)));
  }
  return options;
}

Result<json> answer(const json& request) {
  SLIPWAY_TRY(const learners::AugmentOptions options, read_options(request.at("options")));
  std::vector<std::vector<float>> columns;
  for (const json& column : request.at("columns")) {
    columns.emplace_back();
    for (const json& value : column)
      columns.back().push_back(value.is_null() ? std::numeric_limits<float>::quiet_NaN() : value.get<float>());
  }
  const auto labels = request.at("labels").get<std::vector<std::int32_t>>();
  const auto nominal = request.value("nominal", std::vector<std::int32_t>(columns.size(), -1));
  model::Block features(labels.size(), columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) std::ranges::copy(columns[c], features.column(c).begin());
  learners::TrainingData data;
  data.features = &features;
  data.classes = *std::max_element(labels.begin(), labels.end()) + 1;
  data.task = data.classes == 2 ? model::Task::binary : model::Task::multiclass;
  data.labels = labels;
  data.nominal = nominal;
  SLIPWAY_TRY(const learners::AugmentedRows rows,
              learners::augment(data, options, request.value("seed", std::uint64_t{1}), Threads(1)));
  json made = json::array();
  for (std::size_t c = 0; c < columns.size(); ++c) made.push_back(rows.features.column(c));
  return json{{"columns", made}, {"labels", rows.labels}, {"weights", rows.weights}, {"correction", rows.correction}};
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const Result<json> found = answer(json::parse(line));
    std::cout << (found.ok() ? *found : json{{"error", found.error().message()}}).dump() << '\n';
  }
}
