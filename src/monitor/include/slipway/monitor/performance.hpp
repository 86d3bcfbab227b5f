// How good the scores of a window turned out to be, once its labels came in, against what the evaluation promised.
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
#include <slipway/metrics/metrics.hpp>

namespace slipway::monitor {

// A metric of the evaluation that the bundle carries; without an interval the value counts as certain.
struct PromisedMetric {
  std::string name;  // as in metrics::catalogue()
  double value = 0;
  std::optional<double> low, high;  // 95 %
};

struct MetricChange {
  enum class Verdict : std::uint8_t { as_promised, worse, better, undefined };
  std::string name;
  double promised = 0;
  std::optional<double> value;      // of the window; empty where it is undefined on these rows
  std::optional<double> low, high;  // 95 %, percentile bootstrap over rows
  Verdict verdict = Verdict::as_promised;
  std::string text;  // "average_precision 0.81 -> 0.62 [0.55, 0.69]: worse than promised"
};
std::string_view change_verdict_name(MetricChange::Verdict verdict);

struct PerformanceReport {
  std::int64_t rows = 0;
  std::int64_t labelled = 0;          // rows that have a label; the others are left out
  double prevalence = 0;              // binary: share of positives among the labelled
  std::vector<MetricChange> metrics;  // in the order promised; those that no metric of the task answers to are left out
};

struct PerformanceOptions {
  int replicates = 200;           // bootstrap, >= 2
  std::size_t max_rows = 20'000;  // that a replicate draws; intervals of larger windows are scaled
  std::uint64_t seed = 1234;
};

// Labels of -1 (classification) and NaN targets (regression) are rows whose truth is not known yet. A change is called
// worse or better where the window's interval and the promised one do not meet. Weights are not used. Fails on views of
// unequal length and on what the metrics refuse.
Result<PerformanceReport> compare_performance(const metrics::Outcome& window, std::span<const PromisedMetric> promised,
                                              const PerformanceOptions& options, const Threads& threads = Threads(1));

nlohmann::json to_json(const PerformanceReport& report);

}  // namespace slipway::monitor
