// What layouts share that look at all trees at once: columns with their thresholds in order, leaves left to right.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <slipway/compute/edges.hpp>
#include <slipway/model/operators.hpp>

namespace slipway::engine {

class NumberedTrees {
 public:
  // Nothing where a column has 65,536 thresholds or more, or the trees use as many columns. Keeps a reference to the
  // operator.
  static std::optional<NumberedTrees> number(const model::Trees& op);

  const model::Trees& op() const { return *op_; }
  // A slot for each (column, way that missing goes) that the trees use.
  const std::vector<compute::EdgeSlot>& slots() const { return slots_; }
  const std::vector<float>& edges() const { return edges_; }
  // Slot and number of the edge of an inner node, which a row passes to the right if its code there is greater.
  std::pair<std::uint32_t, std::uint32_t> test_of(std::size_t node) const;
  // Leaves below a node; the first of them, counted left to right within its tree.
  std::uint32_t leaves(std::size_t node) const { return leaves_[node]; }
  std::uint32_t first_leaf(std::size_t node) const { return first_leaf_[node]; }
  std::uint32_t most_leaves() const { return most_leaves_; }
  // Behind the last node of a tree.
  std::size_t end_of(std::size_t tree) const {
    return tree + 1 < op_->roots.size() ? op_->roots[tree + 1] : op_->node_count();
  }

 private:
  explicit NumberedTrees(const model::Trees& op) : op_(&op) {}
  bool make_slots();
  void number_leaves();

  const model::Trees* op_;
  std::vector<compute::EdgeSlot> slots_;
  std::vector<float> edges_;
  std::map<std::pair<std::uint32_t, bool>, std::uint32_t> slot_of_;  // column, missing goes right
  std::vector<std::uint32_t> leaves_, first_leaf_;
  std::uint32_t most_leaves_ = 0;
};

}  // namespace slipway::engine
