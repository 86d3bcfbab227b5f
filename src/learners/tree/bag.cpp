#include "tree/bag.hpp"

#include <slipway/base/random.hpp>
#include <slipway/compute/dispatch.hpp>

namespace slipway::learners::tree {
namespace {

constexpr int levels = 8;
constexpr std::uint8_t most_draws = 15;

// 2^32 * P(Poisson(mean) <= k), less 1: a uniform 32-bit number above it means more than k.
std::array<std::uint32_t, levels> poisson_limits(double mean) {
  std::array<std::uint32_t, levels> limits;
  double term = std::exp(-mean);
  double sum = 0;
  for (int k = 0; k < levels; ++k) {
    sum += term;
    term *= mean / (k + 1);
    limits[k] = static_cast<std::uint32_t>(std::clamp(std::floor(sum * 0x1p32), 1.0, 0x1p32) - 1);
  }
  return limits;
}

// A Poisson number per row from a hash of its position (a variant of lowbias32 with a second key word), and their sum.
SLIPWAY_MULTIVERSION std::uint64_t poisson_counts(std::uint32_t low_key, std::uint32_t high_key,
                                                  const std::uint32_t* limits, std::uint8_t* counts,
                                                  std::uint32_t size) {
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    std::uint32_t x = i * 0x9e3779b1U + low_key;
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x += high_key;
    x *= 0x846ca68bU;
    x ^= x >> 16;
    std::uint32_t count = 0;
    for (int k = 0; k < levels; ++k) count += x > limits[k] ? 1U : 0U;
    counts[i] = static_cast<std::uint8_t>(count);
    sum += count;
  }
  return sum;
}

}  // namespace

void draw_bag(std::uint64_t key, std::uint64_t draws, std::span<std::uint8_t> counts) {
  const auto size = static_cast<std::uint32_t>(counts.size());
  const auto limits = poisson_limits(static_cast<double>(draws) / size);
  const std::uint64_t hashed = mix_bits(key);
  std::uint64_t sum = poisson_counts(static_cast<std::uint32_t>(hashed), static_cast<std::uint32_t>(hashed >> 32),
                                     limits.data(), counts.data(), size);
  // Poisson numbers with a given sum are multinomial; adding a draw, or taking back one of those made, keeps them so.
  Random random(combine_key(key, 1));
  while (sum < draws) {
    std::uint8_t& count = counts[random.below(size)];
    if (count == most_draws) continue;
    ++count;
    ++sum;
  }
  while (sum > draws) {
    const std::uint64_t value = random();
    std::uint8_t& count = counts[static_cast<std::uint64_t>((static_cast<unsigned __int128>(value) * size) >> 64)];
    if ((value & 15) >= count) continue;
    --count;
    --sum;
  }
}

}  // namespace slipway::learners::tree
