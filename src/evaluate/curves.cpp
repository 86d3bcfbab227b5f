#include "curves.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace slipway::evaluate {

std::vector<CurvePoint> thin(const std::vector<CurvePoint>& points, std::size_t most) {
  if (points.size() <= most) return points;
  std::vector<double> length(points.size(), 0);
  for (std::size_t i = 1; i < points.size(); ++i)
    length[i] = length[i - 1] + std::abs(points[i].x - points[i - 1].x) + std::abs(points[i].y - points[i - 1].y);
  const double step = length.back() / static_cast<double>(most - 1);
  std::vector<CurvePoint> kept = {points.front()};
  for (std::size_t i = 1; i + 1 < points.size() && kept.size() + 1 < most; ++i)
    if (length[i] >= step * static_cast<double>(kept.size())) kept.push_back(points[i]);
  kept.push_back(points.back());
  return kept;
}

std::vector<CurvePoint> roc_points(const metrics::Ranking& ranking, std::size_t most) {
  std::vector<CurvePoint> points = {{0, 0, std::numeric_limits<double>::infinity()}};
  for (const metrics::ThresholdCounts& cut : ranking.cuts)
    points.push_back({cut.false_positives / ranking.negatives, cut.true_positives / ranking.positives, cut.threshold});
  return thin(points, most);
}

std::vector<CurvePoint> precision_recall_points(const metrics::Ranking& ranking, std::size_t most) {
  // As scikit-learn: a last point of precision 1 and recall 0 without a threshold; here recall ascends, so it is first.
  std::vector<CurvePoint> points = {{0, 1, std::numeric_limits<double>::infinity()}};
  for (const metrics::ThresholdCounts& cut : ranking.cuts) {
    points.push_back({cut.true_positives / ranking.positives,
                      cut.true_positives / (cut.true_positives + cut.false_positives), cut.threshold});
    if (cut.true_positives == ranking.positives) break;
  }
  return thin(points, most);
}

std::vector<CalibrationBin> calibration_bins(metrics::Labels labels, metrics::Scores scores, metrics::Weights weights,
                                             int bins) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  const auto weight = [&](std::size_t row) { return weights.empty() ? 1.0 : static_cast<double>(weights[row]); };
  double total = 0;
  for (std::size_t row : order) total += weight(row);

  std::vector<CalibrationBin> result;
  CalibrationBin open;
  double done = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t row = order[i];
    open.rows += weight(row);
    open.predicted += weight(row) * scores[row];
    open.observed += labels[row] == 1 ? weight(row) : 0;
    done += weight(row);
    const bool last = i + 1 == order.size();
    const bool tied = !last && scores[order[i + 1]] == scores[row];
    // Rounding of the sums must not shift a border.
    const bool full = done >= total * static_cast<double>(result.size() + 1) / bins - 1e-9 * total;
    if ((last || (full && !tied)) && open.rows > 0) {
      open.interval = wilson(open.observed, open.rows);
      open.predicted /= open.rows;
      open.observed /= open.rows;
      result.push_back(open);
      open = {};
    }
  }
  return result;
}

double expected_calibration_error(const std::vector<CalibrationBin>& bins) {
  double sum = 0, rows = 0;
  for (const CalibrationBin& bin : bins) {
    sum += bin.rows * std::abs(bin.observed - bin.predicted);
    rows += bin.rows;
  }
  return rows > 0 ? sum / rows : 0;
}

std::vector<double> count_bins(std::span<const float> values, metrics::Weights weights, double low, double high,
                               int bins) {
  std::vector<double> counts(static_cast<std::size_t>(bins), 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double place = high > low ? (values[i] - low) / (high - low) * bins : 0;
    const double bin = std::clamp(std::floor(place), 0.0, static_cast<double>(bins - 1));
    counts[static_cast<std::size_t>(bin)] += weights.empty() ? 1.0 : static_cast<double>(weights[i]);
  }
  return counts;
}

}  // namespace slipway::evaluate
