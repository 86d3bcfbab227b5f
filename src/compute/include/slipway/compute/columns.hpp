// Kernels over columns of numbers: sorting them and coding them as bin numbers.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace slipway::compute {

// An integer that sorts as the float does; -0 and 0 give the same. Not for NaN.
constexpr std::uint32_t ordered_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0F);
  return bits & 0x80000000U ? ~bits : bits | 0x80000000U;
}
constexpr float from_ordered_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits & 0x80000000U ? bits & 0x7fffffffU : ~bits);
}

// Sorts ascending (radix). `scratch` is at least as long as `keys`.
void sort_keys(std::span<std::uint32_t> keys, std::span<std::uint32_t> scratch);

// What a missing value is coded as.
inline constexpr std::uint8_t missing_code = 255;
inline constexpr std::size_t most_edges = 254;

// codes[i] = number of edges that lie below values[i] (so codes[i] <= b exactly where values[i] <= edges[b]), or
// missing_code for NaN. `edges` is ascending, at most most_edges long.
void code_column(std::span<const float> values, std::span<const float> edges, std::uint8_t* codes);

// Column-major codes (columns x rows) to rows of `stride` >= columns bytes; what lies beyond the columns becomes 0.
void rows_of_columns(const std::uint8_t* column_codes, std::size_t rows, std::size_t columns, std::size_t stride,
                     std::uint8_t* row_codes, std::size_t begin, std::size_t end);

}  // namespace slipway::compute
