// Features as small bin numbers: what trees are grown on. A bin's upper edge is a float32 threshold that lies between
// two neighbouring training values, so "code <= b" and "x <= edges[b]" are the same test for every float, infinities
// included.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/compute/buffer.hpp>
#include <slipway/compute/columns.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::learners::tree {

using compute::missing_code;
// A split behind the last bin: every value goes left, only missing ones go right; its threshold is +infinity.
inline constexpr std::uint8_t behind_all_values = 254;

// Where the bins of each feature end: ascending finite thresholds, at most 253.
struct Bins {
  std::vector<std::vector<float>> edges;
  // The least and the greatest training value of each bin, if asked for; a feature without values has none.
  std::vector<std::vector<float>> lowest, highest;
  std::size_t features() const { return edges.size(); }
  int value_bins(std::size_t feature) const { return static_cast<int>(edges[feature].size()) + 1; }
  float threshold(std::size_t feature, std::uint8_t bin) const;
};

struct BinOptions {
  int max_bins = 255;           // 3 to 255, one of them for missing values
  bool ranges = false;          // fill Bins::lowest and highest
  bool quantiles_only = false;  // no edges by range: all bins hold like numbers of rows
};

// One bin per distinct value where they are few enough. Else three quarters of the edges are quantiles of the rows, and
// the rest split the bins with the widest range: in a long tail a few rows can mean much (a fraud's amount), and
// quantiles alone would put them all in one bin. Of a column of more than 196,608 rows with more values than bins,
// 131,072 rows drawn by their place say where the quantiles are, and every row beyond the sample's 17th value from
// either end counts.
// If `progress` is cancelled, features after that have no edges.
Bins fit_bins(const model::Block& features, const BinOptions& options, const Threads& threads,
              const Progress& progress = silent_progress());

// Bytes of CodedRows, and of fitting and filling them on so many threads.
std::size_t coded_bytes(std::size_t rows, std::size_t features, int threads);

// Bin numbers of a block of rows, row by row and (for growing) column by column.
class CodedRows {
 public:
  // Row i of the result is row order[i] of the features; an empty order keeps the rows as they are.
  CodedRows(const Bins& bins, const model::Block& features, std::span<const std::uint32_t> order, bool keep_columns,
            const Threads& threads);
  std::size_t rows() const { return rows_; }
  std::size_t features() const { return features_; }
  std::size_t stride() const { return stride_; }  // bytes from row to row
  const std::uint8_t* row_codes() const { return row_codes_.data(); }
  const std::uint8_t* column(std::size_t feature) const { return column_codes_.data() + feature * rows_; }

 private:
  std::size_t rows_;
  std::size_t features_;
  std::size_t stride_;
  compute::Buffer<std::uint8_t> row_codes_;
  compute::Buffer<std::uint8_t> column_codes_;
};

}  // namespace slipway::learners::tree
