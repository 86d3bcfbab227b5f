// The bits of a cell that is a number, an integer or a time.
#pragma once
#include <bit>
#include <cstdint>

#include <slipway/table/table.hpp>

namespace slipway::table {

// Cells with equal bits have equal text; zero and minus zero differ in both. Not for text columns.
inline std::uint64_t cell_bits(const Column& column, std::size_t row) {
  if (const auto* numbers = std::get_if<NumberColumn>(&column.data))
    return std::bit_cast<std::uint32_t>(numbers->values[row]);
  if (const auto* integers = std::get_if<IntegerColumn>(&column.data))
    return static_cast<std::uint64_t>(integers->values[row]);
  return static_cast<std::uint64_t>(std::get<TimeColumn>(column.data).values[row]);
}

}  // namespace slipway::table
