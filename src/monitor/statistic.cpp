#include "statistic.hpp"

#include <algorithm>
#include <cmath>

namespace slipway::monitor {

std::vector<double> expected_shares(const FeatureReference& reference, std::span<const double> counts) {
  std::vector<double> shares(counts.begin(), counts.end());
  for (double& share : shares) share += 0.5;
  if (reference.kind == FeatureKind::text) {
    shares[unseen_bin] += std::max(0.0, static_cast<double>(reference.singletons) - 0.5);
  } else if (reference.minimum) {
    shares[below_bin] += 0.5;
    shares.back() += 0.5;
  }
  double total = 0;
  for (double share : shares) total += share;
  for (double& share : shares) share /= total;
  return shares;
}

std::vector<double> expected_shares(const FeatureReference& reference) {
  const std::vector<double> counts(reference.counts.begin(), reference.counts.end());
  return expected_shares(reference, counts);
}

void observed_shares(std::span<const double> counts, double rows, std::span<const double> expected,
                     std::span<double> shares) {
  for (std::size_t b = 0; b < counts.size(); ++b) shares[b] = (counts[b] + expected[b]) / (rows + 1);
}

double population_stability_index(std::span<const double> expected, std::span<const double> observed) {
  double sum = 0;
  for (std::size_t b = 0; b < expected.size(); ++b)
    sum += (observed[b] - expected[b]) * std::log(observed[b] / expected[b]);
  return sum;
}

double jensen_shannon_part(double expected, double observed) {
  const double middle = (expected + observed) / 2;
  return (expected * std::log2(expected / middle) + observed * std::log2(observed / middle)) / 2;
}

double jensen_shannon_divergence(std::span<const double> expected, std::span<const double> observed) {
  double sum = 0;
  for (std::size_t b = 0; b < expected.size(); ++b) sum += jensen_shannon_part(expected[b], observed[b]);
  return std::clamp(sum, 0.0, 1.0);
}

double max_cumulative_difference(std::span<const double> expected, std::span<const double> observed,
                                 std::size_t first) {
  double expected_total = 0, observed_total = 0;
  for (std::size_t b = first; b < expected.size(); ++b) {
    expected_total += expected[b];
    observed_total += observed[b];
  }
  if (!(expected_total > 0) || !(observed_total > 0)) return 0;
  double expected_sum = 0, observed_sum = 0, largest = 0;
  for (std::size_t b = first; b < expected.size(); ++b) {
    expected_sum += expected[b] / expected_total;
    observed_sum += observed[b] / observed_total;
    largest = std::max(largest, std::abs(expected_sum - observed_sum));
  }
  return std::min(1.0, largest);
}

}  // namespace slipway::monitor
