// Quality on parts of the rows: slices that the user named, and slices found where the model is wrong more than its
// scores admit; fairness ratios between the groups of a column.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/result.hpp>
#include <slipway/evaluate/evaluation.hpp>

namespace slipway::evaluate {

// A column cut into groups: codes[row] is an index into `names`, or -1 for rows of no group.
struct Grouping {
  std::string column;
  std::vector<std::string> names;
  std::vector<std::int32_t> codes;
};

struct SliceGroup {
  std::string name;
  std::size_t rows = 0;
  // Binary: prevalence, selection_rate (share called positive), precision, recall, false_positive_rate, accuracy,
  // mean_score, log_loss, roc_auc, average_precision; several classes: accuracy, log_loss; regression: mae, rmse,
  // mean_residual. What a group's rows leave undefined is left out.
  std::vector<Measure> measures;
};

// How unlike the groups of a column are treated, by one rate: the smallest over the largest.
struct FairnessRatio {
  std::string name;     // demographic_parity (selection rate), equal_opportunity (recall), predictive_equality (false
                        // positive rate), predictive_parity (precision)
  std::string measure;  // the rate it compares
  double ratio = 1;     // in [0, 1]
  double difference = 0;
  std::optional<Interval> interval;  // of the ratio: log method (Katz and others 1978), where both rates are above 0
  std::string lowest, highest;       // groups
};

struct Slice {
  std::string column;
  std::vector<SliceGroup> groups;
  std::vector<FairnessRatio> fairness;  // binary, two groups or more
};

struct SliceOptions {
  std::size_t most_groups = 20;    // the largest ones; the others are left out
  std::size_t fairness_rows = 30;  // groups with fewer rows behind a rate take no part in its ratio
};

// Weighted rows count by their weight, and have no intervals here. Fails on groupings of another length and as the
// metrics do.
Result<std::vector<Slice>> evaluate_slices(const metrics::Outcome& outcome, std::span<const Grouping> groupings,
                                           const SliceOptions& options = {});

// A part of the rows, by one or two conditions, where the mean excess loss is above 0 beyond chance.
struct FoundSlice {
  std::vector<std::string> conditions;  // "channel = online"
  SliceGroup group;
  double excess = 0;   // mean over its rows of the loss beyond what the scores promise
  double p_value = 1;  // one-sided, times the number of slices looked at (Bonferroni)
};
// Looks at every group of every grouping, and at pairs of the 30 most striking of different columns, with at least
// `least_rows` rows. Loss of classes: minus the logarithm of the true class's probability, less its mean by the scores
// themselves, which is 0 for a calibrated model whatever the share of positives. Loss of numbers: the absolute error,
// less that of the other rows. The search counts rows alike, whatever their weight. Returns at most `most` with a
// p-value below 0.05, the largest total excess first; a slice inside one that was returned with a larger mean excess is
// left out.
Result<std::vector<FoundSlice>> find_slices(const metrics::Outcome& outcome, std::span<const Grouping> groupings,
                                            std::size_t least_rows = 50, std::size_t most = 8);

nlohmann::json to_json(const Slice& slice);
nlohmann::json to_json(const FoundSlice& slice);

}  // namespace slipway::evaluate
