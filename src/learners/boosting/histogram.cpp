#include "boosting/histogram.hpp"

namespace slipway::learners::boosting {
namespace {

constexpr std::uint32_t prefetch_distance = 16;

std::uint64_t word_at(const std::uint8_t* codes) {
  std::uint64_t word;
  std::memcpy(&word, codes, sizeof word);
  return word;
}

// Every row is one 64-bit addition per feature; the loops over the features are unrolled. Eight codes are fetched at
// once and the cells' places are constants, so that all that is left to load is the cells.
template <std::size_t Pitch, std::size_t Features>
void add(const std::uint8_t* codes, std::size_t stride, const Packed* packed, const std::uint32_t* list,
         std::uint32_t count, Packed* histogram) {
  const auto add_word = [&]<std::size_t Begin, std::size_t Count>(std::uint64_t word, Packed value) {
#pragma GCC unroll 8
    for (std::size_t k = 0; k < Count; ++k, word >>= 8)
      histogram[(Begin + k) * Pitch + static_cast<std::uint8_t>(word)] += value;
  };
  const auto one = [&](std::size_t row) {
    const std::uint8_t* code = codes + row * stride;
    const Packed value = packed[row];
    constexpr std::size_t rest = Features % 8;
    if constexpr (Features >= 8) add_word.template operator()<0, 8>(word_at(code), value);
    if constexpr (Features == 16) add_word.template operator()<8, 8>(word_at(code + 8), value);
    if constexpr (Features > 8 && rest != 0) {  // the last eight, the first of them done
      add_word.template operator()<8, rest>(word_at(code + Features - 8) >> 8 * (8 - rest), value);
    } else if constexpr (Features < 8) {
#pragma GCC unroll 8
      for (std::size_t k = 0; k < Features; ++k) histogram[k * Pitch + code[k]] += value;
    }
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

using Add = void (*)(const std::uint8_t*, std::size_t, const Packed*, const std::uint32_t*, std::uint32_t, Packed*);
template <std::size_t Pitch, std::size_t... Features>
constexpr std::array<Add, sizeof...(Features)> make_adders(std::index_sequence<Features...>) {
  static_assert(Pitch % 8 == 0);  // cells of a feature begin a cache line
  return {add<Pitch, Features + 1>...};
}
constexpr auto feature_counts = std::make_index_sequence<most_tile_features>();
struct Pitch {
  std::uint32_t cells;
  std::array<Add, most_tile_features> adders;  // by number of features - 1
};
// An odd number of cache lines each, for 16, 64, 128 and 256 cells.
constexpr std::array<Pitch, 4> pitches = {{{24, make_adders<24>(feature_counts)},
                                           {72, make_adders<72>(feature_counts)},
                                           {136, make_adders<136>(feature_counts)},
                                           {most_cells_apart, make_adders<most_cells_apart>(feature_counts)}}};

}  // namespace

std::vector<Tile> make_tiles(std::size_t features, std::size_t tiles) {
  std::size_t count = (features + most_tile_features - 1) / most_tile_features;
  count = std::max(count, std::min(tiles, features / 4));
  std::vector<Tile> result;
  for (std::size_t tile = 0; tile < count; ++tile)
    result.push_back({tile * features / count, (tile + 1) * features / count, 0});
  return result;
}

HistogramLayout make_layout(std::span<const std::uint16_t> bins, std::span<const std::uint8_t> has_missing,
                            std::size_t tiles) {
  HistogramLayout layout;
  layout.bins.assign(bins.begin(), bins.end());
  layout.has_missing.assign(has_missing.begin(), has_missing.end());
  layout.first.resize(bins.size());
  layout.tiles = make_tiles(bins.size(), tiles);
  for (Tile& tile : layout.tiles) {
    std::size_t most = 0;
    for (std::size_t feature = tile.begin; feature < tile.end; ++feature)
      most = std::max(most, layout.cells_of(feature));
    tile.pitch =
        std::find_if(pitches.begin(), pitches.end(), [&](const Pitch& one) { return one.cells > most; })->cells;
    for (std::size_t feature = tile.begin; feature < tile.end; ++feature, layout.cells += tile.pitch)
      layout.first[feature] = static_cast<std::uint32_t>(layout.cells);
  }
  return layout;
}

void add_rows(const GrowthRows& rows, const HistogramLayout& layout, const Tile& tile, const std::uint32_t* list,
              std::uint32_t first, std::uint32_t count, Packed* histogram) {
  const std::size_t start = list == nullptr ? first : 0;
  const Pitch* pitch = pitches.begin();
  while (pitch->cells != tile.pitch) ++pitch;
  pitch->adders[tile.end - tile.begin - 1](rows.codes + tile.begin + start * rows.stride, rows.stride,
                                           rows.packed + start, list, count, histogram + layout.first[tile.begin]);
}

}  // namespace slipway::learners::boosting
