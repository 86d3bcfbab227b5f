#include "kernels.hpp"

#include <algorithm>
#include <cstdint>

namespace slipway::explain {

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

namespace {
bool has_avx2() {
#ifdef SLIPWAY_EXPLAIN_AVX2
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
#else
  return false;
#endif
}
}  // namespace

void explain_rows(const Ensemble& ensemble, const float* columns, std::size_t rows, double* sums, Scratch& scratch,
                  [[maybe_unused]] bool portable) {
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (!portable && has_avx2()) return explain::avx2::explain_rows(ensemble, columns, rows, sums, scratch);
#endif
  explain::portable::explain_rows(ensemble, columns, rows, sums, scratch);
}

void explain_one(const Ensemble& ensemble, const float* values, double* sums, Scratch& scratch,
                 [[maybe_unused]] bool portable) {
#ifdef SLIPWAY_EXPLAIN_AVX2
  if (!portable && has_avx2()) return explain::avx2::explain_one(ensemble, values, sums, scratch);
#endif
  explain::portable::explain_one(ensemble, values, sums, scratch);
}

}  // namespace slipway::explain
