// Two classes: rows in two lists, one per class, and a histogram for each.
#pragma once
#include <array>
#include <bit>

#include "tree/gain.hpp"
#include "tree/growth.hpp"
#include "tree/items.hpp"
#include "tree/random_split.hpp"

namespace slipway::learners::tree {

// With `Counted`, cells hold numbers of rows beside weights, which min_samples_leaf > 1 needs.
template <class ItemType, bool Counted>
class BinaryTarget {
 public:
  using Item = ItemType;
  using Cell = std::conditional_t<Counted, std::uint64_t, std::uint32_t>;
  static constexpr int groups = 2;
  using Totals = std::array<std::uint32_t, 2>;  // weight per class
  struct Split {
    double gain = -1;
    std::uint16_t feature = 0;
    std::uint8_t bin = 0;
    std::uint8_t missing_left = 0;
    Totals left{};
  };

  BinaryTarget(const TrainingRows& rows, const GrowthSettings& settings) : rows_(rows), settings_(settings) {}

  std::array<Span, groups> ranges() const {
    return {Span{0, rows_.negatives}, Span{rows_.negatives, static_cast<std::uint32_t>(rows_.rows())}};
  }
  Item make(std::uint32_t row, std::uint32_t weight) const { return Item::make(row, weight); }
  std::size_t cells_per_feature() const { return 256; }
  static std::size_t cell(std::size_t code, Item) { return code; }
  static void add(Cell& cell, Item item) {
    if constexpr (Counted) {
      cell += CountedWeight::of(item.weight());
    } else {
      cell += item.weight();
    }
  }
  std::uint32_t small_limit() const { return static_cast<std::uint32_t>(small_prefix_.size()); }

  void set_class_weights(const std::vector<double>& weights) { class_weight_ = {weights[0], weights[1]}; }
  Totals root(const Item* list, const std::array<Span, groups>& spans) {
    Totals totals{};
    for (int group = 0; group < groups; ++group)
      for (std::uint32_t i = spans[group].begin; i < spans[group].end; ++i) totals[group] += list[i].weight();
    if (settings_.class_weight == ClassWeight::balanced_subsample) {
      const double present = (totals[0] > 0) + (totals[1] > 0);
      for (int group = 0; group < groups; ++group)
        class_weight_[group] =
            totals[group] > 0 ? (totals[0] + static_cast<double>(totals[1])) / (present * totals[group]) : 0;
    }
    return totals;
  }

  static bool pure(const Totals& totals) { return totals[0] == 0 || totals[1] == 0; }
  static bool pure_rows(const Item*, std::uint32_t) { return false; }  // its totals say so
  static Totals rest(const Totals& totals, const Split& best) {
    return {totals[0] - best.left[0], totals[1] - best.left[1]};
  }
  double weight(const Totals& totals) const { return class_weight_[0] * totals[0] + class_weight_[1] * totals[1]; }
  // The share of class 1.
  double value(const Totals& totals) const { return class_weight_[1] * totals[1] / weight(totals); }
  void write_value(const Totals& totals, const ValueBounds& bounds, float* value) const {
    *value = static_cast<float>(bounds.clamp(this->value(totals)));
  }
  double decrease(double gain, const Totals& totals, double bag_weight) const {
    return (settings_.criterion == Criterion::entropy ? gain : 2 * gain / weight(totals)) / bag_weight;
  }

  void begin(const Totals& totals, const NodeContext& context) {
    context_ = context;
    const std::uint32_t counted = Counted ? context.rows : totals[0] + totals[1];
    node_ = {weight(totals), class_weight_[1] * totals[1], static_cast<std::int32_t>(counted),
             static_cast<std::int32_t>(Counted ? settings_.min_samples_leaf : 1), context.min_weight};
  }

  // Reads and clears the feature's cells; whether it has two values in the node.
  bool scan(std::array<Cell*, groups> cells, std::uint16_t feature, Split& best) {
    const int bins = rows_.bins.value_bins(feature);
    const Pair missing = take(cells, missing_code);
    accumulate(cells[0], cells[1], bins);
    std::memset(cells[0], 0, static_cast<std::size_t>(bins) * sizeof(Cell));
    std::memset(cells[1], 0, static_cast<std::size_t>(bins) * sizeof(Cell));
    if (settings_.random_splits) return scan_random(bins, feature, missing, best);
    const bool found = consider(bins, feature, missing, false, best);
    if (missing.rows() != 0) consider(bins, feature, missing, true, best);
    if (found) return true;
    return std::any_of(prefix_.rows.begin(), prefix_.rows.begin() + bins,
                       [&](std::int32_t rows) { return rows != 0 && rows != node_.rows; });
  }

  bool scan_small(const Item* items, const std::uint8_t* const* row_codes, std::uint32_t count,
                  std::uint32_t first_positive, std::uint16_t feature, std::array<Cell*, groups> cells, Split& best) {
    std::array<std::uint64_t, 4> hit{};
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint8_t code = row_codes[i][feature];
      add(cells[i >= first_positive ? 1 : 0][code], items[i]);
      hit[code >> 6] |= std::uint64_t{1} << (code & 63);
    }
    const bool has_missing = hit[3] >> 63 != 0;
    const Pair missing = has_missing ? take(cells, missing_code) : Pair{};
    hit[3] &= ~(std::uint64_t{1} << 63);
    int bins = 0;
    Pair sum;
    for (int word = 0; word < 4; ++word) {
      for (std::uint64_t bits = hit[word]; bits != 0; bits &= bits - 1) {
        const int x = word * 64 + std::countr_zero(bits);
        const Pair here = take(cells, x);
        sum.add(here.cell[0], here.cell[1]);
        touched_[bins] = static_cast<std::uint8_t>(x);
        small_prefix_[bins++] = sum;
      }
    }
    if (bins + (has_missing ? 1 : 0) < 2) return false;
    if (settings_.random_splits) {
      if (bins == 0) return false;
      const RandomSplit drawn =
          draw_split(rows_.bins, feature, touched_[0], touched_[bins - 1], has_missing, context_.key);
      const auto behind = std::upper_bound(touched_.begin(), touched_.begin() + bins, drawn.bin) - touched_.begin();
      take_random(drawn, small_prefix_[static_cast<std::size_t>(behind - 1)], missing, feature, best);
      return true;
    }
    for (int side = 0; side < (has_missing ? 2 : 1); ++side) {
      const int last = has_missing && side == 0 ? bins : bins - 1;
      for (int i = 0; i < last; ++i) {
        Pair left = small_prefix_[i];
        if (side == 1) left.add(missing.cell[0], missing.cell[1]);
        if (left.rows() < node_.min_rows || node_.rows - left.rows() < node_.min_rows) continue;
        const double gain = gain_of(left);
        if (!(gain > best.gain) || !allowed(feature, left.weights())) continue;
        const std::uint8_t bin =
            i + 1 == bins ? behind_all_values : static_cast<std::uint8_t>((touched_[i] + touched_[i + 1] - 1) / 2);
        best = {gain, feature, bin, missing_side(has_missing, side == 1, left.weights()), left.weights()};
      }
    }
    return true;
  }

 private:
  struct Pair {
    std::array<Cell, 2> cell{};
    void add(Cell negative, Cell positive) {
      cell[0] += negative;
      cell[1] += positive;
    }
    std::int32_t rows() const {
      if constexpr (Counted)
        return static_cast<std::int32_t>(CountedWeight::rows(cell[0]) + CountedWeight::rows(cell[1]));
      return static_cast<std::int32_t>(cell[0] + cell[1]);
    }
    Totals weights() const { return {static_cast<std::uint32_t>(cell[0]), static_cast<std::uint32_t>(cell[1])}; }
  };

  static Pair take(const std::array<Cell*, groups>& cells, int x) {
    return {{std::exchange(cells[0][x], 0), std::exchange(cells[1][x], 0)}};
  }
  void accumulate(const Cell* negative, const Cell* positive, int bins) {
    Pair sum;
    for (int x = 0; x < bins; ++x) {
      sum.add(negative[x], positive[x]);
      prefix_.negative[x] = static_cast<std::int32_t>(sum.cell[0]);
      prefix_.positive[x] = static_cast<std::int32_t>(sum.cell[1]);
      prefix_.rows[x] = sum.rows();
    }
  }
  double gain_of(const Pair& left) const {
    const Totals weights = left.weights();
    const double positive = class_weight_[1] * weights[1];
    const double weight = class_weight_[0] * weights[0] + positive;
    return settings_.criterion == Criterion::entropy ? entropy_gain(weight, positive, node_)
                                                     : squared_gain(weight, positive, node_);
  }
  // Whether monotonic constraints allow these sides.
  bool allowed(std::uint16_t feature, const Totals& left) const {
    if (settings_.directions.empty()) return true;
    const double left_sum = class_weight_[1] * left[1];
    const double left_weight = weight(left);
    return allowed_values(settings_.directions[feature], context_.bounds, left_sum / left_weight,
                          (node_.sum - left_sum) / (node_.weight - left_weight));
  }
  Pair prefix_at(int x) const {
    Pair pair;
    if constexpr (Counted) {
      // Numbers of rows are of both classes together; which cell holds them does not matter.
      pair.cell = {static_cast<std::uint64_t>(prefix_.rows[x]) << 32 | static_cast<std::uint32_t>(prefix_.negative[x]),
                   static_cast<std::uint32_t>(prefix_.positive[x])};
    } else {
      pair.cell = {static_cast<Cell>(prefix_.negative[x]), static_cast<Cell>(prefix_.positive[x])};
    }
    return pair;
  }
  // One threshold at random; whether the feature has two values in the node.
  bool scan_random(int bins, std::uint16_t feature, const Pair& missing, Split& best) {
    const std::int32_t present = prefix_.rows[bins - 1];
    const bool has_missing = missing.rows() != 0;
    if (present == 0) return false;
    const auto begin = prefix_.rows.begin();
    const auto lowest = static_cast<int>(std::upper_bound(begin, begin + bins, 0) - begin);
    const auto highest = static_cast<int>(std::lower_bound(begin, begin + bins, present) - begin);
    if (lowest == highest && !has_missing) return false;
    const RandomSplit drawn = draw_split(rows_.bins, feature, lowest, highest, has_missing, context_.key);
    take_random(drawn, prefix_at(std::min(drawn.bin, bins - 1)), missing, feature, best);
    return true;
  }
  void take_random(const RandomSplit& drawn, Pair left, const Pair& missing, std::uint16_t feature, Split& best) {
    if (drawn.missing_left) left.add(missing.cell[0], missing.cell[1]);
    if (left.rows() < node_.min_rows || node_.rows - left.rows() < node_.min_rows) return;
    const double gain = gain_of(left);
    if (!(gain > best.gain) || !allowed(feature, left.weights())) return;
    best = {gain, feature, static_cast<std::uint8_t>(drawn.bin),
            missing_side(missing.rows() != 0, drawn.missing_left, left.weights()), left.weights()};
  }
  // The best of the allowed ones, one by one.
  BestBin best_constrained(int bins, std::uint16_t feature, const ClassAddition& added) const {
    BestBin best;
    std::int32_t before = 0;
    for (int x = 0; x < bins; ++x) {
      const std::int32_t values = prefix_.rows[x];
      const std::int32_t rows = values + added.rows;
      if (std::exchange(before, values) == values) continue;
      if (rows < node_.min_rows || node_.rows - rows < node_.min_rows) continue;
      Pair left = prefix_at(x);
      left.add(static_cast<Cell>(added.negative), static_cast<Cell>(added.positive));
      const double gain = gain_of(left);
      if (gain > best.gain && allowed(feature, left.weights())) best = {gain, x};
    }
    return best;
  }
  // Where a missing value goes when the node had none: with the heavier child.
  std::uint8_t missing_side(bool has_missing, bool missing_left, const Totals& left) const {
    if (has_missing) return missing_left ? 1 : 0;
    const double left_weight = weight(left);
    return left_weight > node_.weight - left_weight ? 1 : 0;
  }
  // Takes the best of the splits behind the feature's bins if it beats `best`; whether there was any.
  bool consider(int bins, std::uint16_t feature, const Pair& missing, bool missing_left, Split& best) {
    ClassAddition added;
    if (missing_left)
      added = {static_cast<std::int32_t>(missing.cell[0]), static_cast<std::int32_t>(missing.cell[1]), missing.rows()};
    BestBin found;
    if (!settings_.directions.empty()) {
      found = best_constrained(bins, feature, added);
    } else if (settings_.criterion == Criterion::entropy) {
      found = best_entropy(prefix_, bins, node_, class_weight_, added);
    } else {
      found = best_gini(prefix_, bins, node_, class_weight_, added);
    }
    if (!(found.gain > best.gain)) return found.gain >= 0;
    const int x = found.bin;
    int next = x + 1;
    while (next < bins && prefix_.rows[next] == prefix_.rows[x]) ++next;
    best.gain = found.gain;
    best.feature = feature;
    best.bin = next == bins ? behind_all_values : static_cast<std::uint8_t>((x + next - 1) / 2);
    best.left = {static_cast<std::uint32_t>(prefix_.negative[x] + added.negative),
                 static_cast<std::uint32_t>(prefix_.positive[x] + added.positive)};
    best.missing_left = missing_side(missing.rows() != 0, missing_left, best.left);
    return true;
  }

  const TrainingRows& rows_;
  const GrowthSettings& settings_;
  std::array<double, 2> class_weight_{1, 1};
  NodeContext context_;
  NodeSums node_;
  ClassPrefix prefix_;
  std::array<Pair, 64> small_prefix_;  // of the bins touched
  std::array<std::uint8_t, 64> touched_;
};

}  // namespace slipway::learners::tree
