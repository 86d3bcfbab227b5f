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

#define SLIPWAY_ROW_BYTES 32
namespace portable {
#include "kernels.inl"
#include "one_row.inl"
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
#include "one_row.inl"
}  // namespace avx2
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef SLIPWAY_ROW_BYTES

#if !defined(__clang__)
#define SLIPWAY_EXPLAIN_AVX512 1
#define SLIPWAY_ROW_BYTES 64
#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512vl,avx512bw,avx512dq")
namespace avx512 {
#include "kernels.inl"
#include "one_row.inl"
}  // namespace avx512
#pragma GCC pop_options
#undef SLIPWAY_ROW_BYTES
#endif
#endif

void explain_rows(const Ensemble& ensemble, const float* columns, std::size_t rows, double* sums, Scratch& scratch,
                  [[maybe_unused]] Instructions most) {
#ifdef SLIPWAY_EXPLAIN_AVX512
  if (most == Instructions::avx512 && compute::has_avx512())
    return explain::avx512::explain_rows(ensemble, columns, rows, sums, scratch);
#endif
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (most != Instructions::portable && compute::has_avx2())
    return explain::avx2::explain_rows(ensemble, columns, rows, sums, scratch);
#endif
  explain::portable::explain_rows(ensemble, columns, rows, sums, scratch);
}

void explain_one(const Ensemble& ensemble, const float* values, double* sums, Scratch& scratch,
                 [[maybe_unused]] Instructions most) {
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (most != Instructions::portable && compute::has_avx2())
    return explain::avx2::explain_one(ensemble, values, sums, scratch);
#endif
  explain::portable::explain_one(ensemble, values, sums, scratch);
}

void explain_against_lanes(const Ensemble& ensemble, const PairWeights& weights, const BaselineColumns& baselines,
                           std::size_t count, const float* values, double* sums, Scratch& scratch,
                           [[maybe_unused]] Instructions most) {
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (most != Instructions::portable && compute::has_avx2())
    return explain::avx2::explain_against_lanes(ensemble, weights, baselines, count, values, sums, scratch);
#endif
  explain::portable::explain_against_lanes(ensemble, weights, baselines, count, values, sums, scratch);
}

}  // namespace slipway::explain
