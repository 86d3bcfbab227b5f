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

// G^2 / (H + lambda) of both sides of a split behind each bin, 0 where a side is too light; the L1 penalty is a
// constant where there is none.
template <bool Penalised>
[[gnu::always_inline]] inline void gains_of(const float* __restrict left_gradient, const float* __restrict left_hessian,
                                            std::size_t size, float missing_gradient, float missing_hessian,
                                            float gradient, float hessian, const SplitRules& rules,
                                            float* __restrict gain) {
  const float lambda = rules.reg_lambda;
  const float alpha = rules.reg_alpha;
  const float least = rules.min_hessian;
  const auto shrunk = [&](float g) {
    if constexpr (!Penalised) return g;
    const float rest = std::abs(g) - alpha;
    return rest > 0 ? rest : 0.0F;
  };
  for (std::size_t x = 0; x < size; ++x) {
    const float left_h = left_hessian[x] + missing_hessian;
    const float left_g = left_gradient[x] + missing_gradient;
    const float right_h = hessian - left_h;
    const float right_g = gradient - left_g;
    const float l = shrunk(left_g);
    const float r = shrunk(right_g);
    const float below_left = left_h + lambda;
    const float below_right = right_h + lambda;
    const float both = (l * l * below_right + r * r * below_left) / (below_left * below_right);
    gain[x] = (left_h >= least) & (right_h >= least) ? both : 0.0F;
  }
}

// gain[x] = the sum of G^2 / (H + lambda) over both sides of a split behind bin x, 0 where a side is too light. Missing
// values, if they go left, are added to every left side. Returns the largest. `size` is a multiple of 8.
SLIPWAY_MULTIVERSION float split_gains(const float* __restrict left_gradient, const float* __restrict left_hessian,
                                       std::size_t size, float missing_gradient, float missing_hessian, float gradient,
                                       float hessian, const SplitRules& rules, float* __restrict gain) {
  if (rules.reg_alpha > 0) {
    gains_of<true>(left_gradient, left_hessian, size, missing_gradient, missing_hessian, gradient, hessian, rules,
                   gain);
  } else {
    gains_of<false>(left_gradient, left_hessian, size, missing_gradient, missing_hessian, gradient, hessian, rules,
                    gain);
  }
  constexpr std::size_t lane_count = 8;
  float lanes[lane_count] = {};
  for (std::size_t x = 0; x < size; x += lane_count)
    for (std::size_t lane = 0; lane < lane_count; ++lane)
      lanes[lane] = gain[x + lane] > lanes[lane] ? gain[x + lane] : lanes[lane];
  for (std::size_t half = lane_count / 2; half != 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane)
      lanes[lane] = lanes[lane + half] > lanes[lane] ? lanes[lane + half] : lanes[lane];
  return lanes[0];
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

SplitNode::SplitNode(Packed sum, const SplitRules& rules, const ValueBounds& limits)
    : total(sum),
      bounds(limits),
      score(score_of(gradient_of(sum), hessian_of(sum), leaf_value(sum, rules, limits), rules)) {}

SplitCandidate best_split(const FeatureCells& feature, const SplitNode& node, const SplitRules& rules,
                          float least_gain) {
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
  const ValueBounds& bounds = node.bounds;
  const bool constrained = feature.direction != 0 || std::isfinite(bounds.lower) || std::isfinite(bounds.upper);
  const auto gradient = static_cast<float>(gradient_of(node.total));
  const auto hessian = static_cast<float>(hessian_of(node.total));

  SplitCandidate best;
  best.feature = feature.feature;
  best.gain = least_gain;
  bool found_one = false;
  for (int side = 0; side < (missing != 0 ? 2 : 1); ++side) {
    const Packed moved = side == 1 ? missing : 0;
    const float found =
        constrained ? constrained_gains(prefix, feature, moved, node.total, rules, bounds, gains)
                    : split_gains(prefix.gradient, prefix.hessian, feature.size, static_cast<float>(gradient_of(moved)),
                                  static_cast<float>(hessian_of(moved)), gradient, hessian, rules, gains);
    if (!(found > 0)) continue;
    const double rise = found - node.score;
    // What rounding to float could make up is no gain.
    if (!(rise > rules.min_gain) || !(rise > 1e-6 * found) || !(static_cast<float>(rise) > best.gain)) continue;
    const auto bin = std::find(gains, gains + feature.size, found) - gains;
    if (bin >= feature.bins) continue;
    best.gain = static_cast<float>(rise);
    best.bin = static_cast<std::uint8_t>(bin);
    best.missing_left = side == 1;
    found_one = true;
  }
  if (!found_one) return {};
  Packed left = best.missing_left ? missing : 0;
  for (int x = 0; x <= best.bin; ++x) left += feature.cells[x];
  best.left = left;
  int next = best.bin + 1;
  while (next < feature.bins && feature.cells[next] == 0) ++next;
  best.bin = next == feature.bins ? tree::behind_all_values : static_cast<std::uint8_t>((best.bin + next - 1) / 2);
  if (missing == 0) best.missing_left = hessian_of(left) > hessian_of(node.total) - hessian_of(left);
  return best;
}

}  // namespace slipway::learners::boosting
