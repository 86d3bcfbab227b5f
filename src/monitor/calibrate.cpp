// Thresholds by drawing windows, and the reference itself, from what the reference says.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <slipway/base/hash.hpp>
#include <slipway/base/random.hpp>
#include <slipway/monitor/drift.hpp>

#include "statistic.hpp"

namespace slipway::monitor {

namespace {

constexpr std::size_t fewest_days = 7;  // to say anything about how days differ
constexpr double fewest_expected = 5;   // rows in a bin, below which its count is drawn as such
constexpr double tail_share = 0.05;     // of the draws, from which the tail is extrapolated

// How the days of the reference differ around their mean, by bin.
struct Days {
  std::vector<std::vector<double>> shares;      // [day][bin]
  std::vector<std::vector<double>> deviations;  // [day][bin], from the mean over days
  double rows = 0;                              // harmonic mean of rows per day
};

Days compare_days(const FeatureReference& reference) {
  Days days;
  double inverse = 0;
  std::vector<double> mean(reference.bins(), 0);
  for (const std::vector<std::int64_t>& counts : reference.day_counts) {
    const auto rows = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
    if (rows <= 0) continue;
    inverse += 1 / rows;
    std::vector<double> shares(counts.begin(), counts.end());
    for (std::size_t b = 0; b < shares.size(); ++b) mean[b] += shares[b] /= rows;
    days.shares.push_back(std::move(shares));
  }
  const auto count = static_cast<double>(days.shares.size());
  for (double& share : mean) share /= count;
  for (const std::vector<double>& shares : days.shares) {
    std::vector<double> deviation(shares.size());
    for (std::size_t b = 0; b < shares.size(); ++b) deviation[b] = shares[b] - mean[b];
    days.deviations.push_back(std::move(deviation));
  }
  days.rows = inverse > 0 ? count / inverse : 0;
  return days;
}

// Draws pairs of a reference and a window that differ by chance alone.
class NullDraws {
 public:
  NullDraws(const FeatureReference& reference, double rows, double window_days, std::optional<double> design_effect)
      : reference_(reference),
        shares_(expected_shares(reference)),
        rows_(rows),
        reference_rows_(static_cast<double>(reference.rows)),
        window_days_(std::max(1.0, window_days)),
        design_effect_(design_effect.value_or(reference.design_effect)),
        reference_counts_(reference.bins()),
        window_counts_(reference.bins()),
        window_shares_(reference.bins()) {
    if (!design_effect && reference.day_counts.size() >= fewest_days) days_ = compare_days(reference);
    by_day_ = days_.shares.size() >= fewest_days;
  }

  double divergence(Random& random) {
    if (by_day_) {
      draw_by_day(random);
    } else {
      draw_rows(random, reference_rows_ / design_effect_, shares_, reference_counts_, reference_rows_);
      draw_rows(random, rows_ / design_effect_, shares_, window_counts_, rows_);
    }
    const std::vector<double> expected = expected_shares(reference_, reference_counts_);
    observed_shares(window_counts_, rows_, expected, window_shares_);
    return jensen_shannon_divergence(expected, window_shares_);
  }

 private:
  // Counts of `size` independent rows, scaled to `rows`.
  static void draw_rows(Random& random, double size, const std::vector<double>& shares, std::vector<double>& counts,
                        double rows) {
    double total = 0;
    for (std::size_t b = 0; b < shares.size(); ++b)
      total += counts[b] = static_cast<double>(random.poisson(size * shares[b]));
    if (total <= 0) {
      // No rows at all: as good as none out of place.
      for (std::size_t b = 0; b < shares.size(); ++b) counts[b] = rows * shares[b];
      return;
    }
    for (double& count : counts) count *= rows / total;
  }

  // The window's shares are the mean plus a normal draw with the covariance of the days (their sampling noise
  // included), and a chi-square draw for not knowing that covariance better than from these days.
  void draw_by_day(Random& random) {
    const auto count = static_cast<double>(days_.shares.size());
    const double freedom = count - 1;
    const double cube = 1 - 2 / (9 * freedom) + std::sqrt(2 / (9 * freedom)) * random.normal();
    const double chi_square_share = std::max(0.05, cube * cube * cube);  // Wilson and Hilferty
    // The reference is a mean of days too.
    const double size = std::sqrt((1 / window_days_ + 1 / count) / freedom / chi_square_share);
    std::vector<double> shares = shares_;
    for (const std::vector<double>& deviation : days_.deviations) {
      const double weight = size * random.normal();
      for (std::size_t b = 0; b < shares.size(); ++b) shares[b] += weight * deviation[b];
    }
    // A window of fewer rows than its days had has more sampling noise than the days show.
    const double extra = 1 / rows_ - 1 / (days_.rows * window_days_);
    const std::vector<double>& some_day = days_.shares[random.below(days_.shares.size())];
    double total = 0;
    for (std::size_t b = 0; b < shares.size(); ++b) {
      const double expected = rows_ * shares_[b];
      if (std::min(expected, days_.rows * shares_[b]) < fewest_expected) {
        // Too rare for a normal draw: as on some day, or as expected where no day had any.
        const double rate = reference_.counts[b] > 0 ? (some_day[b] + shares_[b]) / 2 : shares_[b];
        window_counts_[b] = static_cast<double>(random.poisson(rows_ * rate));
        reference_counts_[b] = static_cast<double>(random.poisson(reference_rows_ * shares_[b]));
      } else {
        double share = std::max(0.0, shares[b]);
        if (extra > 0) share = static_cast<double>(random.poisson(share / extra)) * extra;
        window_counts_[b] = rows_ * share;
        reference_counts_[b] = reference_rows_ * shares_[b];
      }
      total += window_counts_[b];
    }
    if (total > 0)
      for (double& drawn : window_counts_) drawn *= rows_ / total;
  }

  const FeatureReference& reference_;
  std::vector<double> shares_;
  double rows_, reference_rows_, window_days_, design_effect_;
  bool by_day_ = false;
  Days days_;
  std::vector<double> reference_counts_, window_counts_, window_shares_;
};

// The divergence that `share` of the draws exceed. Beyond what the draws show, the tail of a sum of squares falls
// nearly exponentially; its rate is the mean excess over the 95 % quantile.
double upper_quantile(std::vector<double> draws, double share) {
  std::sort(draws.begin(), draws.end());
  const auto at = [&](double above) {
    const double place = (1 - above) * static_cast<double>(draws.size() - 1);
    return draws[static_cast<std::size_t>(std::ceil(place))];
  };
  if (share >= tail_share) return at(share);
  const double from = at(tail_share);
  double excess = 0, count = 0;
  for (auto draw = draws.rbegin(); draw != draws.rend() && *draw > from; ++draw) {
    excess += *draw - from;
    ++count;
  }
  if (count == 0) return from;
  // Ties at `from` leave fewer draws beyond it than the tail's share.
  const double beyond = count / static_cast<double>(draws.size());
  return share >= beyond ? from : from + excess / count * std::log(beyond / share);
}

double threshold_of(const FeatureReference& reference, double rows, double days, double rate,
                    const DriftOptions& options) {
  if (reference.rows == 0) return 1;
  NullDraws null(reference, rows, days, options.design_effect);
  Random random(random_key({options.seed, hash_bytes(reference.name), static_cast<std::uint64_t>(rows)}));
  std::vector<double> draws(static_cast<std::size_t>(options.simulations));
  for (double& draw : draws) draw = null.divergence(random);
  return std::min(1.0, std::sqrt(upper_quantile(std::move(draws), rate)));
}

}  // namespace

Result<DriftThresholds> calibrate_thresholds(const Reference& reference, std::int64_t rows, std::int64_t scored_rows,
                                             const DriftOptions& options, const Threads& threads) {
  SLIPWAY_TRY(const double rate, false_alarm_rate(options));
  SLIPWAY_TRY(const double days, window_days(options));
  if (options.simulations < 500) return invalid_input("simulations must be at least 500");
  DriftThresholds thresholds;
  thresholds.rows = rows;
  thresholds.scored_rows = scored_rows;
  const std::size_t features = reference.features.size();
  // Bonferroni: the budget is shared equally.
  const double each = rate / static_cast<double>(std::max<std::size_t>(1, features + (reference.score ? 1 : 0)));
  thresholds.features.assign(features, 1);
  thresholds.score = 1;
  threads.for_each(features + (reference.score ? 1 : 0), [&](std::size_t i) {
    const FeatureReference& feature = i < features ? reference.features[i] : *reference.score;
    const std::int64_t size = i < features ? rows : scored_rows;
    const double threshold = size > 0 ? threshold_of(feature, static_cast<double>(size), days, each, options) : 1;
    (i < features ? thresholds.features[i] : thresholds.score) = threshold;
  });
  return thresholds;
}

}  // namespace slipway::monitor
