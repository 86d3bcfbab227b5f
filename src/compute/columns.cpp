#include <slipway/compute/columns.hpp>
#include <slipway/compute/dispatch.hpp>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace slipway::compute {

void sort_keys(std::span<std::uint32_t> keys, std::span<std::uint32_t> scratch) {
  if (keys.size() < 256) {
    std::sort(keys.begin(), keys.end());
    return;
  }
  constexpr std::size_t buckets = 2048;
  std::array<std::array<std::uint32_t, buckets>, 3> counts{};
  for (std::uint32_t key : keys) {
    ++counts[0][key & 2047];
    ++counts[1][key >> 11 & 2047];
    ++counts[2][key >> 22];
  }
  std::uint32_t* from = keys.data();
  std::uint32_t* to = scratch.data();
  for (int pass = 0; pass < 3; ++pass) {
    auto& count = counts[pass];
    const int shift = 11 * pass;
    if (count[from[0] >> shift & 2047] == keys.size()) continue;  // all keys share this digit
    std::uint32_t start = 0;
    for (std::uint32_t& entry : count) start += std::exchange(entry, start);
    for (std::size_t i = 0; i < keys.size(); ++i) to[count[from[i] >> shift & 2047]++] = from[i];
    std::swap(from, to);
  }
  if (from != keys.data()) std::memcpy(keys.data(), from, keys.size_bytes());
}

namespace {

// A binary search of eight steps without branches over edges padded to 256 with infinity.
std::uint8_t code_of(float value, const float* edges) {
  if (value != value) return missing_code;
  unsigned code = 0;
  for (unsigned step = 128; step != 0; step >>= 1) code += edges[code + step - 1] < value ? step : 0;
  return static_cast<std::uint8_t>(code);
}

#if defined(__x86_64__)
// The same for eight values at a time; returns how many were coded.
__attribute__((target("avx2"))) std::size_t code_by_eights(const float* values, std::size_t count, const float* edges,
                                                           std::uint8_t* codes) {
  const __m256i low_bytes = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,  //
                                             0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  // The edges of the search's first four steps are chosen within a register, the others fetched.
  const __m256 second = _mm256_setr_ps(edges[63], edges[191], 0, 0, 0, 0, 0, 0);
  const __m256 third = _mm256_setr_ps(edges[31], edges[95], edges[159], edges[223], 0, 0, 0, 0);
  const __m256 fourth = _mm256_setr_ps(edges[15], edges[47], edges[79], edges[111],  //
                                       edges[143], edges[175], edges[207], edges[239]);
  const auto above = [](__m256 edge, __m256 value, int step) __attribute__((target("avx2"), always_inline)) {
    return _mm256_and_si256(_mm256_castps_si256(_mm256_cmp_ps(edge, value, _CMP_LT_OQ)), _mm256_set1_epi32(step));
  };
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 value = _mm256_loadu_ps(values + i);
    __m256i code = above(_mm256_set1_ps(edges[127]), value, 128);
    code = _mm256_or_si256(code, above(_mm256_permutevar8x32_ps(second, _mm256_srli_epi32(code, 7)), value, 64));
    code = _mm256_or_si256(code, above(_mm256_permutevar8x32_ps(third, _mm256_srli_epi32(code, 6)), value, 32));
    code = _mm256_or_si256(code, above(_mm256_permutevar8x32_ps(fourth, _mm256_srli_epi32(code, 5)), value, 16));
    for (int step = 8; step != 0; step >>= 1)
      code = _mm256_or_si256(code, above(_mm256_i32gather_ps(edges + step - 1, code, 4), value, step));
    code = _mm256_or_si256(code, _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q)));
    const __m256i packed = _mm256_shuffle_epi8(code, low_bytes);
    const std::uint32_t low = static_cast<std::uint32_t>(_mm256_extract_epi32(packed, 0));
    const std::uint32_t high = static_cast<std::uint32_t>(_mm256_extract_epi32(packed, 4));
    std::memcpy(codes + i, &low, 4);
    std::memcpy(codes + i + 4, &high, 4);
  }
  return i;
}
#endif

}  // namespace

void code_column(std::span<const float> values, std::span<const float> edges, std::uint8_t* codes) {
  std::array<float, 256> padded;
  padded.fill(std::numeric_limits<float>::infinity());
  std::copy(edges.begin(), edges.end(), padded.begin());
  std::size_t i = 0;
#if defined(__x86_64__)
  if (has_avx2()) i = code_by_eights(values.data(), values.size(), padded.data(), codes);
#endif
  for (; i < values.size(); ++i) codes[i] = code_of(values[i], padded.data());
}

void rows_of_columns(const std::uint8_t* column_codes, std::size_t rows, std::size_t columns, std::size_t stride,
                     std::uint8_t* row_codes, std::size_t begin, std::size_t end) {
  constexpr std::size_t block = 64;  // rows whose cache lines stay at hand while the columns pass
  for (std::size_t first = begin; first < end; first += block) {
    const std::size_t last = std::min(end, first + block);
    for (std::size_t column = 0; column < columns; ++column) {
      const std::uint8_t* codes = column_codes + column * rows;
      for (std::size_t row = first; row < last; ++row) row_codes[row * stride + column] = codes[row];
    }
    for (std::size_t row = first; row < last; ++row)
      std::memset(row_codes + row * stride + columns, 0, stride - columns);
  }
}

}  // namespace slipway::compute
