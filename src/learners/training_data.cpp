#include "training_data.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>

namespace slipway::learners {
namespace {

Status check_length(std::string_view what, std::size_t found, std::size_t rows) {
  if (found == rows) return {};
  return invalid_input(fmt::format("{} {} for {} rows", found, what, rows));
}

Status check_targets(const TrainingData& data) {
  const std::size_t rows = data.features->rows;
  if (data.task == model::Task::regression) {
    SLIPWAY_CHECK(check_length("targets", data.targets.size(), rows));
    for (std::size_t row = 0; row < rows; ++row)
      if (!std::isfinite(data.targets[row]))
        return invalid_input(fmt::format("target {} at row {}: expected a finite number", data.targets[row], row));
    return {};
  }
  if (data.task == model::Task::binary && data.classes != 2)
    return invalid_input(fmt::format("{} classes for a binary task", data.classes));
  if (data.classes < 2) return invalid_input(fmt::format("{} classes: expected at least 2", data.classes));
  SLIPWAY_CHECK(check_length("labels", data.labels.size(), rows));
  for (std::size_t row = 0; row < rows; ++row)
    if (data.labels[row] < 0 || data.labels[row] >= data.classes)
      return invalid_input(fmt::format("label {} at row {}: expected a class index from 0 to {}", data.labels[row], row,
                                       data.classes - 1));
  return {};
}

}  // namespace

Status check_training_data(const TrainingData& data) {
  if (data.features == nullptr || data.features->width == 0) return invalid_input("no features to learn from");
  const std::size_t rows = data.features->rows;
  if (rows == 0) return invalid_input("no rows to learn from");
  SLIPWAY_CHECK(check_targets(data));
  if (data.weights.empty()) return {};
  SLIPWAY_CHECK(check_length("weights", data.weights.size(), rows));
  bool any = false;
  for (std::size_t row = 0; row < rows; ++row) {
    if (!(data.weights[row] >= 0) || std::isinf(data.weights[row]))
      return invalid_input(fmt::format("weight {} at row {}: expected a finite number >= 0", data.weights[row], row));
    any = any || data.weights[row] > 0;
  }
  if (!any) return invalid_input("all weights are 0: there is nothing to learn from");
  return {};
}

Result<std::vector<std::int8_t>> read_directions(const std::string& text) {
  std::vector<std::int8_t> directions;
  if (text == "none") return directions;
  for (const std::string& part : split(text, ',')) {
    const std::string_view one = trim(part);
    if (one != "1" && one != "+1" && one != "0" && one != "-1")
      return invalid_input(
          fmt::format("monotonic_cst: '{}' for feature {}; expected -1, 0 or 1", one, directions.size() + 1));
    directions.push_back(one == "0" ? 0 : one == "-1" ? -1 : 1);
  }
  if (std::all_of(directions.begin(), directions.end(), [](std::int8_t d) { return d == 0; })) directions.clear();
  return directions;
}

Status check_directions(std::size_t directions, std::size_t features) {
  if (directions == 0 || directions == features) return {};
  return invalid_input(fmt::format("monotonic_cst: {} numbers for {} features", directions, features));
}

Result<std::vector<double>> read_class_weights(const std::string& text) {
  std::vector<double> weights;
  for (const std::string& part : split(text, ',')) {
    const std::optional<double> weight = parse_number(trim(part));
    if (!weight || !(*weight >= 0) || std::isinf(*weight))
      return invalid_input(
          fmt::format("class_weight: '{}' for class {}; expected a number >= 0", trim(part), weights.size() + 1));
    weights.push_back(*weight);
  }
  if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 0; }))
    return invalid_input("class_weight: all weights are 0");
  return weights;
}

Status check_class_weight(const std::string& text) {
  static const std::vector<std::string> names = {"none", "balanced"};
  if (text == names[0] || text == names[1]) return {};
  if (!text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0)
    return invalid_input(fmt::format("class_weight: '{}'{}; expected none, balanced or one number per class", text,
                                     suggestion(text, names)));
  SLIPWAY_CHECK(read_class_weights(text));
  return {};
}

Status check_class_weight(const std::string& text, const TrainingData& data) {
  SLIPWAY_CHECK(check_class_weight(text));
  if (text != "none" && data.task == model::Task::regression)
    return invalid_input(fmt::format("class_weight: '{}' does not fit a regression task", text));
  if (text == "none" || text == "balanced") return {};
  SLIPWAY_TRY(const std::vector<double> weights, read_class_weights(text));
  if (weights.size() != static_cast<std::size_t>(data.classes))
    return invalid_input(fmt::format("class_weight: {} numbers for {} classes", weights.size(), data.classes));
  return {};
}

std::vector<float> effective_weights(const TrainingData& data, const std::string& class_weight, double positive) {
  std::vector<float> weights(data.weights.begin(), data.weights.end());
  std::vector<double> by_class(static_cast<std::size_t>(std::max(data.classes, 2)), 1.0);
  if (class_weight != "none" && class_weight != "balanced")
    if (auto given = read_class_weights(class_weight); given.ok()) by_class = *std::move(given);
  by_class[1] *= positive;
  if (class_weight == "balanced") {
    std::vector<double> sums(by_class.size(), 0.0);
    double all = 0;
    for (std::size_t row = 0; row < data.labels.size(); ++row) {
      const double weight = weights.empty() ? 1.0 : weights[row];
      sums[static_cast<std::size_t>(data.labels[row])] += weight;
      all += weight;
    }
    const auto present = static_cast<double>(std::count_if(sums.begin(), sums.end(), [](double s) { return s > 0; }));
    for (std::size_t k = 0; k < sums.size(); ++k)
      if (sums[k] > 0) by_class[k] *= all / (present * sums[k]);
  }
  if (std::all_of(by_class.begin(), by_class.end(), [](double w) { return w == 1.0; })) return weights;
  weights.resize(data.labels.size(), 1.0F);
  for (std::size_t row = 0; row < weights.size(); ++row)
    weights[row] = static_cast<float>(weights[row] * by_class[static_cast<std::size_t>(data.labels[row])]);
  return weights;
}

}  // namespace slipway::learners
