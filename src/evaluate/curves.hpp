// Curves, calibration and histograms of an outcome.
#pragma once
#include <span>
#include <vector>

#include <slipway/evaluate/evaluation.hpp>

namespace slipway::evaluate {

// At most `most` of the points, first and last included, evenly spaced along the curve's length |dx| + |dy|.
std::vector<CurvePoint> thin(const std::vector<CurvePoint>& points, std::size_t most);

std::vector<CurvePoint> roc_points(const metrics::Ranking& ranking, std::size_t most);
std::vector<CurvePoint> precision_recall_points(const metrics::Ranking& ranking, std::size_t most);

// metrics::reliability with intervals.
Result<std::vector<CalibrationBin>> calibration_bins(metrics::Labels labels, metrics::Scores scores,
                                                     metrics::Weights weights, int bins);

// Counts of values in `bins` equal-width bins over [low, high]; what is beyond goes into the end bins.
std::vector<double> count_bins(std::span<const float> values, metrics::Weights weights, double low, double high,
                               int bins);

}  // namespace slipway::evaluate
