// Gradients as whole numbers: the gradient in the upper half of 64 bits, the hessian in the lower, so that one addition
// adds both and no sum depends on its order (LightGBM's quantised training, Shi et al. 2022, with 31 bits).
#pragma once
#include <cstdint>

#include <slipway/base/parallel.hpp>
#include <slipway/compute/buffer.hpp>

#include "boosting/loss.hpp"

namespace slipway::learners::boosting {

// A sum of packed pairs. The hessian's half never carries: it stays below 2^31 by the choice of the scale.
using Packed = std::uint64_t;
constexpr std::int32_t gradient_of(Packed sum) { return static_cast<std::int32_t>(sum >> 32); }
constexpr std::int32_t hessian_of(Packed sum) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum)); }
constexpr Packed pack(std::int32_t gradient, std::int32_t hessian) {
  return (static_cast<Packed>(static_cast<std::uint32_t>(gradient)) << 32) + static_cast<std::uint32_t>(hessian);
}

// Powers of two that a gradient and a hessian are multiplied with.
struct Scale {
  double gradient = 1;
  double hessian = 1;
};
// The largest scale at which no sum over `rows` rows can leave 31 bits.
Scale choose_scale(double sum_of_absolute_gradients, double sum_of_hessians, std::size_t rows);

// Sums over a run of rows, in a fixed order.
struct DerivativeSums {
  double absolute_gradient = 0;
  double hessian = 0;
};
DerivativeSums sum_derivatives(const float* gradients, const float* hessians, std::size_t count);

// packed[i] for i in [0, count). Values are rounded to the nearest, or, with a key, at random by the hash of first + i:
// small gradients that would all round alike stay right on average.
void pack_derivatives(const float* gradients, const float* hessians, std::size_t count, const Scale& scale,
                      std::optional<std::uint32_t> key, std::size_t first, Packed* packed);

// Rounding to the nearest serves while an average gradient is many units; beyond, it has to be at random.
inline constexpr std::size_t most_rows_rounded_to_nearest = std::size_t{1} << 22;

}  // namespace slipway::learners::boosting
