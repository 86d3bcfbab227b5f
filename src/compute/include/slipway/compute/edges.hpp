// A column as trees look at it: the number of their thresholds that lie below a value.
#pragma once
#include <cstddef>
#include <cstdint>

namespace slipway::compute {

// A column as one kind of its missing values is coded: the number of its edges below x; a missing value all or none.
struct EdgeSlot {
  std::uint32_t column = 0;
  bool missing_above = false;
  std::uint32_t first_edge = 0;  // into edges, which are ascending, behind them padding up to 2^bits - 1 of +inf
  std::uint32_t edge_count = 0;
  std::uint32_t bits = 1;  // edge_count < 2^bits; at most 16
};

// The number of edges below x, by halving; `edges` is the slot's first.
inline std::uint16_t code_of(const EdgeSlot& slot, const float* edges, float x) {
  if (x != x) return static_cast<std::uint16_t>(slot.missing_above ? slot.edge_count : 0);
  std::uint32_t code = 0;
  for (std::uint32_t step = 1U << (slot.bits - 1); step != 0; step >>= 1) code += edges[code + step - 1] < x ? step : 0;
  return static_cast<std::uint16_t>(code);
}

}  // namespace slipway::compute
