#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/evaluate/intervals.hpp>

namespace slipway::evaluate {

Interval wilson(double successes, double trials, double z) {
  if (!(trials > 0)) return {0, 1};
  const double share = successes / trials;
  const double z2 = z * z;
  const double centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const double half = z / (1 + z2 / trials) * std::sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials));
  // Rounding must not push an exact 0 or 1 inside.
  return {successes <= 0 ? 0 : std::max(0.0, centre - half), successes >= trials ? 1 : std::min(1.0, centre + half)};
}

namespace {

// Mean ranks from 1, ties sharing their mean.
std::vector<double> mid_ranks(const std::vector<float>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = (static_cast<double>(begin) + static_cast<double>(end) + 1) / 2;
    for (; begin < end; ++begin) ranks[order[begin]] = rank;
  }
  return ranks;
}

// DeLong's structural components: of each row, the share of the other class that it is ranked right against.
struct Components {
  double auc = 0;
  std::vector<double> positive, negative;
};

Result<Components> components(metrics::Labels labels, metrics::Scores scores) {
  if (labels.size() != scores.size())
    return invalid_input(fmt::format("{} labels were given with {} scores", labels.size(), scores.size()));
  std::vector<float> positive, negative;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != 0 && labels[i] != 1)
      return invalid_input(fmt::format("row {}: label {} is not 0 or 1", i, labels[i]));
    if (std::isnan(scores[i])) return invalid_input(fmt::format("row {}: the score is NaN", i));
    (labels[i] == 1 ? positive : negative).push_back(scores[i]);
  }
  if (positive.empty() || negative.empty())
    return invalid_input("ROC AUC needs rows of both classes; all labels are " +
                         std::string(positive.empty() ? "0" : "1"));
  std::vector<float> all = positive;
  all.insert(all.end(), negative.begin(), negative.end());
  const std::vector<double> overall = mid_ranks(all);
  const std::vector<double> within_positive = mid_ranks(positive);
  const std::vector<double> within_negative = mid_ranks(negative);
  const double m = static_cast<double>(positive.size());
  const double n = static_cast<double>(negative.size());
  Components result;
  double sum = 0;
  for (std::size_t i = 0; i < positive.size(); ++i) {
    result.positive.push_back((overall[i] - within_positive[i]) / n);
    sum += result.positive.back();
  }
  for (std::size_t i = 0; i < negative.size(); ++i)
    result.negative.push_back(1 - (overall[positive.size() + i] - within_negative[i]) / m);
  result.auc = sum / m;
  return result;
}

double covariance(const std::vector<double>& a, const std::vector<double>& b, double mean_a, double mean_b) {
  if (a.size() < 2) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size() - 1);
}

double auc_covariance(const Components& a, const Components& b) {
  return covariance(a.positive, b.positive, a.auc, b.auc) / static_cast<double>(a.positive.size()) +
         covariance(a.negative, b.negative, a.auc, b.auc) / static_cast<double>(a.negative.size());
}

AucEstimate estimate(const Components& components) {
  AucEstimate result;
  result.auc = components.auc;
  result.variance = auc_covariance(components, components);
  const double half = normal_quantile_975 * std::sqrt(result.variance);
  result.interval = {std::max(0.0, result.auc - half), std::min(1.0, result.auc + half)};
  return result;
}

// Rows of a run of neighbouring cuts that ends in a positive.
struct Group {
  double positives = 0;
  double negatives = 0;
};

double grouped_average_precision(const std::vector<Group>& groups, double positives_total) {
  double true_positives = 0, false_positives = 0, sum = 0;
  for (const Group& group : groups) {
    true_positives += group.positives;
    false_positives += group.negatives;
    if (group.positives > 0) sum += group.positives * true_positives / (true_positives + false_positives);
  }
  return positives_total > 0 ? sum / positives_total : 0;
}

}  // namespace

Interval percentile_interval(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
  };
  return {at(0.025), at(0.975)};
}

Result<AucEstimate> delong(metrics::Labels labels, metrics::Scores scores) {
  SLIPWAY_TRY(const Components parts, components(labels, scores));
  return estimate(parts);
}

Result<AucComparison> compare_auc(metrics::Labels labels, metrics::Scores first, metrics::Scores second) {
  SLIPWAY_TRY(const Components a, components(labels, first));
  SLIPWAY_TRY(const Components b, components(labels, second));
  AucComparison result;
  result.first = estimate(a);
  result.second = estimate(b);
  result.difference = a.auc - b.auc;
  const double variance = result.first.variance + result.second.variance - 2 * auc_covariance(a, b);
  result.standard_error = std::sqrt(std::max(0.0, variance));
  const double half = normal_quantile_975 * result.standard_error;
  result.interval = {result.difference - half, result.difference + half};
  if (result.standard_error > 0) {
    result.p_value = std::erfc(std::abs(result.difference) / result.standard_error / std::sqrt(2.0));
  } else {
    result.p_value = result.difference == 0 ? 1 : 0;
  }
  return result;
}

Result<McNemar> mcnemar(metrics::Labels labels, metrics::Labels first_predictions, metrics::Labels second_predictions) {
  if (labels.size() != first_predictions.size() || labels.size() != second_predictions.size())
    return invalid_input(fmt::format("{} labels were given with {} and {} predictions", labels.size(),
                                     first_predictions.size(), second_predictions.size()));
  McNemar result;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool first = first_predictions[i] == labels[i];
    const bool second = second_predictions[i] == labels[i];
    result.only_first_right += first && !second;
    result.only_second_right += second && !first;
  }
  const double n = static_cast<double>(result.only_first_right + result.only_second_right);
  const auto fewer = std::min(result.only_first_right, result.only_second_right);
  double tail = 0;  // P(X <= fewer), X binomial(n, 1/2)
  for (std::int64_t k = 0; k <= fewer; ++k) {
    const double count = static_cast<double>(k);
    tail += std::exp(std::lgamma(n + 1) - std::lgamma(count + 1) - std::lgamma(n - count + 1) - n * std::log(2.0));
  }
  result.p_value = std::min(1.0, 2 * tail);
  return result;
}

Result<Interval> average_precision_interval(const metrics::Ranking& ranking, int replicates, std::uint64_t seed,
                                            const Threads& threads) {
  if (!(ranking.positives > 0)) return invalid_input("average precision has no interval without a positive row");
  if (replicates < 2) return invalid_input(fmt::format("a bootstrap needs at least 2 replicates, not {}", replicates));
  // Only the order of negatives between positives matters.
  std::vector<Group> groups;
  Group open;
  double before_tp = 0, before_fp = 0;
  const double most_positives = ranking.positives / 4096;
  for (const metrics::ThresholdCounts& cut : ranking.cuts) {
    open.positives += cut.true_positives - before_tp;
    open.negatives += cut.false_positives - before_fp;
    before_tp = cut.true_positives;
    before_fp = cut.false_positives;
    if (open.positives > 0 && open.positives >= most_positives) {
      groups.push_back(open);
      open = {};
    }
  }
  if (open.positives > 0 || open.negatives > 0) groups.push_back(open);
  const double merging = metrics::average_precision(ranking) - grouped_average_precision(groups, ranking.positives);

  std::vector<double> values(static_cast<std::size_t>(replicates));
  threads.for_each(values.size(), [&](std::size_t replicate) {
    Random random(random_key({seed, 0x6170, replicate}));
    std::vector<Group> drawn(groups.size());
    double positives = 0, negatives = 0;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      drawn[g].positives = static_cast<double>(random.poisson(groups[g].positives));
      drawn[g].negatives = static_cast<double>(random.poisson(groups[g].negatives));
      positives += drawn[g].positives;
      negatives += drawn[g].negatives;
    }
    // Stratified: each class keeps its size.
    for (Group& group : drawn) {
      if (positives > 0) group.positives *= ranking.positives / positives;
      if (negatives > 0) group.negatives *= ranking.negatives / negatives;
    }
    values[replicate] = grouped_average_precision(drawn, positives > 0 ? ranking.positives : 0);
  });
  const Interval interval = percentile_interval(std::move(values));
  return Interval{std::max(0.0, interval.low + merging), std::min(1.0, interval.high + merging)};
}

Interval confusion_interval(const metrics::ConfusionMatrix& matrix,
                            double (*statistic)(const metrics::ConfusionMatrix&), int replicates, std::uint64_t seed) {
  std::vector<double> values;
  for (int replicate = 0; replicate < replicates; ++replicate) {
    Random random(random_key({seed, 0x636d, static_cast<std::uint64_t>(replicate)}));
    metrics::ConfusionMatrix drawn = matrix;
    for (double& cell : drawn.weights) cell = static_cast<double>(random.poisson(cell));
    values.push_back(statistic(drawn));
  }
  return percentile_interval(std::move(values));
}

}  // namespace slipway::evaluate
