#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace slipway::features {

std::vector<double> sorted_values(std::span<const float> values) {
  std::vector<double> sorted;
  for (const float value : values)
    if (std::isfinite(value)) sorted.push_back(value);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below =
      static_cast<std::size_t>(std::clamp(std::floor(place), 0.0, static_cast<double>(sorted.size() - 1)));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double t = place - static_cast<double>(below);
  const double rise = sorted[above] - sorted[below];
  // From the nearer side, as NumPy does, so that both ends are met exactly.
  return t < 0.5 ? sorted[below] + rise * t : sorted[above] - rise * (1 - t);
}

double most_frequent(std::span<const double> sorted) {
  double best = sorted[0];
  std::size_t most = 0;
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t end = i;
    while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
    if (end - i > most) {
      most = end - i;
      best = sorted[i];
    }
    i = end;
  }
  return best;
}

Moments moments(std::span<const float> values) {
  double sum = 0;
  std::size_t count = 0;
  for (const float value : values)
    if (std::isfinite(value)) {
      sum += value;
      ++count;
    }
  Moments found;
  if (count == 0) return found;
  const auto n = static_cast<double>(count);
  found.mean = sum / n;
  for (const float value : values)
    if (std::isfinite(value)) found.variance += (value - found.mean) * (value - found.mean);
  found.variance /= n;
  // The bound of scikit-learn's _is_constant_feature.
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const double drift = n * found.mean * epsilon;
  found.constant = found.variance <= n * epsilon * found.variance + drift * drift;
  return found;
}

float to_float(double value) {
  constexpr double most = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -most, most));
}

}  // namespace slipway::features
