#include "checks.hpp"

#include <fmt/format.h>

namespace slipway::metrics::detail {

Status check_length(std::size_t rows, std::size_t found, std::string_view what) {
  if (found == rows) return {};
  return invalid_input(fmt::format("{} {} for {} labelled rows: both must have one value per row", found, what, rows));
}

Status check_weights(std::size_t rows, Weights weights) {
  if (rows == 0) return invalid_input("no rows: a metric needs at least one");
  if (weights.empty()) return {};
  SLIPWAY_CHECK(check_length(rows, weights.size(), "weights"));
  double total = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    if (!(weights[row] >= 0) || std::isinf(weights[row]))
      return invalid_input(fmt::format("weight {} at row {}: weights must be finite and >= 0", weights[row], row));
    total += weights[row];
  }
  if (total == 0) return invalid_input("all weights are 0: a metric needs at least one row that counts");
  return {};
}

Status check_labels(Labels labels, std::size_t classes, std::string_view what) {
  for (std::size_t row = 0; row < labels.size(); ++row)
    if (labels[row] < 0 || static_cast<std::size_t>(labels[row]) >= classes)
      return invalid_input(fmt::format("{} {} at row {}: expected a class index from 0 to {}", what, labels[row], row,
                                       classes == 0 ? 0 : classes - 1));
  return {};
}

Status check_numbers(std::span<const float> values, std::string_view what, bool infinite_allowed) {
  for (std::size_t row = 0; row < values.size(); ++row)
    if (std::isnan(values[row]) || (!infinite_allowed && std::isinf(values[row])))
      return invalid_input(fmt::format("{} {} at row {}: expected a finite number", what, values[row], row));
  return {};
}

Status check_table(const ScoreTable& scores) {
  if (scores.values.size() != scores.rows * scores.classes)
    return invalid_input(fmt::format("a score table of {} rows x {} classes needs {} values, not {}", scores.rows,
                                     scores.classes, scores.rows * scores.classes, scores.values.size()));
  for (std::size_t index = 0; index < scores.classes; ++index)
    SLIPWAY_CHECK(check_numbers(scores.column(index), "score"));
  return {};
}

}  // namespace slipway::metrics::detail
