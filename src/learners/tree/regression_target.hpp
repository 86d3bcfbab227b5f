// A number to predict: squared error over integer sums.
#pragma once
#include <array>
#include <bit>

#include "tree/gain.hpp"
#include "tree/growth.hpp"
#include "tree/items.hpp"
#include "tree/random_split.hpp"

namespace slipway::learners::tree {

class RegressionTarget {
 public:
  using Item = TargetItem;
  // Both numbers are added at once.
  struct alignas(16) Cell {
    std::uint64_t counted = 0;  // CountedWeight
    std::int64_t sum = 0;       // weight * target
  };
  static constexpr int groups = 1;
  struct Totals {
    std::uint32_t weight = 0;
    std::int64_t sum = 0;
  };
  struct Split {
    double gain = -1;
    std::uint16_t feature = 0;
    std::uint8_t bin = 0;
    std::uint8_t missing_left = 0;
    Totals left;
  };

  RegressionTarget(const TrainingRows& rows, const GrowthSettings& settings) : rows_(rows), settings_(settings) {}

  std::array<Span, groups> ranges() const { return {Span{0, static_cast<std::uint32_t>(rows_.rows())}}; }
  Item make(std::uint32_t row, std::uint32_t weight) const { return {row, weight, rows_.targets[row], 0}; }
  std::size_t cells_per_feature() const { return 256; }
  static std::size_t cell(std::size_t code, Item) { return code; }
  static void add(Cell& cell, Item item) {
    cell.counted += CountedWeight::of(item.weight_);
    cell.sum += std::int64_t{item.target} * item.weight_;
  }
  std::uint32_t small_limit() const { return 64; }

  void set_class_weights(const std::vector<double>&) {}
  Totals root(const Item* list, const std::array<Span, groups>& spans) {
    Totals totals;
    for (std::uint32_t i = spans[0].begin; i < spans[0].end; ++i) {
      totals.weight += list[i].weight_;
      totals.sum += std::int64_t{list[i].target} * list[i].weight_;
    }
    return totals;
  }

  static bool pure(const Totals&) { return false; }
  static bool pure_rows(const Item* items, std::uint32_t count) {
    for (std::uint32_t i = 1; i < count; ++i)
      if (items[i].target != items[0].target) return false;
    return true;
  }
  static Totals rest(const Totals& totals, const Split& best) {
    return {totals.weight - best.left.weight, totals.sum - best.left.sum};
  }
  static double weight(const Totals& totals) { return totals.weight; }
  // In steps from the offset.
  static double value(const Totals& totals) { return static_cast<double>(totals.sum) / totals.weight; }
  void write_value(const Totals& totals, const ValueBounds& bounds, float* value) const {
    *value =
        static_cast<float>(rows_.target_offset + rows_.target_step * bounds.clamp(RegressionTarget::value(totals)));
  }
  double decrease(double gain, const Totals& totals, double bag_weight) const {
    if (poisson()) return gain / bag_weight;
    return gain / totals.weight / bag_weight * rows_.target_step * rows_.target_step;
  }

  void begin(const Totals& totals, const NodeContext& context) {
    context_ = context;
    // Poisson needs the targets themselves, squared error only their differences.
    centre_ = poisson() ? 0 : static_cast<std::int64_t>(std::round(value(totals)));
    node_ = {static_cast<double>(totals.weight), number(totals.sum, totals.weight),
             static_cast<std::int32_t>(context.rows), static_cast<std::int32_t>(settings_.min_samples_leaf),
             context.min_weight};
  }

  bool scan(std::array<Cell*, groups> cells, std::uint16_t feature, Split& best) {
    const int bins = rows_.bins.value_bins(feature);
    int filled = 0;
    const Cell missing = std::exchange(cells[0][missing_code], {});
    Cell sum;
    for (int x = 0; x < bins; ++x) {
      if (cells[0][x].counted == 0) continue;
      add_cell(sum, cells[0][x]);
      cells[0][x] = {};
      filled_[filled] = static_cast<std::uint8_t>(x);
      prefix_[filled++] = sum;
    }
    return choose(filled, missing, feature, best);
  }

  bool scan_small(const Item* items, const std::uint8_t* const* row_codes, std::uint32_t count, std::uint32_t,
                  std::uint16_t feature, std::array<Cell*, groups> cells, Split& best) {
    std::array<std::uint64_t, 4> hit{};
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint8_t code = row_codes[i][feature];
      add(cells[0][code], items[i]);
      hit[code >> 6] |= std::uint64_t{1} << (code & 63);
    }
    const Cell missing = std::exchange(cells[0][missing_code], {});
    hit[3] &= ~(std::uint64_t{1} << 63);
    int filled = 0;
    Cell sum;
    for (int word = 0; word < 4; ++word) {
      for (std::uint64_t bits = hit[word]; bits != 0; bits &= bits - 1) {
        const int x = word * 64 + std::countr_zero(bits);
        add_cell(sum, cells[0][x]);
        cells[0][x] = {};
        filled_[filled] = static_cast<std::uint8_t>(x);
        prefix_[filled++] = sum;
      }
    }
    return choose(filled, missing, feature, best);
  }

 private:
  static void add_cell(Cell& sum, const Cell& cell) {
    sum.counted += cell.counted;
    sum.sum += cell.sum;
  }
  // Sums about the node's mean, exact in integers: small differences of large sums would lose their digits in double.
  double centred(std::int64_t sum, std::uint32_t weight) const {
    return static_cast<double>(sum - centre_ * static_cast<std::int64_t>(weight));
  }
  bool poisson() const { return settings_.criterion == Criterion::poisson; }
  // A sum as the gain wants it.
  double number(std::int64_t sum, std::uint32_t weight) const {
    if (poisson()) return rows_.target_offset * weight + rows_.target_step * static_cast<double>(sum);
    return centred(sum, weight);
  }
  // One by one: Poisson, or under monotonic constraints.
  BestBin best_plain(int filled, std::uint16_t feature) const {
    const std::int8_t direction = settings_.directions.empty() ? std::int8_t{0} : settings_.directions[feature];
    BestBin best;
    for (int i = 0; i < filled; ++i) {
      const double gain = gain_at(i, direction);
      if (gain > best.gain) best = {gain, i};
    }
    return best;
  }
  // Of the split behind left_[i]; -1 if it is not allowed.
  double gain_at(int i, std::int8_t direction) const {
    if (left_.rows[i] < std::max(1, node_.min_rows) || node_.rows - left_.rows[i] < node_.min_rows) return -1;
    const double right_weight = node_.weight - left_.weight[i];
    if (!settings_.directions.empty()) {
      const double left_value = left_.sum[i] / left_.weight[i] + static_cast<double>(centre_);
      const double right_value = (node_.sum - left_.sum[i]) / right_weight + static_cast<double>(centre_);
      // Bounds are in steps; so are these but for Poisson's.
      const auto steps = [&](double value) {
        return poisson() ? (value - rows_.target_offset) / rows_.target_step : value;
      };
      if (!allowed_values(direction, context_.bounds, steps(left_value), steps(right_value))) return -1;
    }
    return poisson() ? poisson_gain(left_.weight[i], left_.sum[i], node_)
                     : squared_gain(left_.weight[i], left_.sum[i], node_);
  }
  // The best split between the bins that hold rows; whether the feature has two values in the node.
  bool choose(int filled, const Cell& missing, std::uint16_t feature, Split& best) {
    const bool has_missing = missing.counted != 0;
    if (filled + (has_missing ? 1 : 0) < 2) return false;
    RandomSplit drawn;
    if (settings_.random_splits) {
      if (filled == 0) return false;
      drawn = draw_split(rows_.bins, feature, filled_[0], filled_[filled - 1], has_missing, context_.key);
    }
    const bool plain = poisson() || !settings_.directions.empty();
    for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
      if (settings_.random_splits && (side == 1) != drawn.missing_left) continue;
      for (int i = 0; i < filled; ++i) {
        Cell left = prefix_[i];
        if (side == 1) add_cell(left, missing);
        left_.weight[i] = CountedWeight::weight(left.counted);
        left_.sum[i] = number(left.sum, CountedWeight::weight(left.counted));
        left_.rows[i] = static_cast<std::int32_t>(CountedWeight::rows(left.counted));
      }
      BestBin found;
      if (settings_.random_splits) {
        // The last bin with rows up to the one drawn.
        const int i =
            static_cast<int>(std::upper_bound(filled_.begin(), filled_.begin() + filled, drawn.bin) - filled_.begin()) -
            1;
        found = {gain_at(i, settings_.directions.empty() ? std::int8_t{0} : settings_.directions[feature]), i};
      } else {
        found = plain ? best_plain(filled, feature) : best_squared(left_, filled, node_);
      }
      if (!(found.gain > best.gain)) continue;
      const int i = found.bin;
      Cell left = prefix_[i];
      if (side == 1) add_cell(left, missing);
      best.gain = found.gain;
      best.feature = feature;
      best.bin = settings_.random_splits ? static_cast<std::uint8_t>(drawn.bin)
                 : i + 1 == filled       ? behind_all_values
                                         : static_cast<std::uint8_t>((filled_[i] + filled_[i + 1] - 1) / 2);
      best.left = {CountedWeight::weight(left.counted), left.sum};
      best.missing_left = has_missing ? side == 1 : best.left.weight > node_.weight - best.left.weight;
    }
    return true;
  }

  const TrainingRows& rows_;
  const GrowthSettings& settings_;
  NodeContext context_;
  std::int64_t centre_ = 0;
  NodeSums node_;
  NumberPrefix left_;
  std::array<Cell, 256> prefix_;
  std::array<std::uint8_t, 256> filled_;
};

}  // namespace slipway::learners::tree
