// The SHAP kernels, each compiled for the portable instruction set, for AVX2 and for AVX-512. All give the same numbers
// on every processor: the operations are the same, lane by lane, and nothing is fused.
#pragma once
#include <cstddef>
#include <vector>

#include "ensemble.hpp"

namespace slipway::explain {

inline constexpr std::size_t block_rows = 512;  // rows that share the constants of a tree
inline constexpr std::uint32_t deepest_recursion = 400;

// The most that a kernel may use of what the processor has, for tests.
enum class Instructions { portable, avx2, avx512 };

// Buffers that calls reuse, one set per thread.
// A feature of a row and of a baseline, side by side, and whose side was taken where they part first: 0 neither's,
// 1 the row's, 2 the baseline's.
struct PairValue {
  float row, baseline;
  std::uint32_t taken;
};

struct Scratch {
  std::vector<float> floats;
  std::vector<unsigned char> bytes;
  std::vector<PairValue> pair;
  // At least `count` floats, aligned to a cache line.
  float* aligned(std::size_t count) {
    if (floats.size() < count + 16) floats.resize(count + 16);
    const auto address = reinterpret_cast<std::uintptr_t>(floats.data());
    return floats.data() + (64 - address % 64) % 64 / sizeof(float);
  }
};

// Unscaled contributions of up to block_rows rows. columns[feature * block_rows + row] holds the ensemble's features,
// padded to a multiple of 64 rows; sums[(output * features + feature) * block_rows + row] is added to. Needs a depth of
// at most deepest_recursion.
void explain_rows(const Ensemble& ensemble, const float* columns, std::size_t rows, double* sums, Scratch& scratch,
                  Instructions most = Instructions::avx512);

// The same for one row: values[feature], sums[output * features + feature]. Any depth.
void explain_one(const Ensemble& ensemble, const float* values, double* sums, Scratch& scratch,
                 Instructions most = Instructions::avx512);

struct PairWeights;
struct BaselineColumns;
// One row against the first `count` baselines, eight at a time; as explain_against, which see. Needs a depth of at most
// deepest_recursion.
void explain_against_lanes(const Ensemble& ensemble, const PairWeights& weights, const BaselineColumns& baselines,
                           std::size_t count, const float* values, double* sums, Scratch& scratch, Instructions most);

}  // namespace slipway::explain
