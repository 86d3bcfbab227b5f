// From a column to counts per bin of a feature's reference.
#pragma once
#include <cstdint>
#include <vector>

#include <slipway/monitor/reference.hpp>
#include <slipway/table/table.hpp>

namespace slipway::monitor {

// A column as the numbers or text that the feature wants, whatever its type in the table.
struct Readable {
  FeatureKind kind = FeatureKind::number;
  std::vector<float> numbers;  // NaN is missing
  table::TextColumn text;
  std::int64_t unreadable = 0;  // cells that are no number though one is wanted; taken as missing
};
Readable read_column(const table::Column& column, FeatureKind kind);

struct BinCounts {
  std::int64_t rows = 0;
  std::vector<std::int64_t> counts;
  std::int64_t infinite = 0;
  std::optional<double> median;  // of finite numbers
};

// The bin of every row.
std::vector<std::uint16_t> assign_bins(const FeatureReference& reference, const Readable& column);
BinCounts count_rows(const FeatureReference& reference, const Readable& column);

// Middle of the finite values (the mean of the two middle ones), if there are any.
std::optional<double> median_of(std::vector<float> values);

}  // namespace slipway::monitor
