#include "kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace slipway::engine {

#if defined(__x86_64__)

namespace {

// Two groups, four vectors of eight rows: enough walks in flight to hide the gathers' latency.
constexpr std::size_t vectors = 4;
constexpr std::size_t lanes = 8;

template <unsigned bits>
__attribute__((target("avx2"))) inline void walk_two_groups(const Forest<CompactNode<bits>>& forest, std::size_t tree,
                                                            const std::int32_t* coded, std::size_t group_size,
                                                            std::int32_t* held) {
  const auto* keys = reinterpret_cast<const int*>(forest.nodes.data() + forest.roots[tree]);
  const __m256i mask = _mm256_set1_epi32((1 << bits) - 1);
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int* rows[vectors] = {coded, coded + lanes, coded + group_size, coded + group_size + lanes};
  __m256i at[vectors];
#pragma GCC unroll 4
  for (std::size_t v = 0; v < vectors; ++v) at[v] = _mm256_setzero_si256();
  for (std::uint32_t step = forest.depths[tree]; step > 0; --step) {
#pragma GCC unroll 4
    for (std::size_t v = 0; v < vectors; ++v) {
      const __m256i key = _mm256_i32gather_epi32(keys, at[v], 8);
      const __m256i packed = _mm256_i32gather_epi32(keys + 1, at[v], 8);
      const __m256i x = _mm256_i32gather_epi32(rows[v], _mm256_or_si256(lane, _mm256_and_si256(packed, mask)), 4);
      at[v] = _mm256_sub_epi32(_mm256_srli_epi32(packed, bits), _mm256_cmpgt_epi32(x, key));
    }
  }
#pragma GCC unroll 4
  for (std::size_t v = 0; v < vectors; ++v)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(held + v * lanes), _mm256_i32gather_epi32(keys, at[v], 8));
}

}  // namespace

#endif

template <class Node>
void walk_tree_avx2(const Forest<Node>& forest, std::size_t tree, const std::int32_t* coded, std::size_t group_size,
                    std::size_t groups, std::int32_t* held) {
  std::size_t g = 0;
#if defined(__x86_64__)
  if constexpr (!std::is_same_v<Node, WideNode>)
    for (; g + 2 <= groups; g += 2)
      walk_two_groups(forest, tree, coded + g * group_size, group_size, held + g * group_rows);
#endif
  walk_tree_interleaved(forest, tree, coded + g * group_size, group_size, groups - g, held + g * group_rows);
}

template void walk_tree_avx2(const Forest<CompactNode<12>>&, std::size_t, const std::int32_t*, std::size_t, std::size_t,
                             std::int32_t*);
template void walk_tree_avx2(const Forest<CompactNode<16>>&, std::size_t, const std::int32_t*, std::size_t, std::size_t,
                             std::int32_t*);
template void walk_tree_avx2(const Forest<WideNode>&, std::size_t, const std::int32_t*, std::size_t, std::size_t,
                             std::int32_t*);

}  // namespace slipway::engine
