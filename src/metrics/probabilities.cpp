// Metrics of probabilities, and of predictions of a number.
#include <fmt/format.h>

#include <slipway/metrics/metrics.hpp>

#include "checks.hpp"

namespace slipway::metrics {
namespace {

// Weighted mean of value(row) over rows already checked.
template <class Value>
double weighted_mean(std::size_t rows, Weights weights, const Value& value) {
  double sum = 0;
  double total = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const double weight = detail::weight_of(weights, row);
    sum += weight * value(row);
    total += weight;
  }
  return sum / total;
}

Status check(Labels labels, const ScoreTable& scores, Weights weights) {
  if (scores.classes < 2)
    return invalid_input(
        fmt::format("{} columns of probabilities: expected one per class, at least two", scores.classes));
  SLIPWAY_CHECK(detail::check_length(labels.size(), scores.rows, "rows of scores"));
  SLIPWAY_CHECK(detail::check_weights(labels.size(), weights));
  SLIPWAY_CHECK(detail::check_labels(labels, scores.classes, "label"));
  return detail::check_table(scores);
}

Status check(Labels labels, Scores positive, Weights weights) {
  SLIPWAY_CHECK(detail::check_length(labels.size(), positive.size(), "scores"));
  SLIPWAY_CHECK(detail::check_weights(labels.size(), weights));
  SLIPWAY_CHECK(detail::check_labels(labels, 2, "label"));
  return detail::check_numbers(positive, "score");
}

Status check(std::span<const float> targets, Scores predictions, Weights weights) {
  SLIPWAY_CHECK(detail::check_length(targets.size(), predictions.size(), "predictions"));
  SLIPWAY_CHECK(detail::check_weights(targets.size(), weights));
  SLIPWAY_CHECK(detail::check_numbers(targets, "target"));
  return detail::check_numbers(predictions, "prediction");
}

double surprise(double probability) {
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  return -std::log(std::clamp(probability, epsilon, 1 - epsilon));
}

}  // namespace

Result<double> log_loss(Labels labels, const ScoreTable& scores, Weights weights) {
  SLIPWAY_CHECK(check(labels, scores, weights));
  return weighted_mean(labels.size(), weights, [&](std::size_t row) {
    return surprise(scores.at(row, static_cast<std::size_t>(labels[row])));
  });
}

Result<double> log_loss(Labels labels, Scores positive, Weights weights) {
  SLIPWAY_CHECK(check(labels, positive, weights));
  return weighted_mean(labels.size(), weights, [&](std::size_t row) {
    return surprise(labels[row] == 1 ? positive[row] : 1.0 - positive[row]);
  });
}

Result<double> brier(Labels labels, Scores positive, Weights weights) {
  SLIPWAY_CHECK(check(labels, positive, weights));
  return weighted_mean(labels.size(), weights, [&](std::size_t row) {
    const double difference = (labels[row] == 1 ? 1.0 : 0.0) - positive[row];
    return difference * difference;
  });
}

Result<double> brier(Labels labels, const ScoreTable& scores, Weights weights) {
  SLIPWAY_CHECK(check(labels, scores, weights));
  if (scores.classes == 2) return brier(labels, scores.column(1), weights);
  return weighted_mean(labels.size(), weights, [&](std::size_t row) {
    double sum = 0;
    for (std::size_t index = 0; index < scores.classes; ++index) {
      const double truth = static_cast<std::size_t>(labels[row]) == index ? 1 : 0;
      const double difference = truth - scores.at(row, index);
      sum += difference * difference;
    }
    return sum;
  });
}

Result<double> mean_absolute_error(std::span<const float> targets, Scores predictions, Weights weights) {
  SLIPWAY_CHECK(check(targets, predictions, weights));
  return weighted_mean(targets.size(), weights,
                       [&](std::size_t row) { return std::abs(static_cast<double>(targets[row]) - predictions[row]); });
}

Result<double> root_mean_squared_error(std::span<const float> targets, Scores predictions, Weights weights) {
  SLIPWAY_CHECK(check(targets, predictions, weights));
  return std::sqrt(weighted_mean(targets.size(), weights, [&](std::size_t row) {
    const double difference = static_cast<double>(targets[row]) - predictions[row];
    return difference * difference;
  }));
}

Result<double> r2(std::span<const float> targets, Scores predictions, Weights weights) {
  SLIPWAY_CHECK(check(targets, predictions, weights));
  if (targets.size() < 2) return invalid_input("R2 is not defined for a single row");
  const double mean = weighted_mean(targets.size(), weights, [&](std::size_t row) { return targets[row]; });
  const double spread = weighted_mean(targets.size(), weights,
                                      [&](std::size_t row) { return (targets[row] - mean) * (targets[row] - mean); });
  const double error = weighted_mean(targets.size(), weights, [&](std::size_t row) {
    const double difference = static_cast<double>(targets[row]) - predictions[row];
    return difference * difference;
  });
  if (spread == 0) return error == 0 ? 1.0 : 0.0;
  return 1 - error / spread;
}

}  // namespace slipway::metrics
