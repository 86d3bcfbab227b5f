// Several classes: the label travels with the row, a histogram cell per (bin, class).
#pragma once
#include <array>
#include <bit>

#include "tree/gain.hpp"
#include "tree/growth.hpp"
#include "tree/items.hpp"
#include "tree/random_split.hpp"

namespace slipway::learners::tree {

// With `Counted`, cells hold numbers of rows beside weights, which min_samples_leaf > 1 needs.
template <bool Counted>
class ClassTarget {
 public:
  using Item = LabelledItem;
  using Cell = std::conditional_t<Counted, std::uint64_t, std::uint32_t>;
  static constexpr int groups = 1;
  using Totals = std::vector<std::uint32_t>;  // weight per class
  struct Split {
    double gain = -1;
    std::uint16_t feature = 0;
    std::uint8_t bin = 0;
    std::uint8_t missing_left = 0;
    Totals left;
  };

  ClassTarget(const TrainingRows& rows, const GrowthSettings& settings)
      : rows_(rows),
        settings_(settings),
        classes_(static_cast<std::size_t>(rows.classes)),
        class_weight_(classes_, 1.0),
        slots_(classes_, 0),
        left_(classes_),
        missing_(classes_) {
    present_.reserve(classes_);
  }

  std::array<Span, groups> ranges() const { return {Span{0, static_cast<std::uint32_t>(rows_.rows())}}; }
  Item make(std::uint32_t row, std::uint32_t weight) const { return Item::make(row, weight, rows_.labels[row]); }
  std::size_t cells_per_feature() const { return 256 * classes_; }
  std::size_t cell(std::size_t code, Item item) const { return code * classes_ + item.label(); }
  static void add(Cell& cell, Item item) {
    if constexpr (Counted) {
      cell += CountedWeight::of(item.weight());
    } else {
      cell += item.weight();
    }
  }
  // Below it, sorting the rows beats passing over all cells.
  std::uint32_t small_limit() const { return static_cast<std::uint32_t>(std::max<std::size_t>(64, 8 * classes_)); }

  void set_class_weights(const std::vector<double>& weights) { class_weight_ = weights; }
  Totals root(const Item* list, const std::array<Span, groups>& spans) {
    Totals totals(classes_);
    for (std::uint32_t i = spans[0].begin; i < spans[0].end; ++i) totals[list[i].label()] += list[i].weight();
    if (settings_.class_weight == ClassWeight::balanced_subsample) {
      double sum = 0;
      double present = 0;
      for (std::uint32_t weight : totals) {
        sum += weight;
        present += weight > 0 ? 1 : 0;
      }
      for (std::size_t index = 0; index < classes_; ++index)
        class_weight_[index] = totals[index] > 0 ? sum / (present * totals[index]) : 0;
    }
    return totals;
  }

  static bool pure(const Totals& totals) {
    return std::count_if(totals.begin(), totals.end(), [](std::uint32_t weight) { return weight > 0; }) < 2;
  }
  static bool pure_rows(const Item*, std::uint32_t) { return false; }  // its totals say so
  static Totals rest(const Totals& totals, const Split& best) {
    Totals right = totals;
    for (std::size_t index = 0; index < right.size(); ++index) right[index] -= best.left[index];
    return right;
  }
  double weight(const Totals& totals) const {
    double sum = 0;
    for (std::size_t index = 0; index < classes_; ++index) sum += class_weight_[index] * totals[index];
    return sum;
  }
  static double value(const Totals&) { return 0; }  // monotonic constraints are for one number
  void write_value(const Totals& totals, const ValueBounds&, float* value) const {
    const double sum = weight(totals);
    for (std::size_t index = 0; index < classes_; ++index)
      value[index] = static_cast<float>(class_weight_[index] * totals[index] / sum);
  }
  double decrease(double gain, const Totals&, double bag_weight) const { return gain / bag_weight; }

  void begin(const Totals& totals, const NodeContext& context) {
    context_ = context;
    present_.clear();
    totals_.clear();
    factors_.clear();
    for (std::size_t index = 0; index < classes_; ++index) {
      if (totals[index] == 0) continue;
      slots_[index] = static_cast<std::uint16_t>(present_.size());
      present_.push_back(static_cast<std::uint16_t>(index));
      totals_.push_back(totals[index]);
      factors_.push_back(class_weight_[index]);
    }
    node_weight_ = weight(totals);
    node_purity_ = purity([&](std::size_t slot) { return totals_[slot]; }, node_weight_);
  }

  bool scan(std::array<Cell*, groups> cells, std::uint16_t feature, Split& best) {
    const int bins = rows_.bins.value_bins(feature);
    start_feature();
    take(cells[0] + missing_code * classes_, missing_, missing_rows_);
    for (int x = 0; x < bins; ++x) {
      std::uint32_t rows = 0;
      Cell* here = cells[0] + static_cast<std::size_t>(x) * classes_;
      Cell any = 0;
      for (const std::uint16_t index : present_) any |= here[index];
      if (any == 0) continue;
      std::uint32_t* prefix = next_prefix(x);
      for (std::size_t slot = 0; slot < present_.size(); ++slot) {
        Cell& cell = here[present_[slot]];
        prefix[slot] += weight_of(cell);
        rows += rows_of(cell);
        cell = 0;
      }
      prefix_rows_.push_back((prefix_rows_.empty() ? 0 : prefix_rows_.back()) + rows);
    }
    return choose(feature, best);
  }

  bool scan_small(const Item* items, const std::uint8_t* const* row_codes, std::uint32_t count, std::uint32_t,
                  std::uint16_t feature, std::array<Cell*, groups>, Split& best) {
    start_feature();
    sorted_.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) sorted_[i] = std::uint32_t{row_codes[i][feature]} << 16 | i;
    std::sort(sorted_.begin(), sorted_.end());
    for (std::uint32_t i = 0; i < count; ++i) {
      const int code = static_cast<int>(sorted_[i] >> 16);
      const Item item = items[sorted_[i] & 0xffff];
      if (code == missing_code) {
        missing_[slots_[item.label()]] += item.weight();
        ++missing_rows_;
        continue;
      }
      if (filled_.empty() || filled_.back() != code) {
        next_prefix(code);
        prefix_rows_.push_back(prefix_rows_.empty() ? 0 : prefix_rows_.back());
      }
      prefix_[(filled_.size() - 1) * present_.size() + slots_[item.label()]] += item.weight();
      ++prefix_rows_.back();
    }
    return choose(feature, best);
  }

 private:
  static std::uint32_t weight_of(Cell cell) { return static_cast<std::uint32_t>(cell); }
  // Not counted: weights stand in, which is enough to see whether there are any.
  static std::uint32_t rows_of(Cell cell) {
    if constexpr (Counted) return CountedWeight::rows(cell);
    return static_cast<std::uint32_t>(cell);
  }
  void take(Cell* cells, Totals& weights, std::uint32_t& rows) {
    for (std::size_t slot = 0; slot < present_.size(); ++slot) {
      Cell& cell = cells[present_[slot]];
      weights[slot] = weight_of(cell);
      rows += rows_of(cell);
      cell = 0;
    }
  }
  void start_feature() {
    filled_.clear();
    prefix_rows_.clear();
    prefix_.clear();
    std::fill_n(missing_.begin(), present_.size(), 0);
    missing_rows_ = 0;
  }
  // A copy of the last prefix to add bin x to.
  std::uint32_t* next_prefix(int x) {
    const std::size_t end = prefix_.size();
    const std::size_t size = present_.size();
    prefix_.resize(end + size);
    if (end > 0) std::copy_n(prefix_.data() + end - size, size, prefix_.data() + end);
    filled_.push_back(static_cast<std::uint8_t>(x));
    return prefix_.data() + end;
  }
  // Weight times (1 - impurity), up to a constant: larger is purer.
  template <class WeightOf>
  double purity(const WeightOf& weight_of_slot, double weight) const {
    double sum = 0;
    if (settings_.criterion == Criterion::entropy) {
      for (std::size_t slot = 0; slot < present_.size(); ++slot) sum += x_log2_x(factors_[slot] * weight_of_slot(slot));
      return sum - x_log2_x(weight);
    }
    for (std::size_t slot = 0; slot < present_.size(); ++slot) {
      const double scaled = factors_[slot] * weight_of_slot(slot);
      sum += scaled * scaled;
    }
    return sum / weight;
  }
  // The best split between the bins that hold rows; whether the feature has two values in the node.
  bool choose(std::uint16_t feature, Split& best) {
    const bool has_missing = missing_rows_ > 0;
    const std::size_t filled = filled_.size();
    if (filled + (has_missing ? 1 : 0) < 2) return false;
    const std::uint32_t all_rows = prefix_rows_.empty() ? missing_rows_ : prefix_rows_.back() + missing_rows_;
    const std::uint32_t min_rows = Counted ? settings_.min_samples_leaf : 1;
    RandomSplit drawn;
    std::size_t behind = 0;  // of the bin drawn
    if (settings_.random_splits) {
      if (filled == 0) return false;
      drawn = draw_split(rows_.bins, feature, filled_.front(), filled_.back(), has_missing, context_.key);
      behind = static_cast<std::size_t>(std::upper_bound(filled_.begin(), filled_.end(), drawn.bin) - filled_.begin());
    }
    const std::size_t classes = present_.size();
    for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
      if (settings_.random_splits && (side == 1) != drawn.missing_left) continue;
      for (std::size_t i = settings_.random_splits ? behind - 1 : 0; i < (settings_.random_splits ? behind : filled);
           ++i) {
        const std::uint32_t rows = prefix_rows_[i] + (side == 1 ? missing_rows_ : 0);
        if (rows < min_rows || all_rows - rows < min_rows) continue;
        const std::uint32_t* prefix = prefix_.data() + i * classes;
        double left_weight = 0;
        for (std::size_t slot = 0; slot < classes; ++slot) {
          left_[slot] = prefix[slot] + (side == 1 ? missing_[slot] : 0);
          left_weight += factors_[slot] * left_[slot];
        }
        const double right_weight = node_weight_ - left_weight;
        if (left_weight < context_.min_weight || right_weight < context_.min_weight) continue;
        const double left_purity = purity([&](std::size_t slot) { return left_[slot]; }, left_weight);
        const double right_purity = purity([&](std::size_t slot) { return totals_[slot] - left_[slot]; }, right_weight);
        const double gain = std::max(0.0, left_purity + right_purity - node_purity_);
        if (!(gain > best.gain)) continue;
        best.gain = gain;
        best.feature = feature;
        best.bin = settings_.random_splits ? static_cast<std::uint8_t>(drawn.bin)
                   : i + 1 == filled       ? behind_all_values
                                           : static_cast<std::uint8_t>((filled_[i] + filled_[i + 1] - 1) / 2);
        best.left.assign(classes_, 0);
        for (std::size_t slot = 0; slot < classes; ++slot) best.left[present_[slot]] = left_[slot];
        best.missing_left = has_missing ? side == 1 : left_weight > right_weight;
      }
    }
    return true;
  }

  const TrainingRows& rows_;
  const GrowthSettings& settings_;
  std::size_t classes_;
  std::vector<double> class_weight_;
  NodeContext context_;
  // Of the node at hand: its classes, where each of them stands among these (its slot), and by slot their weights.
  std::vector<std::uint16_t> present_;
  std::vector<std::uint16_t> slots_;
  Totals totals_;
  std::vector<double> factors_;
  double node_weight_ = 0;
  double node_purity_ = 0;
  // Of the feature at hand: weights by slot up to each bin that holds rows, and in missing values.
  std::vector<std::uint8_t> filled_;
  std::vector<std::uint32_t> prefix_;
  std::vector<std::uint32_t> prefix_rows_;
  Totals left_;
  Totals missing_;
  std::uint32_t missing_rows_ = 0;
  std::vector<std::uint32_t> sorted_;
};

}  // namespace slipway::learners::tree
