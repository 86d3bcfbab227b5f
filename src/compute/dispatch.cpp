#include <cstdlib>

#include <slipway/compute/dispatch.hpp>

namespace slipway::compute {

bool has_avx2() {
#if defined(__x86_64__)
  static const bool available = [] {
    const char* off = std::getenv("SLIPWAY_NO_SIMD");
    return __builtin_cpu_supports("avx2") && (off == nullptr || std::string_view(off) != "1");
  }();
  return available;
#else
  return false;
#endif
}

bool has_avx512() {
#if defined(__x86_64__)
  static const bool available = has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                                __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  return available;
#else
  return false;
#endif
}

SimdLevel best_simd_level() {
#ifdef SLIPWAY_HAND_SIMD
  return has_avx512() ? SimdLevel::avx512 : has_avx2() ? SimdLevel::avx2 : SimdLevel::scalar;
#else
  return SimdLevel::scalar;
#endif
}

}  // namespace slipway::compute
