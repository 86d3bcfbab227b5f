#include "boosting/split_search.hpp"

#include <slipway/compute/dispatch.hpp>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tree/bins.hpp"

namespace slipway::learners::boosting {
namespace {

// Sums of the bins up to each one, as floats.
struct Prefix {
  alignas(64) float gradient[256];
  alignas(64) float hessian[256];
};

// The cells minus `minus`, in place, and their running sums. All of them: what lies behind the last bin is 0, and the
// cell of missing values is the last.
void prefix_sums(Packed* cells, const Packed* minus, std::size_t size, Prefix& prefix) {
  Packed sum = 0;
  for (std::size_t x = 0; x < size; ++x) {
    if (minus != nullptr) cells[x] -= minus[x];
    sum += cells[x];
    prefix.gradient[x] = static_cast<float>(gradient_of(sum));
    prefix.hessian[x] = static_cast<float>(hessian_of(sum));
  }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) void prefix_sums_avx2(Packed* cells, const Packed* minus, std::size_t size,
                                                      Prefix& prefix) {
  const __m256i zero = _mm256_setzero_si256();
  __m256i carry = zero;
  for (std::size_t x = 0; x < size; x += 8) {
    auto* at = reinterpret_cast<__m256i*>(cells + x);
    __m256i low = _mm256_load_si256(at);
    __m256i high = _mm256_load_si256(at + 1);
    if (minus != nullptr) {
      const auto* less = reinterpret_cast<const __m256i*>(minus + x);
      low = _mm256_sub_epi64(low, _mm256_load_si256(less));
      high = _mm256_sub_epi64(high, _mm256_load_si256(less + 1));
      _mm256_store_si256(at, low);
      _mm256_store_si256(at + 1, high);
    }
    // Running sums within each half of four, then across.
    low = _mm256_add_epi64(low, _mm256_slli_si256(low, 8));
    high = _mm256_add_epi64(high, _mm256_slli_si256(high, 8));
    low = _mm256_add_epi64(low, _mm256_blend_epi32(zero, _mm256_permute4x64_epi64(low, 0x55), 0xf0));
    high = _mm256_add_epi64(high, _mm256_blend_epi32(zero, _mm256_permute4x64_epi64(high, 0x55), 0xf0));
    high = _mm256_add_epi64(high, _mm256_permute4x64_epi64(low, 0xff));
    low = _mm256_add_epi64(low, carry);
    high = _mm256_add_epi64(high, carry);
    carry = _mm256_permute4x64_epi64(high, 0xff);
    // The lower and the upper halves of the eight sums.
    const __m256 low_halves = _mm256_castsi256_ps(low);
    const __m256 high_halves = _mm256_castsi256_ps(high);
    const __m256i hessians = _mm256_castps_si256(_mm256_shuffle_ps(low_halves, high_halves, 0x88));
    const __m256i gradients = _mm256_castps_si256(_mm256_shuffle_ps(low_halves, high_halves, 0xdd));
    _mm256_store_ps(prefix.hessian + x, _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(hessians, 0xd8)));
    _mm256_store_ps(prefix.gradient + x, _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(gradients, 0xd8)));
  }
}
#endif

// gain[x] = the sum of G^2 / (H + lambda) over both sides of a split behind bin x, 0 where a side is too light. Missing
// values, if they go left, are added to every left side. Returns the largest.
SLIPWAY_MULTIVERSION float split_gains(const float* __restrict left_gradient, const float* __restrict left_hessian,
                                       std::size_t size, float missing_gradient, float missing_hessian, float gradient,
                                       float hessian, const SplitRules& rules, float* __restrict gain) {
  const float lambda = rules.reg_lambda;
  const float alpha = rules.reg_alpha;
  const float least = rules.min_hessian;
  for (std::size_t x = 0; x < size; ++x) {
    const float left_h = left_hessian[x] + missing_hessian;
    const float left_g = left_gradient[x] + missing_gradient;
    const float right_h = hessian - left_h;
    const float right_g = gradient - left_g;
    const float shrunk_left = std::abs(left_g) - alpha;
    const float shrunk_right = std::abs(right_g) - alpha;
    const float l = shrunk_left > 0 ? shrunk_left : 0.0F;
    const float r = shrunk_right > 0 ? shrunk_right : 0.0F;
    const float below_left = left_h + lambda;
    const float below_right = right_h + lambda;
    const float both = (l * l * below_right + r * r * below_left) / (below_left * below_right);
    gain[x] = (left_h >= least) & (right_h >= least) ? both : 0.0F;
  }
  float lanes[16] = {};
  for (std::size_t x = 0; x + 16 <= size; x += 16)
    for (std::size_t lane = 0; lane < 16; ++lane)
      lanes[lane] = gain[x + lane] > lanes[lane] ? gain[x + lane] : lanes[lane];
  float best = 0;
  for (float one : lanes) best = one > best ? one : best;
  for (std::size_t x = size / 16 * 16; x < size; ++x) best = gain[x] > best ? gain[x] : best;
  return best;
}

double shrink(double gradient, double alpha) {
  return gradient > alpha ? gradient - alpha : gradient < -alpha ? gradient + alpha : 0.0;
}

// The decrease of the penalised loss (times 2) by giving a leaf this value.
double score_of(double gradient, double hessian, double value, const SplitRules& rules) {
  return -(2 * gradient * value + (hessian + rules.reg_lambda) * value * value + 2 * rules.reg_alpha * std::abs(value));
}

// The same with bounds and a direction: plain, in double.
float constrained_gains(const Prefix& prefix, const FeatureCells& feature, Packed missing, Packed total,
                        const SplitRules& rules, const ValueBounds& bounds, float* gain) {
  const auto value = [&](double g, double h) {
    return std::clamp(-shrink(g, rules.reg_alpha) / (h + rules.reg_lambda), bounds.lower, bounds.upper);
  };
  float best = 0;
  for (std::size_t x = 0; x < feature.size; ++x) {
    const double left_h = prefix.hessian[x] + static_cast<double>(hessian_of(missing));
    const double left_g = prefix.gradient[x] + static_cast<double>(gradient_of(missing));
    const double right_h = hessian_of(total) - left_h;
    const double right_g = gradient_of(total) - left_g;
    gain[x] = 0;
    if (left_h < rules.min_hessian || right_h < rules.min_hessian) continue;
    const double left = value(left_g, left_h);
    const double right = value(right_g, right_h);
    if ((right - left) * feature.direction < 0) continue;
    gain[x] = static_cast<float>(
        std::max(0.0, score_of(left_g, left_h, left, rules) + score_of(right_g, right_h, right, rules)));
    best = std::max(best, gain[x]);
  }
  return best;
}

}  // namespace

double leaf_value(Packed sum, const SplitRules& rules, const ValueBounds& bounds) {
  const double below = static_cast<double>(hessian_of(sum)) + rules.reg_lambda;
  if (!(below > 0)) return std::clamp(0.0, bounds.lower, bounds.upper);
  return std::clamp(-shrink(gradient_of(sum), rules.reg_alpha) / below, bounds.lower, bounds.upper);
}

SplitCandidate best_split(const FeatureCells& feature, Packed total, const SplitRules& rules,
                          const ValueBounds& bounds) {
  Prefix prefix;
  alignas(64) float gains[256];
#if defined(__x86_64__)
  if (compute::has_avx2()) {
    prefix_sums_avx2(feature.cells, feature.minus, feature.size, prefix);
  } else {
    prefix_sums(feature.cells, feature.minus, feature.size, prefix);
  }
#else
  prefix_sums(feature.cells, feature.minus, feature.size, prefix);
#endif
  const Packed missing = feature.has_missing ? feature.cells[tree::missing_code] : 0;
  const bool constrained = feature.direction != 0 || std::isfinite(bounds.lower) || std::isfinite(bounds.upper);
  const auto gradient = static_cast<float>(gradient_of(total));
  const auto hessian = static_cast<float>(hessian_of(total));
  const double own_value = leaf_value(total, rules, bounds);
  const double own = score_of(gradient_of(total), hessian_of(total), own_value, rules);

  SplitCandidate best;
  best.feature = feature.feature;
  float best_sum = 0;
  for (int side = 0; side < (missing != 0 ? 2 : 1); ++side) {
    const Packed moved = side == 1 ? missing : 0;
    const float found =
        constrained ? constrained_gains(prefix, feature, moved, total, rules, bounds, gains)
                    : split_gains(prefix.gradient, prefix.hessian, feature.size, static_cast<float>(gradient_of(moved)),
                                  static_cast<float>(hessian_of(moved)), gradient, hessian, rules, gains);
    if (!(found > best_sum)) continue;
    std::size_t bin = 0;
    while (gains[bin] != found) ++bin;
    if (bin >= static_cast<std::size_t>(feature.bins)) continue;
    best_sum = found;
    best.bin = static_cast<std::uint8_t>(bin);
    best.missing_left = side == 1;
  }
  const double rise = best_sum - own;
  // What rounding to float could make up is no gain.
  if (!(rise > rules.min_gain) || !(rise > 1e-6 * best_sum)) return {};
  best.gain = static_cast<float>(rise);
  Packed left = best.missing_left ? missing : 0;
  for (int x = 0; x <= best.bin; ++x) left += feature.cells[x];
  best.left = left;
  int next = best.bin + 1;
  while (next < feature.bins && feature.cells[next] == 0) ++next;
  best.bin = next == feature.bins ? tree::behind_all_values : static_cast<std::uint8_t>((best.bin + next - 1) / 2);
  if (missing == 0) best.missing_left = hessian_of(left) > hessian_of(total) - hessian_of(left);
  return best;
}

}  // namespace slipway::learners::boosting
