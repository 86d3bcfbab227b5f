#include "boosting/histogram.hpp"

namespace slipway::learners::boosting {
namespace {

constexpr std::uint32_t prefetch_distance = 16;

// Every row is one 64-bit addition per feature; the loop over the features is unrolled.
template <std::size_t Features>
void add(const std::uint8_t* codes, std::size_t stride, const Packed* packed, const std::uint32_t* list,
         std::uint32_t count, const std::uint32_t* first_cell, Packed* histogram) {
  Packed* cells[Features];
  for (std::size_t k = 0; k < Features; ++k) cells[k] = histogram + first_cell[k];
  const auto one = [&](std::size_t row) {
    const std::uint8_t* code = codes + row * stride;
    const Packed value = packed[row];
#pragma GCC unroll 16
    for (std::size_t k = 0; k < Features; ++k) cells[k][code[k]] += value;
  };
  if (list == nullptr) {
    for (std::uint32_t row = 0; row < count; ++row) one(row);
    return;
  }
  std::uint32_t i = 0;
  for (; i + prefetch_distance < count; ++i) {
    const std::size_t ahead = list[i + prefetch_distance];
    __builtin_prefetch(codes + ahead * stride);
    __builtin_prefetch(packed + ahead);
    one(list[i]);
  }
  for (; i < count; ++i) one(list[i]);
}

using Add = void (*)(const std::uint8_t*, std::size_t, const Packed*, const std::uint32_t*, std::uint32_t,
                     const std::uint32_t*, Packed*);
template <std::size_t... Features>
constexpr std::array<Add, sizeof...(Features)> make_adders(std::index_sequence<Features...>) {
  return {add<Features + 1>...};
}
constexpr auto adders = make_adders(std::make_index_sequence<most_tile_features>());

}  // namespace

HistogramLayout make_layout(std::span<const std::uint16_t> bins, std::span<const std::uint8_t> has_missing) {
  HistogramLayout layout;
  layout.bins.assign(bins.begin(), bins.end());
  layout.has_missing.assign(has_missing.begin(), has_missing.end());
  for (std::size_t feature = 0; feature < bins.size(); ++feature) {
    layout.first.push_back(static_cast<std::uint32_t>(layout.cells));
    layout.cells += layout.cells_of(feature);
  }
  return layout;
}

std::vector<Tile> make_tiles(std::size_t features, std::size_t tiles) {
  std::size_t count = (features + most_tile_features - 1) / most_tile_features;
  count = std::max(count, std::min(tiles, features / 4));
  std::vector<Tile> result;
  for (std::size_t tile = 0; tile < count; ++tile)
    result.push_back({tile * features / count, (tile + 1) * features / count});
  return result;
}

void add_rows(const GrowthRows& rows, const HistogramLayout& layout, const Tile& tile, const std::uint32_t* list,
              std::uint32_t first, std::uint32_t count, Packed* histogram) {
  const std::size_t features = tile.end - tile.begin;
  const std::size_t start = list == nullptr ? first : 0;
  adders[features - 1](rows.codes + tile.begin + start * rows.stride, rows.stride, rows.packed + start, list, count,
                       layout.first.data() + tile.begin, histogram);
}

}  // namespace slipway::learners::boosting
