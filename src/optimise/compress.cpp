#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/optimise/compress.hpp>

#include "sensitivity.hpp"

namespace slipway::optimise {

namespace {

using model::Trees;

// The part of the budget that is left for float32's rounding of sums over the changed leaves.
constexpr double kept_for_rounding = 0.05;

// Trees being written anew: subtrees whose leaves lie within `spread` of their middle become a leaf, and leaves are
// rounded to multiples of `step` (0: not).
class Rewriter {
 public:
  Rewriter(const Trees& from, double spread, double step) : from_(from), spread_(spread), step_(step) {
    const std::size_t width = from.outputs;
    low_.resize(from.node_count() * width);
    high_.resize(low_.size());
    for (std::size_t node = from.node_count(); node-- > 0;)
      for (std::size_t k = 0; k < width; ++k) {
        float& low = low_[node * width + k];
        float& high = high_[node * width + k];
        if (from.feature[node] == Trees::leaf) {
          low = high = from.leaf_values[std::size_t{from.left[node]} * width + k];
          continue;
        }
        const std::size_t left = from.left[node] * width + k, right = from.right[node] * width + k;
        low = std::min(low_[left], low_[right]);
        high = std::max(high_[left], high_[right]);
      }
  }

  Trees run() {
    to_ = from_;
    for (auto clear : {&to_.roots, &to_.left, &to_.right}) clear->clear();
    for (auto clear : {&to_.threshold, &to_.cover, &to_.leaf_values}) clear->clear();
    to_.feature.clear();
    to_.missing_left.clear();
    for (const std::uint32_t root : from_.roots) {
      to_.roots.push_back(static_cast<std::uint32_t>(to_.node_count()));
      copy(root);
    }
    return std::move(to_);
  }

 private:
  struct Pending {
    std::uint32_t node;
    std::int64_t parent;
    bool left;
  };

  bool becomes_leaf(std::uint32_t node) const {
    if (from_.feature[node] == Trees::leaf) return true;
    for (std::size_t k = 0; k < from_.outputs; ++k) {
      const std::size_t at = std::size_t{node} * from_.outputs + k;
      if (static_cast<double>(high_[at]) - static_cast<double>(low_[at]) > 2 * spread_) return false;
    }
    return true;
  }

  void copy(std::uint32_t root) {
    std::vector<Pending> pending = {{root, -1, false}};
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      const auto self = static_cast<std::uint32_t>(to_.node_count());
      if (next.parent >= 0) (next.left ? to_.left : to_.right)[static_cast<std::size_t>(next.parent)] = self;
      if (!from_.cover.empty()) to_.cover.push_back(from_.cover[next.node]);
      if (becomes_leaf(next.node)) {
        add_leaf(next.node);
        continue;
      }
      to_.feature.push_back(from_.feature[next.node]);
      to_.threshold.push_back(from_.threshold[next.node]);
      to_.missing_left.push_back(from_.missing_left[next.node]);
      to_.left.push_back(0);
      to_.right.push_back(0);
      pending.push_back({from_.right[next.node], self, false});
      pending.push_back({from_.left[next.node], self, true});
    }
  }

  void add_leaf(std::uint32_t node) {
    to_.feature.push_back(Trees::leaf);
    to_.threshold.push_back(0);
    to_.missing_left.push_back(0);
    to_.left.push_back(static_cast<std::uint32_t>(to_.leaf_values.size() / from_.outputs));
    to_.right.push_back(0);
    for (std::size_t k = 0; k < from_.outputs; ++k) {
      const std::size_t at = std::size_t{node} * from_.outputs + k;
      const double low = low_[at], high = high_[at];
      double value = low == high ? low : (low + high) / 2;
      if (step_ > 0) value = std::round(value / step_) * step_;
      to_.leaf_values.push_back(static_cast<float>(value));
    }
  }

  const Trees& from_;
  double spread_, step_;
  std::vector<float> low_, high_;  // of the leaves under every node
  Trees to_;
};

std::size_t distinct_leaves(const Trees& trees) {
  std::set<std::vector<float>> rows;
  for (std::size_t at = 0; at < trees.leaf_values.size(); at += trees.outputs)
    rows.emplace(trees.leaf_values.begin() + static_cast<std::ptrdiff_t>(at),
                 trees.leaf_values.begin() + static_cast<std::ptrdiff_t>(at + trees.outputs));
  return rows.size();
}

}  // namespace

Result<Compressed> compress(const model::Model& model, const CompressOptions& options) {
  SLIPWAY_CHECK(validate(model).with_context("compressing the model"));
  if (!(options.largest_difference >= 0) || !std::isfinite(options.largest_difference))
    return invalid_input(
        fmt::format("the largest difference is {}, expected 0 or more", format_number(options.largest_difference)));
  const auto slopes = sensitivities(model);
  Compressed made{.model = model};
  std::size_t ensembles = 0;
  for (const model::Operator& op : model.operators)
    if (const auto* trees = std::get_if<Trees>(&op)) ensembles += !slopes[trees->output] || *slopes[trees->output] > 0;
  for (model::Operator& op : made.model.operators) {
    auto* trees = std::get_if<Trees>(&op);
    if (trees == nullptr) continue;
    const std::optional<double> slope = slopes[trees->output];
    double each = 0;  // the most that a leaf of any tree may change
    if (options.largest_difference > 0) {
      if (!slope)
        return invalid_input(
            fmt::format("no bound can be given for '{}': a step, formula or exponential lies between it "
                        "and the scores; compress with 0",
                        model.values[trees->output].name));
      if (*slope > 0) {
        each = options.largest_difference * (1 - kept_for_rounding) / (static_cast<double>(ensembles) * *slope);
        if (trees->aggregate == Trees::Aggregate::sum) each /= static_cast<double>(trees->roots.size());
      }
    }
    made.nodes_before += trees->node_count();
    made.leaves_before += distinct_leaves(*trees);
    Trees smaller = Rewriter(*trees, each / 2, each).run();  // rounding to a step moves by half of it
    if (each > 0) smaller = Rewriter(smaller, 0, 0).run();
    *trees = std::move(smaller);
    made.nodes_after += trees->node_count();
    made.leaves_after += distinct_leaves(*trees);
  }
  made.bound = ensembles == 0 ? 0 : options.largest_difference;
  SLIPWAY_CHECK(validate(made.model).with_context("compressing the model"));
  return made;
}

}  // namespace slipway::optimise
