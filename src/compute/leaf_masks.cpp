#include <bit>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <slipway/compute/leaf_masks.hpp>

// Vectors wider than the baseline's registers stay within this file, so how they are passed matters to nobody.
#pragma GCC diagnostic ignored "-Wpsabi"
// GCC 12 warns of its own intrinsics.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace slipway::compute {
namespace {

namespace scalar {

typedef std::uint32_t Masks __attribute__((vector_size(16), may_alias));
constexpr std::size_t registers = 8;

inline void code_slots(const LeafMasks& masks, const float* row, std::size_t stride, std::uint32_t* codes) {
  for (std::size_t s = 0; s < masks.used; ++s) {
    const float x = row[masks.column[s] * stride];
    const float* edges = masks.edges.data() + masks.first_edge[s];
    std::uint32_t code = 0;
    for (std::uint32_t step = masks.half[s]; step != 0; step >>= 1) code += edges[code + step - 1] < x ? step : 0;
    codes[s] = x != x ? masks.missing_code[s] : code;
  }
}

#include "leaf_masks.inl"

}  // namespace scalar

#ifdef SLIPWAY_HAND_SIMD

#pragma GCC push_options
#pragma GCC target("avx2,bmi")
namespace avx2 {

typedef std::uint32_t Masks __attribute__((vector_size(32), may_alias));
constexpr std::size_t registers = 8;

inline void code_slots(const LeafMasks& masks, const float* row, std::size_t stride, std::uint32_t* codes) {
  const auto load = [](const std::vector<std::uint32_t>& from, std::size_t at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from.data() + at));
  };
  const __m256i one = _mm256_set1_epi32(1);
  for (std::size_t s = 0; s < masks.used; s += 8) {
    const __m256i place = _mm256_mullo_epi32(load(masks.column, s), _mm256_set1_epi32(static_cast<int>(stride)));
    const __m256 x = _mm256_i32gather_ps(row, place, 4);
    const __m256i first = load(masks.first_edge, s);
    __m256i step = load(masks.half, s), code = _mm256_setzero_si256();
    // A search that has ended looks at some edge and adds nothing.
    for (std::uint32_t left = masks.half[s]; left != 0; left >>= 1, step = _mm256_srli_epi32(step, 1)) {
      const __m256i at =
          _mm256_add_epi32(_mm256_add_epi32(first, code), _mm256_sub_epi32(_mm256_max_epu32(step, one), one));
      const __m256i above =
          _mm256_castps_si256(_mm256_cmp_ps(_mm256_i32gather_ps(masks.edges.data(), at, 4), x, _CMP_LT_OQ));
      code = _mm256_add_epi32(code, _mm256_and_si256(above, step));
    }
    const __m256i none = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    _mm256_store_si256(reinterpret_cast<__m256i*>(codes + s),
                       _mm256_blendv_epi8(code, load(masks.missing_code, s), none));
  }
}

#include "leaf_masks.inl"

}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,bmi,avx512f,avx512vl,avx512bw,avx512dq")
namespace avx512 {

typedef std::uint32_t Masks __attribute__((vector_size(64), may_alias));
constexpr std::size_t registers = 8;

inline void code_slots(const LeafMasks& masks, const float* row, std::size_t stride, std::uint32_t* codes) {
  const __m512i one = _mm512_set1_epi32(1);
  for (std::size_t s = 0; s < masks.used; s += 16) {
    const __m512i place =
        _mm512_mullo_epi32(_mm512_loadu_si512(&masks.column[s]), _mm512_set1_epi32(static_cast<int>(stride)));
    const __m512 x = _mm512_i32gather_ps(place, row, 4);
    const __m512i first = _mm512_loadu_si512(&masks.first_edge[s]);
    __m512i step = _mm512_loadu_si512(&masks.half[s]), code = _mm512_setzero_si512();
    // A search that has ended looks at some edge and adds nothing.
    for (std::uint32_t left = masks.half[s]; left != 0; left >>= 1, step = _mm512_srli_epi32(step, 1)) {
      const __m512i at =
          _mm512_add_epi32(_mm512_add_epi32(first, code), _mm512_sub_epi32(_mm512_max_epu32(step, one), one));
      const __mmask16 above = _mm512_cmp_ps_mask(_mm512_i32gather_ps(at, masks.edges.data(), 4), x, _CMP_LT_OQ);
      code = _mm512_mask_add_epi32(code, above, code, step);
    }
    const __mmask16 none = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    _mm512_store_si512(codes + s, _mm512_mask_loadu_epi32(code, none, &masks.missing_code[s]));
  }
}

#include "leaf_masks.inl"

}  // namespace avx512
#pragma GCC pop_options
#endif

}  // namespace

void score_masked(const LeafMasks& masks, const float* row, std::size_t stride, SimdLevel level,
                  LeafMaskScratch& scratch, float* out, std::size_t out_stride) {
#ifdef SLIPWAY_HAND_SIMD
  if (level == SimdLevel::avx512) return avx512::score(masks, row, stride, scratch, out, out_stride);
  if (level == SimdLevel::avx2) return avx2::score(masks, row, stride, scratch, out, out_stride);
#else
  static_cast<void>(level);
#endif
  scalar::score(masks, row, stride, scratch, out, out_stride);
}

}  // namespace slipway::compute
