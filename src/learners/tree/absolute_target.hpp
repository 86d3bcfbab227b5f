// A number to predict by medians: absolute error.
#pragma once
#include <array>
#include <bit>

#include "tree/growth.hpp"
#include "tree/items.hpp"
#include "tree/random_split.hpp"

namespace slipway::learners::tree {

// Medians cannot be added up, so that a histogram does not serve: a node's rows are put in order of each feature, and
// two passes, from the left and from the right, keep weights and sums by the rank of the target in Fenwick trees
// (Fenwick 1994), from which each side's median and its absolute deviation are read: n log n per feature and node.
class AbsoluteTarget {
 public:
  using Item = TargetItem;
  using Cell = std::uint8_t;  // no histograms
  static constexpr int groups = 1;
  struct Totals {
    std::uint32_t weight = 0;
    std::int64_t deviation = 0;     // sum of weight * |target - median|
    std::int64_t twice_median = 0;  // midway where the weight is cut in half exactly
  };
  struct Split {
    double gain = -1;
    std::uint16_t feature = 0;
    std::uint8_t bin = 0;
    std::uint8_t missing_left = 0;
    Totals left;
    Totals right;
  };

  AbsoluteTarget(const TrainingRows& rows, const GrowthSettings& settings) : rows_(rows), settings_(settings) {}

  std::array<Span, groups> ranges() const { return {Span{0, static_cast<std::uint32_t>(rows_.rows())}}; }
  Item make(std::uint32_t row, std::uint32_t weight) const { return {row, weight, rows_.targets[row], 0}; }
  std::size_t cells_per_feature() const { return 1; }
  static std::size_t cell(std::size_t, Item) { return 0; }
  static void add(Cell&, Item) {}
  // Every node counts as small.
  std::uint32_t small_limit() const { return std::numeric_limits<std::uint32_t>::max(); }

  void set_class_weights(const std::vector<double>&) {}
  Totals root(const Item* list, const std::array<Span, groups>& spans) {
    items_.assign(list + spans[0].begin, list + spans[0].end);
    rank();
    for (std::size_t i = 0; i < items_.size(); ++i) tree_.add(ranks_[i], items_[i].weight_, items_[i].target);
    const Totals totals = tree_.totals(values_);
    tree_.clear(values_.size());
    return totals;
  }

  static bool pure(const Totals& totals) { return totals.deviation == 0; }
  static bool pure_rows(const Item*, std::uint32_t) { return false; }  // its totals say so
  static Totals rest(const Totals&, const Split& best) { return best.right; }
  static double weight(const Totals& totals) { return totals.weight; }
  // In steps from the offset.
  static double value(const Totals& totals) { return static_cast<double>(totals.twice_median) / 2; }
  void write_value(const Totals& totals, const ValueBounds& bounds, float* value) const {
    *value = static_cast<float>(rows_.target_offset + rows_.target_step * bounds.clamp(AbsoluteTarget::value(totals)));
  }
  double decrease(double gain, const Totals&, double bag_weight) const { return gain * rows_.target_step / bag_weight; }

  void begin(const Totals& totals, const NodeContext& context) {
    totals_ = totals;
    context_ = context;
    ranked_ = false;
  }

  bool scan(std::array<Cell*, groups>, std::uint16_t, Split&) { return false; }

  bool scan_small(const Item* items, const std::uint8_t* const* row_codes, std::uint32_t count, std::uint32_t,
                  std::uint16_t feature, std::array<Cell*, groups>, Split& best) {
    if (!ranked_) {
      items_.assign(items, items + count);
      rank();
      ranked_ = true;
    }
    order_by_code(row_codes, count, feature);
    // Rows of value bins in front, missing ones behind them.
    const std::uint32_t present = begin_[missing_code];
    const bool has_missing = present < count;
    filled_.clear();
    for (int code = 0; code < missing_code; ++code)
      if (begin_[static_cast<std::size_t>(code) + 1] > begin_[static_cast<std::size_t>(code)])
        filled_.push_back(static_cast<std::uint8_t>(code));
    if (filled_.size() + (has_missing ? 1 : 0) < 2 || (settings_.random_splits && filled_.empty())) return false;
    RandomSplit drawn;
    if (settings_.random_splits)
      drawn = draw_split(rows_.bins, feature, filled_.front(), filled_.back(), has_missing, context_.key);
    for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
      if (settings_.random_splits && (side == 1) != drawn.missing_left) continue;
      sweep(present, count, side == 1);
      choose(feature, has_missing, side == 1, drawn, best);
    }
    return true;
  }

 private:
  // Weights, and weights times targets, by rank.
  class Fenwick {
   public:
    void clear(std::size_t size) { cells_.assign(size + 1, {}); }
    void add(std::uint32_t rank, std::uint32_t weight, std::int32_t target) {
      const std::int64_t product = std::int64_t{target} * weight;
      all_.weight += weight;
      all_.sum += product;
      for (std::size_t i = rank + 1; i < cells_.size(); i += i & (~i + 1)) {
        cells_[i].weight += weight;
        cells_[i].sum += product;
      }
    }
    void reset() {
      std::fill(cells_.begin(), cells_.end(), Cell{});
      all_ = {};
    }
    // `values`: the target of each rank.
    Totals totals(const std::vector<std::int32_t>& values) const {
      Totals result;
      result.weight = static_cast<std::uint32_t>(all_.weight);
      if (all_.weight == 0) return result;
      // The first rank up to which lies more than half of the weight, and what lies below it.
      std::size_t at = 0;
      Cell below;
      for (std::size_t step = std::bit_floor(cells_.size() - 1); step > 0; step /= 2) {
        const std::size_t next = at + step;
        if (next >= cells_.size() || 2 * (below.weight + cells_[next].weight) > all_.weight) continue;
        at = next;
        below.weight += cells_[next].weight;
        below.sum += cells_[next].sum;
      }
      const std::int64_t median = values[at];
      std::int64_t lower = median;
      // Half of it lies below exactly: midway to the last one that weighs anything.
      if (2 * below.weight == all_.weight) lower = values[last_below(at)];
      const auto signed_all = static_cast<std::int64_t>(all_.weight);
      const auto signed_below = static_cast<std::int64_t>(below.weight);
      result.twice_median = median + lower;
      result.deviation = all_.sum - 2 * below.sum - median * (signed_all - 2 * signed_below);
      return result;
    }

   private:
    struct Cell {
      std::uint64_t weight = 0;
      std::int64_t sum = 0;
    };
    std::uint64_t weight_below(std::size_t rank) const {
      std::uint64_t sum = 0;
      for (std::size_t i = rank; i > 0; i -= i & (~i + 1)) sum += cells_[i].weight;
      return sum;
    }
    // The last rank before `rank` that has weight; there is one.
    std::size_t last_below(std::size_t rank) const {
      const std::uint64_t wanted = weight_below(rank);
      std::size_t at = 0;
      std::uint64_t below = 0;
      for (std::size_t step = std::bit_floor(cells_.size() - 1); step > 0; step /= 2) {
        const std::size_t next = at + step;
        if (next >= cells_.size() || below + cells_[next].weight >= wanted) continue;
        at = next;
        below += cells_[next].weight;
      }
      return at;
    }
    std::vector<Cell> cells_;  // from 1
    Cell all_;
  };

  void rank() {
    values_.clear();
    for (const Item& item : items_) values_.push_back(item.target);
    std::sort(values_.begin(), values_.end());
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    ranks_.resize(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i)
      ranks_[i] = static_cast<std::uint32_t>(std::lower_bound(values_.begin(), values_.end(), items_[i].target) -
                                             values_.begin());
    tree_ = {};
    tree_.clear(values_.size());
  }
  void order_by_code(const std::uint8_t* const* row_codes, std::uint32_t count, std::uint16_t feature) {
    begin_.fill(0);
    for (std::uint32_t i = 0; i < count; ++i) ++begin_[std::size_t{row_codes[i][feature]} + 1];
    for (std::size_t code = 0; code < 256; ++code) begin_[code + 1] += begin_[code];
    std::array<std::uint32_t, 257> next = begin_;
    order_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) order_[next[row_codes[i][feature]]++] = i;
  }
  void add_rows(std::uint32_t begin, std::uint32_t end) {
    for (std::uint32_t i = begin; i < end; ++i) {
      const std::uint32_t item = order_[i];
      tree_.add(ranks_[item], items_[item].weight_, items_[item].target);
    }
  }
  // The sides of the split behind each filled bin.
  void sweep(std::uint32_t present, std::uint32_t count, bool missing_left) {
    const std::size_t size = filled_.size();
    left_.resize(size);
    right_.resize(size);
    tree_.reset();
    if (missing_left) add_rows(present, count);
    for (std::size_t i = 0; i < size; ++i) {
      add_rows(begin_[filled_[i]], begin_[std::size_t{filled_[i]} + 1]);
      left_[i] = tree_.totals(values_);
    }
    tree_.reset();
    if (!missing_left) add_rows(present, count);
    for (std::size_t i = size; i-- > 0;) {
      right_[i] = tree_.totals(values_);
      add_rows(begin_[filled_[i]], begin_[std::size_t{filled_[i]} + 1]);
    }
    tree_.reset();
  }
  void choose(std::uint16_t feature, bool has_missing, bool missing_left, const RandomSplit& drawn, Split& best) {
    const std::size_t size = filled_.size();
    const std::uint32_t moved = missing_left ? context_.rows - begin_[missing_code] : 0;
    const std::int8_t direction = settings_.directions.empty() ? std::int8_t{0} : settings_.directions[feature];
    for (std::size_t i = 0; i < size; ++i) {
      if (settings_.random_splits && (filled_[i] > drawn.bin || (i + 1 < size && filled_[i + 1] <= drawn.bin)))
        continue;
      const std::uint32_t rows = begin_[std::size_t{filled_[i]} + 1] + moved;
      const std::uint32_t least = std::max(1U, settings_.min_samples_leaf);
      if (rows < least || context_.rows - rows < least) continue;
      if (left_[i].weight < context_.min_weight || right_[i].weight < context_.min_weight) continue;
      if (!settings_.directions.empty() &&
          !allowed_values(direction, context_.bounds, value(left_[i]), value(right_[i])))
        continue;
      const auto gain = static_cast<double>(totals_.deviation - left_[i].deviation - right_[i].deviation);
      if (!(gain > best.gain)) continue;
      best.gain = gain;
      best.feature = feature;
      best.bin = settings_.random_splits ? static_cast<std::uint8_t>(drawn.bin)
                 : i + 1 == size         ? behind_all_values
                                         : static_cast<std::uint8_t>((filled_[i] + filled_[i + 1] - 1) / 2);
      best.left = left_[i];
      best.right = right_[i];
      best.missing_left = has_missing ? missing_left : left_[i].weight > right_[i].weight;
    }
  }

  const TrainingRows& rows_;
  const GrowthSettings& settings_;
  NodeContext context_;
  Totals totals_;
  // Of the node at hand.
  bool ranked_ = false;
  std::vector<Item> items_;
  std::vector<std::int32_t> values_;  // distinct targets, ascending
  std::vector<std::uint32_t> ranks_;  // of each item's target
  Fenwick tree_;
  // Of the feature at hand: items in order of their codes, where each code begins, the codes that have rows.
  std::vector<std::uint32_t> order_;
  std::array<std::uint32_t, 257> begin_{};
  std::vector<std::uint8_t> filled_;
  std::vector<Totals> left_, right_;  // of the split behind each filled bin
};

}  // namespace slipway::learners::tree
