// Where to cut a binary score: chosen on rows that the model was not fitted on (out-of-fold scores of the training
// side), never on the test rows.
#pragma once
#include <optional>
#include <span>
#include <string>

#include <slipway/base/result.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/params/options.hpp>

namespace slipway::evaluate {

// One rule of these; none at all means {maximise: f1}.
struct ThresholdPolicy {
  std::string maximise;
  std::optional<double> precision;
  std::optional<double> recall;
  std::optional<double> fixed;
  std::optional<double> cost_ratio;
};
inline constexpr params::Option<ThresholdPolicy> threshold_options[] = {
    {"maximise",
     &ThresholdPolicy::maximise,
     "metric that the threshold maximises (default f1)",
     {.choices = "f1|f2|f0.5|balanced_accuracy|matthews|accuracy"}},
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
};

struct ThresholdChoice {
  float threshold = 0.5F;                    // positive is score >= threshold
  double precision = 0, recall = 0, f1 = 0;  // on the rows it was chosen on
  std::string policy;                        // "maximise f1", "precision >= 0.9", ...
  std::string note;                          // empty, or why the rule could not be kept
};

// Looks at every distinct score. Ties go to the higher threshold. Where no threshold keeps a required precision or
// recall, the nearest to it is taken and `note` says so. A fixed threshold needs no rows. Fails if two rules are given,
// and (unless fixed) if there is no positive or no negative row.
Result<ThresholdChoice> choose_threshold(metrics::Labels labels, metrics::Scores scores, const ThresholdPolicy& policy,
                                         metrics::Weights weights = {});

// "maximise f1", ...; an error if two rules are given.
Result<std::string> describe_policy(const ThresholdPolicy& policy);

}  // namespace slipway::evaluate
