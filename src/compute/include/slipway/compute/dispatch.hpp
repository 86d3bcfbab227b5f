// Choosing instructions at run time: the program is compiled for the baseline of its architecture, hot functions for
// newer ones too. All versions of a function compute the same bits (no contraction, no reassociation).
#pragma once
#include <cstdint>

// Whether files may hold functions for newer instruction sets, each set in a namespace of its own under
// `#pragma GCC target`.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SLIPWAY_HAND_SIMD 1
#endif

// Before a function of plain loops: the compiler makes one version per instruction level and the loader picks the best.
// Sanitizers' run-time libraries are not up when the loader picks, so they get one version.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_UNDEFINED__)
#define SLIPWAY_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SLIPWAY_MULTIVERSION
#endif

namespace slipway::compute {

// Whether hand-written AVX2 code may run here. SLIPWAY_NO_SIMD=1 in the environment says no, for tests and comparisons.
bool has_avx2();
// The same of AVX-512 with its F, VL, BW and DQ parts.
bool has_avx512();

// Versions of one kernel that share everything but a few hand-written functions.
enum class SimdLevel : std::uint8_t { scalar, avx2, avx512 };
// The best that is built and runs here; SLIPWAY_NO_SIMD=1 says scalar.
SimdLevel best_simd_level();

}  // namespace slipway::compute
