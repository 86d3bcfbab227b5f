// Where to cut a binary score: chosen on rows that the model was not fitted on (out-of-fold scores of the training
// side), never on the test rows.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/result.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/params/options.hpp>

namespace slipway::evaluate {

// One rule of these; none at all means {minimise: cost} where costs are given, else {maximise: f1}.
struct ThresholdPolicy {
  std::string maximise;
  std::string minimise;
  std::optional<double> precision;
  std::optional<double> recall;
  std::optional<double> fixed;
  std::optional<double> cost_ratio;
  std::optional<double> alerts_per_day;
};
inline constexpr params::Option<ThresholdPolicy> threshold_options[] = {
    {"maximise",
     &ThresholdPolicy::maximise,
     "metric that the threshold maximises (default f1)",
     {.choices = "f1|f2|f0.5|balanced_accuracy|matthews|accuracy"}},
    {"minimise",
     &ThresholdPolicy::minimise,
     "cost: the threshold minimises the total of evaluate.costs",
     {.choices = "cost"}},
    {"precision",
     &ThresholdPolicy::precision,
     "highest recall with at least this precision",
     {.minimum = 0, .maximum = 1}},
    {"recall", &ThresholdPolicy::recall, "highest precision with at least this recall", {.minimum = 0, .maximum = 1}},
    {"fixed", &ThresholdPolicy::fixed, "this threshold", {.minimum = 0, .maximum = 1}},
    {"cost_ratio",
     &ThresholdPolicy::cost_ratio,
     "cost of a missed positive, in units of the cost of a false alarm; the threshold minimises the total cost",
     {.minimum = 0, .open_minimum = true}},
    {"alerts_per_day",
     &ThresholdPolicy::alerts_per_day,
     "as many alerts as can be worked on in a day (needs schema.time); the lowest threshold that keeps to it",
     {.minimum = 0, .open_minimum = true}},
};

// What one row's decision costs, by truth and decision; negative is a gain. A number for all rows, or one per row (an
// amount at risk).
struct Cost {
  double constant = 0;
  std::vector<float> per_row = {};  // empty: the constant
  double at(std::size_t row) const { return per_row.empty() ? constant : static_cast<double>(per_row[row]); }
};
struct Costs {
  Cost true_positive, false_positive, false_negative, true_negative;
  // The total where rows with a score >= threshold are called positive.
  double total(metrics::Labels labels, metrics::Scores scores, float threshold, metrics::Weights weights = {}) const;
};

// What a rule may need beyond labels and scores.
struct ThresholdContext {
  const Costs* costs = nullptr;  // minimise: cost
  double rows_per_day = 0;       // alerts_per_day: how many rows come in a day; 0 = unknown
};

struct ThresholdChoice {
  float threshold = 0.5F;                    // positive is score >= threshold
  double precision = 0, recall = 0, f1 = 0;  // on the rows it was chosen on
  std::string policy;                        // "maximise f1", "precision >= 0.9", ...
  std::string note;                          // empty, or why the rule could not be kept
};

// Looks at every distinct score. Ties go to the higher threshold. Where no threshold keeps a required precision or
// recall, the nearest to it is taken and `note` says so. A fixed threshold needs no rows. Fails if two rules are given,
// if costs or rows per day are needed and missing, and (unless fixed) if there is no positive or no negative row.
Result<ThresholdChoice> choose_threshold(metrics::Labels labels, metrics::Scores scores, const ThresholdPolicy& policy,
                                         metrics::Weights weights = {}, const ThresholdContext& context = {});

// "maximise f1", ...; an error if two rules are given.
Result<std::string> describe_policy(const ThresholdPolicy& policy, bool has_costs = false);

// What one threshold does.
struct OperatingPoint {
  double threshold = 0;
  double alerts = 0;  // rows called positive (here and below: their weight)
  double true_positives = 0, false_positives = 0;
  double precision = 0, recall = 0, false_positive_rate = 0, f1 = 0;
  std::optional<double> alerts_per_day;  // where the rows per day are known
  std::optional<double> cost;            // where costs are given; total over the rows
};
// At most `most` thresholds, from the highest score to the lowest, their numbers of alerts in geometric steps. Where
// there are costs the cheapest cut is among them. Empty without a positive or a negative row.
Result<std::vector<OperatingPoint>> operating_points(metrics::Labels labels, metrics::Scores scores,
                                                     const ThresholdContext& context = {},
                                                     metrics::Weights weights = {}, std::size_t most = 60);
// The same at one threshold; rates without their rows are 0.
OperatingPoint operating_point(metrics::Labels labels, metrics::Scores scores, float threshold,
                               const ThresholdContext& context = {}, metrics::Weights weights = {});

nlohmann::json to_json(const OperatingPoint& point);

}  // namespace slipway::evaluate
