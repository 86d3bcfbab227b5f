#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <slipway/compute/bit_sliced_trees.hpp>

// Vectors wider than the baseline's registers stay within this file, so how they are passed matters to nobody.
#pragma GCC diagnostic ignored "-Wpsabi"
// GCC 12 warns of its own intrinsics.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace slipway::compute {
namespace {

// Adds values[index[row]] of every output.
template <class Index>
inline void add_looked_up(const BitSlicedTrees& trees, const BitSlicedTrees::Tree& tree, const Index* index,
                          std::size_t rows, float* out, std::size_t out_stride) {
  const std::size_t size = trees.table_size(tree);
  for (std::size_t k = 0; k < trees.outputs; ++k) {
    const float* values = trees.values.data() + tree.table + k * size;
    float* column = out + k * out_stride;
    for (std::size_t r = 0; r < rows; ++r) column[r] += values[index[r]];
  }
}

// ---- the meaning, in plain words of 64 rows

namespace scalar {

inline void code_rows(const BitSlicedTrees::Slot& slot, const float* edges, const float* column, std::size_t rows,
                      std::uint16_t* codes) {
  for (std::size_t r = 0; r < rows; ++r) codes[r] = code_of(slot, edges, column[r]);
  std::fill(codes + rows, codes + sliced_rows, static_cast<std::uint16_t>(0));
}

template <class Planes>
inline void split_planes(const std::uint16_t* codes, unsigned bits, Planes* planes) {
  for (unsigned b = 0; b < bits; ++b)
    for (std::size_t w = 0; w < 4; ++w) {
      std::uint64_t word = 0;
      for (std::size_t r = 0; r < 64; ++r) word |= std::uint64_t{(codes[64 * w + r] >> b) & 1U} << r;
      planes[b][w] = word;
    }
}

template <class Planes>
inline void add_leaves(const BitSlicedTrees& trees, const BitSlicedTrees::Tree& tree, const Planes* planes,
                       std::size_t rows, float* out, std::size_t out_stride) {
  std::uint16_t index[sliced_rows];
  for (std::size_t r = 0; r < rows; ++r) {
    unsigned place = 0;
    for (std::uint32_t k = 0; k < tree.planes; ++k)
      place |= static_cast<unsigned>(planes[k][r / 64] >> (r % 64) & 1) << k;
    index[r] = static_cast<std::uint16_t>(place);
  }
  add_looked_up(trees, tree, index, rows, out, out_stride);
}

#include "bit_sliced.inl"

}  // namespace scalar

#ifdef SLIPWAY_HAND_SIMD

// Eight vectors of bytes a[k] (bits of 256 rows each) to 256 bytes whose bit k is the row's bit in a[k].
#define SLIPWAY_TRANSPOSE_BYTES                                                                                        \
  inline void transpose_planes(const __m256i* a, std::uint8_t* index) {                                                \
    __m256i b[8], c[8];                                                                                                \
    for (int i = 0; i < 4; ++i) {                                                                                      \
      b[2 * i] = _mm256_unpacklo_epi8(a[2 * i], a[2 * i + 1]);                                                         \
      b[2 * i + 1] = _mm256_unpackhi_epi8(a[2 * i], a[2 * i + 1]);                                                     \
    }                                                                                                                  \
    for (int i = 0; i < 2; ++i)                                                                                        \
      for (int h = 0; h < 2; ++h) {                                                                                    \
        c[4 * i + 2 * h] = _mm256_unpacklo_epi16(b[4 * i + h], b[4 * i + 2 + h]);                                      \
        c[4 * i + 2 * h + 1] = _mm256_unpackhi_epi16(b[4 * i + h], b[4 * i + 2 + h]);                                  \
      }                                                                                                                \
    for (int i = 0; i < 4; ++i)                                                                                        \
      for (int h = 0; h < 2; ++h) {                                                                                    \
        /* Eight bytes of eight rows each, four times: transposed as 8 x 8 bits (Warren, Hacker's Delight, 7-3). */    \
        __m256i x = h == 0 ? _mm256_unpacklo_epi32(c[i], c[i + 4]) : _mm256_unpackhi_epi32(c[i], c[i + 4]);            \
        __m256i t =                                                                                                    \
            _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 7)), _mm256_set1_epi64x(0x00AA00AA00AA00AALL));  \
        x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 7)));                                         \
        t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 14)), _mm256_set1_epi64x(0x0000CCCC0000CCCCLL)); \
        x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 14)));                                        \
        t = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64(x, 28)), _mm256_set1_epi64x(0x00000000F0F0F0F0LL)); \
        x = _mm256_xor_si256(x, _mm256_xor_si256(t, _mm256_slli_epi64(t, 28)));                                        \
        /* The low half holds bytes 4 i + 2 h and the next of the planes, the high half those 16 further. */           \
        _mm_storeu_si128(reinterpret_cast<__m128i*>(index + 32 * i + 16 * h), _mm256_castsi256_si128(x));              \
        _mm_storeu_si128(reinterpret_cast<__m128i*>(index + 128 + 32 * i + 16 * h), _mm256_extracti128_si256(x, 1));   \
      }                                                                                                                \
  }

#pragma GCC push_options
#pragma GCC target("avx2,bmi")
namespace avx2 {

SLIPWAY_TRANSPOSE_BYTES

inline void code_rows(const BitSlicedTrees::Slot& slot, const float* edges, const float* column, std::size_t rows,
                      std::uint16_t* codes) {
  const __m256i missing = _mm256_set1_epi32(slot.missing_above ? static_cast<int>(slot.edge_count) : 0);
  std::size_t r = 0;
  for (; r + 16 <= rows; r += 16) {
    __m256i found[2];
    for (int half = 0; half < 2; ++half) {
      const __m256 x = _mm256_loadu_ps(column + r + 8 * half);
      __m256i code = _mm256_setzero_si256();
      for (std::uint32_t step = 1U << (slot.bits - 1); step != 0; step >>= 1) {
        const __m256 edge = _mm256_i32gather_ps(edges + step - 1, code, 4);
        const __m256i above = _mm256_castps_si256(_mm256_cmp_ps(edge, x, _CMP_LT_OQ));
        code = _mm256_add_epi32(code, _mm256_and_si256(above, _mm256_set1_epi32(static_cast<int>(step))));
      }
      const __m256i none = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
      found[half] = _mm256_blendv_epi8(code, missing, none);
    }
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(found[0], found[1]), 0xD8);
    _mm256_store_si256(reinterpret_cast<__m256i*>(codes + r), packed);
  }
  for (; r < rows; ++r) codes[r] = code_of(slot, edges, column[r]);
  std::fill(codes + rows, codes + sliced_rows, static_cast<std::uint16_t>(0));
}

template <class Planes>
inline void split_planes(const std::uint16_t* codes, unsigned bits, Planes* planes) {
  auto* words = reinterpret_cast<std::uint32_t*>(planes);
  for (std::size_t w = 0; w < 8; ++w) {
    const __m256i a = _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + 32 * w));
    const __m256i b = _mm256_load_si256(reinterpret_cast<const __m256i*>(codes + 32 * w + 16));
    const __m256i byte = _mm256_set1_epi16(255);
    const __m256i low =
        _mm256_permute4x64_epi64(_mm256_packus_epi16(_mm256_and_si256(a, byte), _mm256_and_si256(b, byte)), 0xD8);
    const __m256i high =
        _mm256_permute4x64_epi64(_mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8)), 0xD8);
    for (unsigned k = 0; k < bits; ++k)
      words[8 * k + w] = static_cast<std::uint32_t>(
          _mm256_movemask_epi8(_mm256_sll_epi16(k < 8 ? low : high, _mm_cvtsi32_si128(7 - static_cast<int>(k % 8)))));
  }
}

template <class Planes>
inline void add_leaves(const BitSlicedTrees& trees, const BitSlicedTrees::Tree& tree, const Planes* planes,
                       std::size_t rows, float* out, std::size_t out_stride) {
  alignas(32) std::uint8_t low[sliced_rows], high[sliced_rows];
  transpose_planes(reinterpret_cast<const __m256i*>(planes), low);
  if (tree.planes <= 8) return add_looked_up(trees, tree, low, rows, out, out_stride);
  transpose_planes(reinterpret_cast<const __m256i*>(planes + 8), high);
  std::uint16_t index[sliced_rows];
  for (std::size_t r = 0; r < sliced_rows; ++r) index[r] = static_cast<std::uint16_t>(low[r] | high[r] << 8);
  add_looked_up(trees, tree, index, rows, out, out_stride);
}

#include "bit_sliced.inl"

}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,bmi,avx512f,avx512vl,avx512bw,avx512dq")
namespace avx512 {

SLIPWAY_TRANSPOSE_BYTES

inline void code_rows(const BitSlicedTrees::Slot& slot, const float* edges, const float* column, std::size_t rows,
                      std::uint16_t* codes) {
  const __m512i missing = _mm512_set1_epi32(slot.missing_above ? static_cast<int>(slot.edge_count) : 0);
  for (std::size_t r = 0; r < sliced_rows; r += 32) {
    __m512i code[2];
    __m512 x[2];
    for (int half = 0; half < 2; ++half) {
      const std::size_t at = r + 16 * static_cast<std::size_t>(half);
      const std::size_t left = rows > at ? std::min<std::size_t>(16, rows - at) : 0;
      x[half] = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << left) - 1), column + at);
      code[half] = _mm512_setzero_si512();
    }
    for (std::uint32_t step = 1U << (slot.bits - 1); step != 0; step >>= 1)
      for (int half = 0; half < 2; ++half) {
        const __m512 edge = _mm512_i32gather_ps(code[half], edges + step - 1, 4);
        const __mmask16 above = _mm512_cmp_ps_mask(edge, x[half], _CMP_LT_OQ);
        code[half] = _mm512_mask_add_epi32(code[half], above, code[half], _mm512_set1_epi32(static_cast<int>(step)));
      }
    for (int half = 0; half < 2; ++half) {
      const __mmask16 none = _mm512_cmp_ps_mask(x[half], x[half], _CMP_UNORD_Q);
      code[half] = _mm512_mask_blend_epi32(none, code[half], missing);
      _mm256_store_si256(reinterpret_cast<__m256i*>(codes + r + 16 * half), _mm512_cvtepi32_epi16(code[half]));
    }
  }
}

template <class Planes>
inline void split_planes(const std::uint16_t* codes, unsigned bits, Planes* planes) {
  auto* words = reinterpret_cast<std::uint32_t*>(planes);
  for (std::size_t w = 0; w < 8; ++w) {
    const __m512i these = _mm512_load_si512(codes + 32 * w);
    for (unsigned k = 0; k < bits; ++k)
      words[8 * k + w] = _mm512_test_epi16_mask(these, _mm512_set1_epi16(static_cast<short>(1U << k)));
  }
}

// Tables of up to 64 numbers stay in four registers.
inline void add_from_registers(const float* values, bool large, const std::uint8_t* index, std::size_t rows,
                               float* out) {
  const __m512 a = _mm512_loadu_ps(values), b = _mm512_loadu_ps(values + 16);
  const __m512 c = large ? _mm512_loadu_ps(values + 32) : a, d = large ? _mm512_loadu_ps(values + 48) : b;
  for (std::size_t r = 0; r < rows; r += 16) {
    const __m512i place = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(index + r)));
    __m512 found = _mm512_permutex2var_ps(a, place, b);
    if (large)
      found = _mm512_mask_blend_ps(_mm512_test_epi32_mask(place, _mm512_set1_epi32(32)), found,
                                   _mm512_permutex2var_ps(c, place, d));
    const __mmask16 some = static_cast<__mmask16>(rows - r >= 16 ? 0xFFFFU : (1U << (rows - r)) - 1);
    const __m512 sum = _mm512_maskz_loadu_ps(some, out + r);
    _mm512_mask_storeu_ps(out + r, some, _mm512_add_ps(sum, found));
  }
}

template <class Planes>
inline void add_leaves(const BitSlicedTrees& trees, const BitSlicedTrees::Tree& tree, const Planes* planes,
                       std::size_t rows, float* out, std::size_t out_stride) {
  alignas(32) std::uint8_t low[sliced_rows], high[sliced_rows];
  transpose_planes(reinterpret_cast<const __m256i*>(planes), low);
  if (tree.planes <= 6) {
    for (std::size_t k = 0; k < trees.outputs; ++k)
      add_from_registers(trees.values.data() + tree.table + k * trees.table_size(tree), tree.planes == 6, low, rows,
                         out + k * out_stride);
    return;
  }
  if (tree.planes <= 8) return add_looked_up(trees, tree, low, rows, out, out_stride);
  transpose_planes(reinterpret_cast<const __m256i*>(planes + 8), high);
  std::uint16_t index[sliced_rows];
  for (std::size_t r = 0; r < sliced_rows; ++r) index[r] = static_cast<std::uint16_t>(low[r] | high[r] << 8);
  add_looked_up(trees, tree, index, rows, out, out_stride);
}

#include "bit_sliced.inl"

}  // namespace avx512
#pragma GCC pop_options
#endif

}  // namespace

void score_sliced(const BitSlicedTrees& trees, const float* block, std::size_t stride, std::size_t rows,
                  SimdLevel level, BitSlicedScratch& scratch, float* out, std::size_t out_stride) {
#ifdef SLIPWAY_HAND_SIMD
  if (level == SimdLevel::avx512) return avx512::score(trees, block, stride, rows, scratch, out, out_stride);
  if (level == SimdLevel::avx2) return avx2::score(trees, block, stride, rows, scratch, out, out_stride);
#else
  static_cast<void>(level);
#endif
  scalar::score(trees, block, stride, rows, scratch, out, out_stride);
}

}  // namespace slipway::compute
