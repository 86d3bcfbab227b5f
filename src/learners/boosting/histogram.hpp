// Histograms of packed gradients over the bins of features.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/compute/buffer.hpp>

#include "boosting/gradients.hpp"

namespace slipway::learners::boosting {

// The rows that one tree is grown on: codes of its features side by side, row by row, and the packed derivatives.
struct GrowthRows {
  const std::uint8_t* codes = nullptr;  // feature k of row i at codes[i * stride + k]
  std::size_t stride = 0;
  // The same column by column, or null: feature k of row i at columns[k][i].
  const std::uint8_t* const* columns = nullptr;
  const Packed* packed = nullptr;
  std::uint32_t rows = 0;
  Scale scale;
};

// Features that are added in one pass over the rows; their cells stay in the first-level cache together.
inline constexpr std::size_t most_tile_features = 16;
struct Tile {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint32_t pitch = 0;  // cells from one feature's first to the next one's
};
// Cuts the features into tiles of nearly equal size, at least `tiles` of them where that leaves 4 features each. No
// pitch.
std::vector<Tile> make_tiles(std::size_t features, std::size_t tiles);

// The widest pitch: 256 cells, and one cache line so that equal codes of different features do not share a set.
inline constexpr std::uint32_t most_cells_apart = 264;

// Where the cells of each feature lie in a histogram. A feature has one cell per bin, padded to a multiple of 8, or 256
// where values are missing (code 255). Within a tile they lie equally far apart, one of few distances that compilers
// see as constants; what lies between is never touched.
struct HistogramLayout {
  std::vector<std::uint32_t> first;  // first cell
  std::vector<std::uint16_t> bins;   // bins of values
  std::vector<std::uint8_t> has_missing;
  std::vector<Tile> tiles;
  std::size_t cells = 0;  // in all
  std::size_t features() const { return first.size(); }
  std::size_t cells_of(std::size_t feature) const {
    return has_missing[feature] != 0 ? 256 : (bins[feature] + 7U) / 8 * 8;
  }
};
// `tiles` as for make_tiles.
HistogramLayout make_layout(std::span<const std::uint16_t> bins, std::span<const std::uint8_t> has_missing,
                            std::size_t tiles);

// Adds the rows list[0 .. count) (or first .. first + count, if list is null) to the cells of the tile's features.
// `histogram` is a whole histogram of the layout.
void add_rows(const GrowthRows& rows, const HistogramLayout& layout, const Tile& tile, const std::uint32_t* list,
              std::uint32_t first, std::uint32_t count, Packed* histogram);

}  // namespace slipway::learners::boosting
