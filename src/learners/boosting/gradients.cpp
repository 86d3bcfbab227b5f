#include "boosting/gradients.hpp"

#include <slipway/compute/dispatch.hpp>

#include "boosting/vector_math.hpp"

namespace slipway::learners::boosting {
namespace {

double power_of_two_below(double value) { return std::ldexp(1.0, std::ilogb(value)); }

// With constant offsets of one half this rounds to the nearest. floor() by truncation, which every instruction set has.
inline std::int32_t floor_to_integer(float x) {
  const auto truncated = static_cast<std::int32_t>(x);
  return truncated - (static_cast<float>(truncated) > x ? 1 : 0);
}

SLIPWAY_MULTIVERSION void pack_to_nearest(const float* __restrict gradients, const float* __restrict hessians,
                                          std::size_t count, float gradient_scale, float hessian_scale,
                                          Packed* __restrict packed) {
  for (std::size_t i = 0; i < count; ++i)
    packed[i] = pack(floor_to_integer(gradients[i] * gradient_scale + 0.5F),
                     floor_to_integer(hessians[i] * hessian_scale + 0.5F));
}

SLIPWAY_MULTIVERSION void pack_at_random(const float* __restrict gradients, const float* __restrict hessians,
                                         std::size_t count, float gradient_scale, float hessian_scale,
                                         std::uint32_t key, std::uint32_t first, Packed* __restrict packed) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = first + static_cast<std::uint32_t>(i);
    packed[i] = pack(floor_to_integer(gradients[i] * gradient_scale + hashed_uniform(index, key)),
                     floor_to_integer(hessians[i] * hessian_scale + hashed_uniform(index, key ^ 0x5bd1e995U)));
  }
}

// Many sums side by side, because one addition has to wait for the one before.
constexpr std::size_t lanes = 64;

SLIPWAY_MULTIVERSION void sum_lanes(const float* __restrict gradients, const float* __restrict hessians,
                                    std::size_t count, float* __restrict gradient_lanes,
                                    float* __restrict hessian_lanes) {
  for (std::size_t i = 0; i + lanes <= count; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      gradient_lanes[lane] += std::abs(gradients[i + lane]);
      hessian_lanes[lane] += hessians[i + lane];
    }
}

}  // namespace

Scale choose_scale(double sum_of_absolute_gradients, double sum_of_hessians, std::size_t rows) {
  // Each rounding may add a unit; the floats they start from are exact to 2^-24.
  const double most = 2147483647.0 - 1024.0 - static_cast<double>(rows);
  const auto scale = [&](double sum) {
    return sum > 0 ? std::min(power_of_two_below(most / (sum * 1.0001)), 0x1.0p100) : 1.0;
  };
  return {scale(sum_of_absolute_gradients), scale(sum_of_hessians)};
}

DerivativeSums sum_derivatives(const float* gradients, const float* hessians, std::size_t count) {
  DerivativeSums sums;
  for (std::size_t begin = 0; begin < count; begin += block_rows) {
    const std::size_t rows = std::min(block_rows, count - begin);
    float gradient_lanes[lanes] = {};
    float hessian_lanes[lanes] = {};
    sum_lanes(gradients + begin, hessians + begin, rows, gradient_lanes, hessian_lanes);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      sums.absolute_gradient += gradient_lanes[lane];
      sums.hessian += hessian_lanes[lane];
    }
    for (std::size_t i = begin + rows / lanes * lanes; i < begin + rows; ++i) {
      sums.absolute_gradient += std::abs(gradients[i]);
      sums.hessian += hessians[i];
    }
  }
  return sums;
}

void pack_derivatives(const float* gradients, const float* hessians, std::size_t count, const Scale& scale,
                      std::optional<std::uint32_t> key, std::size_t first, Packed* packed) {
  const auto gradient_scale = static_cast<float>(scale.gradient);
  const auto hessian_scale = static_cast<float>(scale.hessian);
  if (key) {
    pack_at_random(gradients, hessians, count, gradient_scale, hessian_scale, *key, static_cast<std::uint32_t>(first),
                   packed);
  } else {
    pack_to_nearest(gradients, hessians, count, gradient_scale, hessian_scale, packed);
  }
}

}  // namespace slipway::learners::boosting
