// How sure a measured quality is: intervals for proportions, ROC AUC and average precision, and paired comparisons of
// two models on the same rows. All intervals are two-sided, at 95 % unless told otherwise.
#pragma once
#include <cstdint>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/metrics/metrics.hpp>

namespace slipway::evaluate {

struct Interval {
  double low = 0;
  double high = 0;
};

inline constexpr double normal_quantile_975 = 1.959963984540054;  // of the standard normal at 97.5 %

// Wilson's score interval for `successes` out of `trials` (Wilson 1927). No trials: [0, 1].
Interval wilson(double successes, double trials, double z = normal_quantile_975);

// ROC AUC with the variance of DeLong, DeLong and Clarke-Pearson (1988), by the O(n log n) algorithm of Sun and Xu
// (2014); ties count half.
struct AucEstimate {
  double auc = 0;
  double variance = 0;
  Interval interval;  // auc +- z * standard error, cut to [0, 1]
};
// Needs at least one row of each class; with a single row of a class its part of the variance counts as 0.
Result<AucEstimate> delong(metrics::Labels labels, metrics::Scores scores);

// Two scores of the same rows.
struct AucComparison {
  AucEstimate first, second;
  double difference = 0;      // first - second
  double standard_error = 0;  // of the difference; the rows are shared, so the covariance counts
  Interval interval;          // of the difference
  double p_value = 1;         // two-sided, of no difference; 1 where the standard error and the difference are 0
};
Result<AucComparison> compare_auc(metrics::Labels labels, metrics::Scores first, metrics::Scores second);

// McNemar's exact test on the rows that exactly one of two models gets right.
struct McNemar {
  std::int64_t only_first_right = 0;
  std::int64_t only_second_right = 0;
  double p_value = 1;  // two-sided, binomial
};
Result<McNemar> mcnemar(metrics::Labels labels, metrics::Labels first_predictions, metrics::Labels second_predictions);

// Percentiles 2.5 and 97.5, linear between order statistics. At least one value.
Interval percentile_interval(std::vector<double> values);

// Percentile interval of average precision from a Poisson bootstrap, stratified by class. Neighbouring cuts are merged
// to at most 4,096 groups, so the time does not grow with the rows. Deterministic in the seed, on any number of
// threads.
Result<Interval> average_precision_interval(const metrics::Ranking& ranking, int replicates, std::uint64_t seed,
                                            const Threads& threads);

// Percentile interval of a statistic of a confusion matrix (row-major counts) from a Poisson bootstrap of its cells.
Interval confusion_interval(const metrics::ConfusionMatrix& matrix,
                            double (*statistic)(const metrics::ConfusionMatrix&), int replicates, std::uint64_t seed);

}  // namespace slipway::evaluate
