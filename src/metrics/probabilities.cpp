// Metrics of probabilities, and of predictions of a number.
#include <numeric>
#include <optional>

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

Result<double> mean_absolute_percentage_error(std::span<const float> targets, Scores predictions, Weights weights) {
  SLIPWAY_CHECK(check(targets, predictions, weights));
  return weighted_mean(targets.size(), weights, [&](std::size_t row) {
    const double target = targets[row];
    return std::abs(predictions[row] - target) / std::max(std::abs(target), std::numeric_limits<double>::epsilon());
  });
}

Result<double> quantile_loss(std::span<const float> targets, Scores predictions, double quantile, Weights weights) {
  SLIPWAY_CHECK(check(targets, predictions, weights));
  if (!(quantile > 0 && quantile < 1))
    return invalid_input(fmt::format("quantile {}: expected more than 0 and less than 1", quantile));
  return weighted_mean(targets.size(), weights, [&](std::size_t row) {
    const double difference = static_cast<double>(targets[row]) - predictions[row];
    return difference >= 0 ? quantile * difference : (quantile - 1) * difference;
  });
}

Result<double> tweedie_deviance(std::span<const float> targets, Scores predictions, double power, Weights weights) {
  SLIPWAY_CHECK(check(targets, predictions, weights));
  if (!(power == 0 || (power >= 1 && power <= 2)))
    return invalid_input(fmt::format("power {} of a deviance: expected 0, or 1 to 2", power));
  for (std::size_t row = 0; power > 0 && row < targets.size(); ++row) {
    if (!(predictions[row] > 0))
      return invalid_input(
          fmt::format("prediction {} at row {}: this deviance needs more than 0", predictions[row], row));
    if (targets[row] < 0 || (power == 2 && targets[row] == 0))
      return invalid_input(fmt::format("target {} at row {}: this deviance needs {}", targets[row], row,
                                       power == 2 ? "more than 0" : "at least 0"));
  }
  return weighted_mean(targets.size(), weights, [&](std::size_t row) {
    const double target = targets[row];
    const double prediction = predictions[row];
    if (power == 0) return (target - prediction) * (target - prediction);
    if (power == 1) return 2 * ((target > 0 ? target * std::log(target / prediction) : 0) - target + prediction);
    if (power == 2) return 2 * (std::log(prediction / target) + target / prediction - 1);
    return 2 * (std::pow(target, 2 - power) / ((1 - power) * (2 - power)) -
                target * std::pow(prediction, 1 - power) / (1 - power) + std::pow(prediction, 2 - power) / (2 - power));
  });
}

Result<std::vector<ReliabilityBin>> reliability(Labels labels, Scores positive, Weights weights, int bins) {
  SLIPWAY_CHECK(check(labels, positive, weights));
  if (bins < 1) return invalid_input(fmt::format("{} calibration bins: expected at least 1", bins));
  const std::size_t rows = labels.size();
  std::vector<std::uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return positive[a] < positive[b]; });
  double total = 0, counted = 0;
  for (std::uint32_t row : order) {
    total += detail::weight_of(weights, row);
    counted += detail::weight_of(weights, row) > 0 ? 1 : 0;
  }
  // Of the rows without the last one, as quantiles that lie between order statistics.
  const double span = total - total / counted;
  const auto bin_after = [&](double weight) {
    int bin = 0;
    // Rounding of the sums must not shift a border.
    while (bin + 1 < bins && weight > span * (bin + 1) / bins + 1e-9 * total) ++bin;
    return bin;
  };
  int number = 0;
  std::vector<ReliabilityBin> result;
  ReliabilityBin open;
  double done = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const std::uint32_t row = order[i];
    const double weight = detail::weight_of(weights, row);
    open.rows += weight;
    open.predicted += weight * positive[row];
    open.observed += labels[row] == 1 ? weight : 0;
    done += weight;
    const bool last = i + 1 == rows;
    const bool tied = !last && positive[order[i + 1]] == positive[row];
    const int next = bin_after(done);
    if ((last || (next > number && !tied)) && open.rows > 0) {
      number = next;
      open.predicted /= open.rows;
      open.observed /= open.rows;
      result.push_back(open);
      open = {};
    }
  }
  return result;
}

double expected_calibration_error(std::span<const ReliabilityBin> bins) {
  double sum = 0, rows = 0;
  for (const ReliabilityBin& bin : bins) {
    sum += bin.rows * std::abs(bin.observed - bin.predicted);
    rows += bin.rows;
  }
  return rows > 0 ? sum / rows : 0;
}

Result<double> r2(std::span<const float> targets, Scores predictions, Weights weights) {
  SLIPWAY_CHECK(check(targets, predictions, weights));
  if (targets.size() < 2) return invalid_input("R2 is not defined for a single row");
  // A rounded mean must not make a constant vary.
  std::optional<float> value;
  bool constant = true;
  for (std::size_t row = 0; row < targets.size() && constant; ++row) {
    if (detail::weight_of(weights, row) == 0) continue;
    constant = targets[row] == value.value_or(targets[row]);
    value = targets[row];
  }
  const double mean = weighted_mean(targets.size(), weights, [&](std::size_t row) { return targets[row]; });
  const double spread = weighted_mean(targets.size(), weights,
                                      [&](std::size_t row) { return (targets[row] - mean) * (targets[row] - mean); });
  const double error = weighted_mean(targets.size(), weights, [&](std::size_t row) {
    const double difference = static_cast<double>(targets[row]) - predictions[row];
    return difference * difference;
  });
  if (constant || spread == 0) return error == 0 ? 1.0 : 0.0;
  return 1 - error / spread;
}

}  // namespace slipway::metrics
