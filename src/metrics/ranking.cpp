// Metrics of how a binary score ranks the rows.
#include <bit>

#include <fmt/format.h>

#include <slipway/metrics/metrics.hpp>

#include "checks.hpp"

namespace slipway::metrics {
namespace {

// Rows as (key << 32 | row), where ascending keys are descending scores.
std::uint64_t ranking_key(float score, std::uint32_t row) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 ranks with 0
  const std::uint32_t ascending = bits & 0x80000000U ? ~bits : bits | 0x80000000U;
  return std::uint64_t{~ascending} << 32 | row;
}

// Least significant digit first, over the upper 32 bits; the rows of equal scores keep their order.
void radix_sort(std::vector<std::uint64_t>& keys) {
  constexpr int bits = 11;
  constexpr int passes = 3;
  constexpr std::size_t buckets = std::size_t{1} << bits;
  std::vector<std::array<std::uint32_t, buckets>> counts(passes);
  for (std::uint64_t key : keys)
    for (int pass = 0; pass < passes; ++pass) ++counts[pass][key >> (32 + bits * pass) & (buckets - 1)];
  std::vector<std::uint64_t> other(keys.size());
  for (int pass = 0; pass < passes; ++pass) {
    auto& count = counts[pass];
    const int shift = 32 + bits * pass;
    if (count[keys[0] >> shift & (buckets - 1)] == keys.size()) continue;
    std::uint32_t start = 0;
    for (std::uint32_t& entry : count) start += std::exchange(entry, start);
    for (std::uint64_t key : keys) other[count[key >> shift & (buckets - 1)]++] = key;
    keys.swap(other);
  }
}

Result<double> single_class(const Ranking& ranking) {
  return invalid_input(fmt::format("ROC needs rows of both classes: there is no {} row",
                                   ranking.positives > 0 ? "negative" : "positive"));
}

}  // namespace

Result<Ranking> rank(Labels labels, Scores scores, Weights weights) {
  SLIPWAY_CHECK(detail::check_length(labels.size(), scores.size(), "scores"));
  SLIPWAY_CHECK(detail::check_weights(labels.size(), weights));
  SLIPWAY_CHECK(detail::check_labels(labels, 2, "label"));
  SLIPWAY_CHECK(detail::check_numbers(scores, "score", true));
  if (labels.size() > std::numeric_limits<std::uint32_t>::max())
    return invalid_input(fmt::format("{} rows: at most 4294967295 can be ranked", labels.size()));
  std::vector<std::uint64_t> keys;
  keys.reserve(labels.size());
  for (std::size_t row = 0; row < labels.size(); ++row)
    if (weights.empty() || weights[row] > 0) keys.push_back(ranking_key(scores[row], static_cast<std::uint32_t>(row)));
  if (keys.size() < 512) {
    std::sort(keys.begin(), keys.end());
  } else {
    radix_sort(keys);
  }
  Ranking ranking;
  double positives = 0;
  double negatives = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto row = static_cast<std::uint32_t>(keys[i]);
    (labels[row] == 1 ? positives : negatives) += detail::weight_of(weights, row);
    if (i + 1 < keys.size() && keys[i + 1] >> 32 == keys[i] >> 32) continue;
    ranking.cuts.push_back({scores[row], positives, negatives});
  }
  ranking.positives = positives;
  ranking.negatives = negatives;
  return ranking;
}

Result<double> roc_auc(const Ranking& ranking) {
  if (ranking.positives == 0 || ranking.negatives == 0) return single_class(ranking);
  double area = 0;
  double last_true = 0;
  double last_false = 0;
  for (const ThresholdCounts& cut : ranking.cuts) {
    area += (cut.false_positives - last_false) * (cut.true_positives + last_true) * 0.5;
    last_true = cut.true_positives;
    last_false = cut.false_positives;
  }
  return area / (ranking.positives * ranking.negatives);
}

double average_precision(const Ranking& ranking) {
  if (ranking.positives == 0) return 0;
  double sum = 0;
  double last = 0;
  for (const ThresholdCounts& cut : ranking.cuts) {
    if (cut.true_positives == last) continue;
    sum += (cut.true_positives - last) * (cut.true_positives / (cut.true_positives + cut.false_positives));
    last = cut.true_positives;
  }
  return sum / ranking.positives;
}

Result<double> roc_auc(Labels labels, Scores scores, Weights weights) {
  SLIPWAY_TRY(const Ranking ranking, rank(labels, scores, weights));
  return roc_auc(ranking);
}

Result<double> average_precision(Labels labels, Scores scores, Weights weights) {
  SLIPWAY_TRY(const Ranking ranking, rank(labels, scores, weights));
  return average_precision(ranking);
}

Result<RocCurve> roc_curve(Labels labels, Scores scores, Weights weights, bool drop_intermediate) {
  SLIPWAY_TRY(const Ranking ranking, rank(labels, scores, weights));
  if (ranking.positives == 0 || ranking.negatives == 0) return single_class(ranking).error();
  RocCurve curve;
  const auto add = [&](double false_positives, double true_positives, float threshold) {
    curve.false_positive_rate.push_back(false_positives / ranking.negatives);
    curve.true_positive_rate.push_back(true_positives / ranking.positives);
    curve.thresholds.push_back(threshold);
  };
  add(0, 0, std::numeric_limits<float>::infinity());
  const auto& cuts = ranking.cuts;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    // scikit-learn keeps a point where the second difference of either count is not 0.
    if (drop_intermediate && i > 0 && i + 1 < cuts.size()) {
      const double bend_false = cuts[i + 1].false_positives - 2 * cuts[i].false_positives + cuts[i - 1].false_positives;
      const double bend_true = cuts[i + 1].true_positives - 2 * cuts[i].true_positives + cuts[i - 1].true_positives;
      if (bend_false == 0 && bend_true == 0) continue;
    }
    add(cuts[i].false_positives, cuts[i].true_positives, cuts[i].threshold);
  }
  return curve;
}

Result<PrecisionRecallCurve> precision_recall_curve(Labels labels, Scores scores, Weights weights) {
  SLIPWAY_TRY(const Ranking ranking, rank(labels, scores, weights));
  PrecisionRecallCurve curve;
  for (std::size_t i = ranking.cuts.size(); i-- > 0;) {
    const ThresholdCounts& cut = ranking.cuts[i];
    curve.precision.push_back(cut.true_positives / (cut.true_positives + cut.false_positives));
    curve.recall.push_back(ranking.positives > 0 ? cut.true_positives / ranking.positives : 1);
    curve.thresholds.push_back(cut.threshold);
  }
  curve.precision.push_back(1);
  curve.recall.push_back(0);
  return curve;
}

}  // namespace slipway::metrics
