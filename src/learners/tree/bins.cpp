#include "tree/bins.hpp"

#include <queue>

#include <slipway/base/random.hpp>

namespace slipway::learners::tree {
namespace {

using compute::from_ordered_bits;
using compute::ordered_bits;

// Sorted values of one feature, as ordered bits.
using SortedValues = std::span<const std::uint32_t>;
struct SortSpace {
  std::vector<std::uint32_t> keys, scratch;
};

// A finite float32 t with lower <= t < upper, halfway where that can be said; nothing if there is none.
std::optional<float> threshold_between(float lower, float upper) {
  constexpr float largest = std::numeric_limits<float>::max();
  if (std::isinf(lower)) return upper > -largest ? std::optional<float>(-largest) : std::nullopt;
  if (std::isinf(upper)) return lower;
  const auto middle = static_cast<float>((static_cast<double>(lower) + static_cast<double>(upper)) / 2);
  return middle >= lower && middle < upper ? middle : lower;
}

// The first position at or behind `start` whose value differs from the one before it; values.size() if none.
std::size_t next_change(SortedValues values, std::size_t start) {
  if (start >= values.size()) return values.size();
  return static_cast<std::size_t>(
      std::upper_bound(values.begin() + static_cast<std::ptrdiff_t>(start), values.end(), values[start - 1]) -
      values.begin());
}

// Positions i in (0, n) where values[i - 1] < values[i]: every one, or nothing if there are more than `most`.
std::optional<std::vector<std::size_t>> all_changes(SortedValues values, std::size_t most) {
  std::vector<std::size_t> changes;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (values[i] == values[i - 1]) continue;
    if (changes.size() == most) return std::nullopt;
    changes.push_back(i);
  }
  return changes;
}

std::vector<std::size_t> quantile_changes(SortedValues values, std::size_t count) {
  std::vector<std::size_t> changes;
  for (std::size_t k = 1; k <= count; ++k) {
    const std::size_t position = next_change(values, std::max<std::size_t>(1, k * values.size() / (count + 1)));
    if (position == values.size()) break;
    if (changes.empty() || position > changes.back()) changes.push_back(position);
  }
  return changes;
}

// Splits the bin with the widest range of values in the middle of that range, again and again.
void split_widest(SortedValues values, std::size_t count, std::vector<std::size_t>& changes) {
  struct Bin {
    double width;
    std::size_t begin, end;
    bool operator<(const Bin& other) const { return width != other.width ? width < other.width : begin > other.begin; }
  };
  constexpr double largest = std::numeric_limits<float>::max();
  const auto value = [&](std::size_t i) { return std::clamp<double>(from_ordered_bits(values[i]), -largest, largest); };
  std::priority_queue<Bin> bins;
  const auto add = [&](std::size_t begin, std::size_t end) {
    if (values[begin] != values[end - 1]) bins.push({value(end - 1) - value(begin), begin, end});
  };
  std::size_t begin = 0;
  for (std::size_t change : changes) add(std::exchange(begin, change), change);
  add(begin, values.size());
  while (count > 0 && !bins.empty()) {
    const Bin bin = bins.top();
    bins.pop();
    const std::uint32_t middle = ordered_bits(static_cast<float>((value(bin.begin) + value(bin.end - 1)) / 2));
    const auto first = values.begin() + static_cast<std::ptrdiff_t>(bin.begin);
    const auto last = values.begin() + static_cast<std::ptrdiff_t>(bin.end);
    auto split = std::upper_bound(first, last, middle);
    if (split == last) split = std::lower_bound(first, last, values[bin.end - 1]);
    if (split == first) split = std::upper_bound(first, last, *first);
    const auto position = static_cast<std::size_t>(split - values.begin());
    changes.push_back(position);
    add(bin.begin, position);
    add(position, bin.end);
    --count;
  }
  std::sort(changes.begin(), changes.end());
}

// Columns longer than this and half as much again are cut by so many of their rows.
constexpr std::size_t sampled_rows = std::size_t{1} << 17;
// The sample's outermost values at each end, beyond which every row of the column counts.
constexpr std::size_t tail = 16;

// The present values of a column, or of one row drawn from each of `rows` equal stretches of it, sorted.
SortedValues sorted_values(std::span<const float> column, std::size_t rows, SortSpace& space) {
  const bool all = rows >= column.size();
  rows = std::min(rows, column.size());
  space.keys.resize(std::max(space.keys.size(), rows));
  space.scratch.resize(std::max(space.scratch.size(), rows));
  std::size_t present = 0;
  for (std::size_t k = 0; k < rows; ++k) {
    std::size_t row = k;
    if (!all) {
      const std::size_t begin = k * column.size() / rows;
      row = begin + mix_bits(k) % ((k + 1) * column.size() / rows - begin);
    }
    space.keys[present] = ordered_bits(column[row]);
    present += column[row] == column[row] ? 1 : 0;
  }
  const std::span<std::uint32_t> keys(space.keys.data(), present);
  compute::sort_keys(keys, space.scratch);
  return keys;
}

std::size_t distinct_values(SortedValues values, std::size_t most) {
  std::size_t count = values.empty() ? 0 : 1;
  for (std::size_t i = 1; i < values.size() && count <= most; ++i) count += values[i] != values[i - 1] ? 1 : 0;
  return count;
}

// A sorted sample with all values of the column that lie beyond its tails: what is rare there may mean much.
SortedValues with_tails(SortedValues sample, std::span<const float> column, SortSpace& space) {
  const std::uint32_t lowest = sample[tail];
  const std::uint32_t highest = sample[sample.size() - 1 - tail];
  std::vector<std::uint32_t> low;
  std::vector<std::uint32_t> high;
  for (float value : column) {
    const std::uint32_t key = ordered_bits(value);
    if (key >= lowest && key <= highest) continue;
    if (value == value) (key < lowest ? low : high).push_back(key);
  }
  std::sort(low.begin(), low.end());
  std::sort(high.begin(), high.end());
  space.scratch.clear();
  space.scratch.insert(space.scratch.end(), low.begin(), low.end());
  for (std::uint32_t key : sample)
    if (key >= lowest && key <= highest) space.scratch.push_back(key);
  space.scratch.insert(space.scratch.end(), high.begin(), high.end());
  return space.scratch;
}

SortedValues values_to_cut(std::span<const float> column, std::size_t most_bins, SortSpace& space) {
  if (column.size() > sampled_rows + sampled_rows / 2) {
    const SortedValues sample = sorted_values(column, sampled_rows, space);
    // Few values get a bin each, so that all of them have to be found.
    if (sample.size() > 4 * tail && distinct_values(sample, most_bins) > most_bins)
      return with_tails(sample, column, space);
  }
  return sorted_values(column, column.size(), space);
}

void fit_feature(std::size_t feature, std::span<const float> column, const BinOptions& options, SortSpace& space,
                 Bins& bins) {
  const auto most = static_cast<std::size_t>(options.max_bins - 2);
  const SortedValues values = values_to_cut(column, most + 1, space);
  auto changes = all_changes(values, most);
  if (!changes) {
    changes = quantile_changes(values, options.quantiles_only ? most : most - most / 4);
    // Quantiles that fell together leave edges over; the ranges have those too.
    if (!options.quantiles_only) split_widest(values, most - changes->size(), *changes);
  }
  std::vector<float> lowest;
  std::vector<float> highest;
  if (!values.empty()) lowest.push_back(from_ordered_bits(values.front()));
  for (std::size_t position : *changes) {
    const float below = from_ordered_bits(values[position - 1]);
    const float above = from_ordered_bits(values[position]);
    const auto edge = threshold_between(below, above);
    if (!edge) continue;
    bins.edges[feature].push_back(*edge);
    highest.push_back(below);
    lowest.push_back(above);
  }
  if (!options.ranges) return;
  if (!values.empty()) highest.push_back(from_ordered_bits(values.back()));
  bins.lowest[feature] = std::move(lowest);
  bins.highest[feature] = std::move(highest);
}

std::size_t stride_of(std::size_t features) {
  const std::size_t unit = features <= 16 ? 16 : 32;
  return std::max(unit, (features + unit - 1) / unit * unit);
}

}  // namespace

std::size_t coded_bytes(std::size_t rows, std::size_t features, int threads) {
  const std::size_t sorted = 2 * sizeof(std::uint32_t);  // keys and scratch of a column that is being cut
  return rows *
         (stride_of(features) + features + sorted * std::min<std::size_t>(static_cast<std::size_t>(threads), features));
}

float Bins::threshold(std::size_t feature, std::uint8_t bin) const {
  return bin < edges[feature].size() ? edges[feature][bin] : std::numeric_limits<float>::infinity();
}

Bins fit_bins(const model::Block& features, const BinOptions& options, const Threads& threads,
              const Progress& progress) {
  Bins bins;
  bins.edges.resize(features.width);
  if (options.ranges) {
    bins.lowest.resize(features.width);
    bins.highest.resize(features.width);
  }
  threads.for_ranges(features.width, 1, [&](std::size_t begin, std::size_t end) {
    SortSpace space;
    for (std::size_t feature = begin; feature < end && !progress.cancelled(); ++feature)
      fit_feature(feature, features.column(feature), options, space, bins);
  });
  return bins;
}

CodedRows::CodedRows(const Bins& bins, const model::Block& features, std::span<const std::uint32_t> order,
                     bool keep_columns, const Threads& threads)
    : rows_(features.rows),
      features_(features.width),
      stride_(stride_of(features.width)),
      row_codes_(rows_ * stride_),
      column_codes_(rows_ * features_) {
  threads.for_ranges(features_, 1, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint8_t> unordered(order.empty() ? 0 : rows_);
    for (std::size_t feature = begin; feature < end; ++feature) {
      std::uint8_t* codes = column_codes_.data() + feature * rows_;
      compute::code_column(features.column(feature), bins.edges[feature], order.empty() ? codes : unordered.data());
      if (!order.empty())
        for (std::size_t row = 0; row < rows_; ++row) codes[row] = unordered[order[row]];
    }
  });
  threads.for_ranges(rows_, 4096, [&](std::size_t begin, std::size_t end) {
    compute::rows_of_columns(column_codes_.data(), rows_, features_, stride_, row_codes_.data(), begin, end);
  });
  if (!keep_columns) column_codes_ = {};
}

}  // namespace slipway::learners::tree
