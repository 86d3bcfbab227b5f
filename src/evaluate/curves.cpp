#include "curves.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

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

Result<std::vector<CalibrationBin>> calibration_bins(metrics::Labels labels, metrics::Scores scores,
                                                     metrics::Weights weights, int bins) {
  SLIPWAY_TRY(const auto found, metrics::reliability(labels, scores, weights, bins));
  std::vector<CalibrationBin> result;
  for (const metrics::ReliabilityBin& bin : found)
    result.push_back({bin.rows, bin.predicted, bin.observed, wilson(bin.observed * bin.rows, bin.rows)});
  return result;
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
