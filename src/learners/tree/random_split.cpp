#include "tree/random_split.hpp"

#include <slipway/base/random.hpp>

namespace slipway::learners::tree {

RandomSplit draw_split(const Bins& bins, std::size_t feature, int lowest, int highest, bool has_missing,
                       std::uint64_t node_key) {
  if (lowest == highest) return {behind_all_values, false};
  Random random(combine_key(combine_key(node_key, 3), feature));
  constexpr double largest = std::numeric_limits<float>::max();
  const auto& lows = bins.lowest[feature];
  const double low = std::clamp<double>(lows[static_cast<std::size_t>(lowest)], -largest, largest);
  const double high = std::clamp<double>(bins.highest[feature][static_cast<std::size_t>(highest)], -largest, largest);
  const double threshold = low + random.uniform() * (high - low);
  const auto first = lows.begin() + lowest;
  const auto drawn = std::upper_bound(first + 1, lows.begin() + highest, threshold) - lows.begin() - 1;
  return {static_cast<int>(drawn), has_missing && random.uniform() < 0.5};
}

}  // namespace slipway::learners::tree
