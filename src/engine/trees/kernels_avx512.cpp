#include <algorithm>

#include "kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace slipway::engine {

#if defined(__x86_64__)

namespace {

// 64 trees in flight hide the gathers' latency. A gather fetches whole nodes, eight bytes each, so that a step costs
// one load a tree; the row stands in two registers.
constexpr std::size_t vectors = 4;
constexpr std::size_t lanes = 16;

#define SLIPWAY_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq")))

struct Fetched {
  __m512i keys, packed;
};
// Parts 16 nodes that stand in two vectors.
SLIPWAY_AVX512 inline Fetched part(__m512i low, __m512i high) {
  const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
  return {_mm512_permutex2var_epi32(low, evens, high), _mm512_permutex2var_epi32(low, odds, high)};
}
// The nodes of 16 places.
SLIPWAY_AVX512 inline Fetched fetch(const void* nodes, __m512i at) {
  return part(_mm512_i32gather_epi64(_mm512_castsi512_si256(at), nodes, 8),
              _mm512_i32gather_epi64(_mm512_extracti64x4_epi64(at, 1), nodes, 8));
}

template <unsigned bits>
SLIPWAY_AVX512 inline void walk(const Forest<CompactNode<bits>>& forest, std::size_t slots, const std::int32_t* row,
                                std::int32_t* held) {
  static_assert(sizeof(CompactNode<bits>) == 8);
  const auto* nodes = forest.nodes.data();
  alignas(64) std::int32_t values[2 * lanes] = {};
  for (std::size_t s = 0; s < slots; ++s) values[s] = row[s * group_rows];
  const __m512i first_values = _mm512_load_si512(values);
  const __m512i other_values = _mm512_load_si512(values + lanes);
  const __m512i one = _mm512_set1_epi32(1);
  const auto is_right = [&](const Fetched& node) SLIPWAY_AVX512 {
    // The lower five bits choose among 32 values; nodes hold slot * 16.
    const __m512i x = _mm512_permutex2var_epi32(first_values, _mm512_srli_epi32(node.packed, 4), other_values);
    return _mm512_cmpgt_epi32_mask(x, node.keys);
  };
  const std::size_t trees = forest.roots.size();
  const std::uint32_t* which = forest.by_depth.data();
  for (std::size_t first = 0; first < trees; first += vectors * lanes) {
    __m512i roots[vectors], at[vectors];
    const auto* tops = forest.tops.data() + first / lanes;
#pragma GCC unroll 4
    for (std::size_t v = 0; v < vectors; ++v) {
      // The first two steps: what they may read stands together.
      const auto top = [&](int k) SLIPWAY_AVX512 {
        return part(_mm512_load_si512(tops[v].nodes[k]), _mm512_load_si512(tops[v].nodes[k] + lanes / 2));
      };
      roots[v] = _mm512_load_si512(tops[v].root);
      const __mmask16 right = is_right(top(0));
      const Fetched left_child = top(1), right_child = top(2);
      const Fetched node = {_mm512_mask_blend_epi32(right, left_child.keys, right_child.keys),
                            _mm512_mask_blend_epi32(right, left_child.packed, right_child.packed)};
      const __m512i left = _mm512_add_epi32(roots[v], _mm512_srli_epi32(node.packed, bits));
      at[v] = _mm512_mask_add_epi32(left, is_right(node), left, one);
    }
    for (std::uint32_t step = 2; step < forest.depths[which[first]]; ++step) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < vectors; ++v) {
        const Fetched node = fetch(nodes, at[v]);
        const __m512i left = _mm512_add_epi32(roots[v], _mm512_srli_epi32(node.packed, bits));
        at[v] = _mm512_mask_add_epi32(left, is_right(node), left, one);
      }
    }
    alignas(64) std::int32_t keys[vectors * lanes];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < vectors; ++v) _mm512_store_si512(keys + v * lanes, fetch(nodes, at[v]).keys);
    for (std::size_t i = 0; i < std::min(vectors * lanes, trees - first); ++i) held[which[first + i]] = keys[i];
  }
}

}  // namespace

#endif

template <class Node>
void walk_row_avx512(const Forest<Node>& forest, [[maybe_unused]] std::size_t slots, const std::int32_t* row,
                     std::int32_t* held) {
#if defined(__x86_64__)
  if constexpr (!std::is_same_v<Node, WideNode>)
    if (slots <= 2 * lanes && forest.nodes.size() < 0x7fffffff) return walk(forest, slots, row, held);
#endif
  walk_row_interleaved(forest, row, held);
}

template void walk_row_avx512(const Forest<CompactNode<12>>&, std::size_t, const std::int32_t*, std::int32_t*);
template void walk_row_avx512(const Forest<CompactNode<16>>&, std::size_t, const std::int32_t*, std::int32_t*);
template void walk_row_avx512(const Forest<WideNode>&, std::size_t, const std::int32_t*, std::int32_t*);

}  // namespace slipway::engine
