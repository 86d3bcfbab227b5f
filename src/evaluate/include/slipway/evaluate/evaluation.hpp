// What a model's scores are worth on labelled rows: numbers, intervals, curves, calibration. Plain data for the report,
// evaluation.json, the gates and --json.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/evaluate/intervals.hpp>
#include <slipway/metrics/metrics.hpp>

namespace slipway::evaluate {

struct Measure {
  std::string name;  // as in metrics::catalogue(), or ece, mape, prevalence
  double value = 0;
  std::optional<Interval> interval;  // 95 %
};

struct CurvePoint {
  double x = 0;          // ROC: false positive rate; precision-recall: recall
  double y = 0;          // ROC: true positive rate; precision-recall: precision
  double threshold = 0;  // +infinity at ROC's first point and at the precision-recall curve's last
};

struct CalibrationBin {
  double rows = 0;       // weight
  double predicted = 0;  // mean score
  double observed = 0;   // share of positives
  Interval interval;     // Wilson, of observed
};

struct ClassQuality {
  std::string name;
  double rows = 0;
  double precision = 0, recall = 0, f1 = 0;
  std::optional<double> roc_auc;  // against the rest; empty where undefined
};

struct Histogram {
  std::vector<double> edges;                // n + 1, ascending
  std::vector<std::vector<double>> counts;  // per series, n
  std::vector<std::string> series;
};

struct Evaluation {
  metrics::TaskKind task = metrics::TaskKind::binary;
  std::size_t rows = 0;
  std::vector<std::string> classes;
  std::vector<Measure> measures;  // what is undefined on these rows is left out, and said in notes
  std::vector<Measure>
      baseline;  // of a constant prediction: the classes' shares (regression: mean, for mae the median)
  std::vector<std::string> notes;
  // Binary.
  double positives = 0;  // weight
  double prevalence = 0;
  double threshold = 0.5;
  std::vector<CurvePoint> roc;               // at most 200 points
  std::vector<CurvePoint> precision_recall;  // at most 200 points, recall ascending
  std::vector<CalibrationBin> calibration;   // equal-mass bins by ascending score; tied scores share a bin
  Histogram scores;                          // binary: per class, 50 bins over [0, 1]
  // Binary and multi-class: weights[truth * classes + predicted].
  std::vector<double> confusion;
  std::vector<ClassQuality> by_class;
  // Regression: prediction - target, 50 bins between the 0.5 % and 99.5 % quantiles; the end bins hold what is beyond.
  Histogram residuals;

  const Measure* find(std::string_view name) const;  // of measures; null if absent
};

struct EvaluationOptions {
  int bootstrap = 1000;  // replicates; 0 leaves out the intervals that need them
  int calibration_bins = 10;
  std::uint64_t seed = 1234;
  // Binary: rows of one group (a card, a customer) depend on each other, so intervals come from a bootstrap that draws
  // whole groups (Field and Welsh 2007). One number per row, negative = a group of its own; empty = independent rows.
  std::span<const std::int32_t> groups = {};
};

// Measures an outcome; `classes` are the labels' names (empty for regression). Weighted rows count by their weight, as
// scikit-learn's sample_weight; their intervals come from draws of rows and from linearised variances.
// Fails on no rows, on bad labels or scores (as the metrics do), and if the number of classes does not match.
Result<Evaluation> evaluate(const metrics::Outcome& outcome, std::span<const std::string> classes,
                            const EvaluationOptions& options, const Threads& threads);

// {"task", "rows", "metrics": {name: value}, "intervals": {name: [low, high]}, "baseline": {...}, ...}
nlohmann::json to_json(const Evaluation& evaluation);

}  // namespace slipway::evaluate
