#include "binning.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "statistics.hpp"

namespace slipway::features {
namespace {

constexpr double least_width = 1e-8;
constexpr int most_rounds = 300;
constexpr double tolerance = 1e-4;  // of the variance, for the centres' moves

// NumPy's method averaged_inverted_cdf: the value at position n * share, the mean of two where that is whole.
double averaged_inverted(std::span<const double> sorted, double share) {
  const auto n = static_cast<double>(sorted.size());
  const double place = n * share;
  const double whole = std::floor(place + 1e-12 * n);
  const auto at = [&](double index) { return sorted[static_cast<std::size_t>(std::clamp(index, 0.0, n - 1))]; };
  if (std::fabs(place - whole) < 1e-9 * std::max(1.0, place)) return (at(whole - 1) + at(whole)) / 2;
  return at(whole);
}

// Lloyd's algorithm on ascending values: each centre's values are a run.
std::vector<double> k_means(std::span<const double> sorted, std::vector<double> centres) {
  const std::size_t k = centres.size();
  double mean = 0, variance = 0;
  for (const double x : sorted) mean += x / static_cast<double>(sorted.size());
  for (const double x : sorted) variance += (x - mean) * (x - mean) / static_cast<double>(sorted.size());
  std::vector<std::size_t> nearest(sorted.size(), k);
  for (int round = 0; round < most_rounds; ++round) {
    std::vector<double> sums(k), counts(k);
    bool changed = false;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      std::size_t best = 0;
      for (std::size_t c = 1; c < k; ++c)
        if (std::fabs(sorted[i] - centres[c]) < std::fabs(sorted[i] - centres[best])) best = c;
      changed = changed || nearest[i] != best;
      nearest[i] = best;
      sums[best] += sorted[i];
      counts[best] += 1;
    }
    // A centre without values takes the value that lies farthest from its own centre.
    std::vector<bool> taken(sorted.size(), false);
    for (std::size_t c = 0; c < k; ++c) {
      if (counts[c] > 0) continue;
      std::size_t far = sorted.size();
      for (std::size_t i = 0; i < sorted.size(); ++i)
        if (!taken[i] && (far == sorted.size() ||
                          std::fabs(sorted[i] - centres[nearest[i]]) > std::fabs(sorted[far] - centres[nearest[far]])))
          far = i;
      if (far == sorted.size()) break;
      taken[far] = true;
      sums[nearest[far]] -= sorted[far];
      counts[nearest[far]] -= 1;
      sums[c] = sorted[far];
      counts[c] = 1;
    }
    double moved = 0;
    for (std::size_t c = 0; c < k; ++c) {
      if (counts[c] <= 0) continue;
      const double centre = sums[c] / counts[c];
      moved += (centre - centres[c]) * (centre - centres[c]);
      centres[c] = centre;
    }
    if (!changed || moved <= tolerance * variance) break;
  }
  std::sort(centres.begin(), centres.end());
  return centres;
}

// The smallest float that is not below x.
float rounded_up(double x) {
  const auto nearest = static_cast<float>(x);
  return static_cast<double>(nearest) < x ? std::nextafter(nearest, std::numeric_limits<float>::infinity()) : nearest;
}

}  // namespace

std::vector<float> bin_edges(std::span<const float> values, std::string_view method, int bins) {
  const std::vector<double> sorted = sorted_values(values);
  if (sorted.empty()) return {0, 1};
  const double lowest = sorted.front(), highest = sorted.back();
  if (lowest == highest)
    return {rounded_up(lowest), std::nextafter(rounded_up(lowest), std::numeric_limits<float>::infinity())};
  const auto uniform = [&](int i) { return lowest + (highest - lowest) * i / bins; };
  std::vector<double> edges = {lowest};
  if (method == "uniform") {
    for (int i = 1; i <= bins; ++i) edges.push_back(i == bins ? highest : uniform(i));
  } else if (method == "quantile") {
    for (int i = 1; i <= bins; ++i) {
      const double edge = averaged_inverted(sorted, static_cast<double>(i) / bins);
      if (edge - edges.back() > least_width) edges.push_back(edge);
    }
  } else {
    std::vector<double> centres;
    for (int i = 0; i < bins; ++i) centres.push_back((uniform(i) + uniform(i + 1)) / 2);
    centres = k_means(sorted, std::move(centres));
    for (std::size_t i = 1; i < centres.size(); ++i) edges.push_back((centres[i - 1] + centres[i]) / 2);
    edges.push_back(highest);
  }
  std::vector<float> rounded;
  for (const double edge : edges)
    if (rounded.empty() || rounded.back() < rounded_up(edge)) rounded.push_back(rounded_up(edge));
  return rounded;
}

}  // namespace slipway::features
