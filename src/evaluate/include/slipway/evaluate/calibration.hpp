// Whether a binary score can be read as a probability, and what recalibrating it would gain.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/result.hpp>
#include <slipway/evaluate/intervals.hpp>
#include <slipway/metrics/metrics.hpp>

namespace slipway::evaluate {

// log-odds -> intercept + slope * log-odds (Platt 1999, without its smoothed targets); scores are clipped to
// [1e-7, 1 - 1e-7] first.
struct LogisticMap {
  double intercept = 0;
  double slope = 1;
  double apply(double score) const;
};
// A step-free monotone map through points, linear between them and constant outside (isotonic regression by pooling
// adjacent violators, Ayer and others 1955).
struct IsotonicMap {
  std::vector<std::pair<double, double>> points;  // (score, probability), ascending; at most 200
  double apply(double score) const;
};

// What rows that the model was not fitted on say about its scores: fitted there, tried on other rows.
struct Recalibration {
  LogisticMap logistic;
  IsotonicMap isotonic;
};
// Needs a row of each class. The logistic slope is kept within [0.01, 100].
Result<Recalibration> fit_recalibration(metrics::Labels labels, metrics::Scores scores, metrics::Weights weights = {});

struct CalibrationReport {
  // Of a logistic regression of the truth on the log-odds: 0 and 1 for calibrated scores (Cox 1958). Slope below 1: the
  // scores are too extreme; intercept above 0: too low.
  LogisticMap line;
  Interval intercept_interval, slope_interval;  // 95 %, Wald
  double mean_score = 0, prevalence = 0;
  double ece = 0;
  Interval ece_interval;  // percentile, bins resampled
  // 95 % of samples of these scores would show a smaller error if every score were right.
  double ece_by_chance = 0;
  struct Variant {
    std::string name;  // as_is, logistic, isotonic
    double log_loss = 0, brier = 0, ece = 0;
  };
  std::vector<Variant> variants;  // on the rows of the report
  std::string verdict;            // calibrated, too_extreme, too_timid, too_high, too_low, undefined
  std::string text;               // a sentence for a person
};
// Without a row of each class the line, its intervals and the verdict are undefined (`text` says so) and the rest is
// there.
Result<CalibrationReport> check_calibration(metrics::Labels labels, metrics::Scores scores,
                                            const Recalibration* recalibration, std::uint64_t seed,
                                            metrics::Weights weights = {});

nlohmann::json to_json(const CalibrationReport& report);
nlohmann::json to_json(const Recalibration& recalibration);
Result<Recalibration> parse_recalibration(const nlohmann::json& json);

}  // namespace slipway::evaluate
