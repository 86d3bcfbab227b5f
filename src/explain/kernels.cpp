#include "kernels.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <slipway/compute/dispatch.hpp>

#include "interventional.hpp"

namespace slipway::explain {

// Vectors wider than the baseline's registers stay within this file, so how they are passed matters to nobody.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace portable {
#include "kernels.inl"
}  // namespace portable

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define SLIPWAY_EXPLAIN_AVX2 1
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
namespace avx2 {
#include "kernels.inl"
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

void explain_rows(const Ensemble& ensemble, const float* columns, std::size_t rows, double* sums, Scratch& scratch,
                  [[maybe_unused]] bool portable) {
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (!portable && compute::has_avx2()) return explain::avx2::explain_rows(ensemble, columns, rows, sums, scratch);
#endif
  explain::portable::explain_rows(ensemble, columns, rows, sums, scratch);
}

void explain_one(const Ensemble& ensemble, const float* values, double* sums, Scratch& scratch,
                 [[maybe_unused]] bool portable) {
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (!portable && compute::has_avx2()) return explain::avx2::explain_one(ensemble, values, sums, scratch);
#endif
  explain::portable::explain_one(ensemble, values, sums, scratch);
}

void explain_against_lanes(const Ensemble& ensemble, const PairWeights& weights, const BaselineColumns& baselines,
                           std::size_t count, const float* values, double* sums, Scratch& scratch,
                           [[maybe_unused]] bool portable) {
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (!portable && compute::has_avx2())
    return explain::avx2::explain_against_lanes(ensemble, weights, baselines, count, values, sums, scratch);
#endif
  explain::portable::explain_against_lanes(ensemble, weights, baselines, count, values, sums, scratch);
}

}  // namespace slipway::explain
