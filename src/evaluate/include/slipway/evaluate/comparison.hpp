// Two models on the same rows: every measure of both, the difference, and whether chance could explain it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/evaluate/intervals.hpp>
#include <slipway/metrics/metrics.hpp>

namespace slipway::evaluate {

struct PairedMeasure {
  std::string name;
  double first = 0, second = 0;
  double difference = 0;             // second - first
  std::optional<Interval> interval;  // 95 %, of the difference
  std::optional<double> p_value;     // two-sided, of no difference
  std::string method;                // DeLong, McNemar, bootstrap, normal; empty without an interval
  bool higher_is_better = true;
};

struct ModelComparison {
  std::size_t rows = 0;
  std::vector<PairedMeasure> measures;
  std::optional<McNemar> labels;  // classes: rows that exactly one of the two gets right
  std::string verdict;            // better, worse, no_difference: the second against the first, by `judged_by`
  std::string judged_by;          // roc_auc; for several classes log_loss; for numbers mae
  std::string text;
};

struct ComparisonOptions {
  int replicates = 1000;  // of the bootstrap; fewer where there are more than 30,000 rows, never below 200
  std::uint64_t seed = 1234;
  // Rows of one group (a card, a customer) are drawn together; empty = every row for itself.
  std::span<const std::int32_t> groups = {};
};

// Both outcomes hold the same rows in the same order, with the same truth; each may have a threshold of its own. ROC
// AUC is compared by DeLong's test, accuracy by McNemar's, mean losses by their paired differences, average precision
// and the measures of labels by a paired bootstrap.
Result<ModelComparison> compare_models(const metrics::Outcome& first, const metrics::Outcome& second,
                                       const ComparisonOptions& options, const Threads& threads);

nlohmann::json to_json(const ModelComparison& comparison);

}  // namespace slipway::evaluate
