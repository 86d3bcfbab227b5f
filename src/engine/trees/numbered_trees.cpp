#include "numbered_trees.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace slipway::engine {

std::optional<NumberedTrees> NumberedTrees::number(const model::Trees& op) {
  NumberedTrees trees(op);
  if (!trees.make_slots()) return std::nullopt;
  trees.number_leaves();
  return trees;
}

bool NumberedTrees::make_slots() {
  std::map<std::pair<std::uint32_t, bool>, std::vector<float>> edges;
  for (std::size_t i = 0; i < op_->node_count(); ++i)
    if (op_->feature[i] != model::Trees::leaf)
      edges[{static_cast<std::uint32_t>(op_->feature[i]), op_->missing_left[i] == 0}].push_back(op_->threshold[i]);
  for (auto& [key, values] : edges) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    compute::EdgeSlot slot;
    slot.column = key.first;
    slot.missing_above = key.second;
    slot.first_edge = static_cast<std::uint32_t>(edges_.size());
    slot.edge_count = static_cast<std::uint32_t>(values.size());
    slot.bits = static_cast<std::uint32_t>(std::bit_width(values.size()));
    if (slot.bits > 16 || slots_.size() >= 65'535) return false;
    slot_of_[key] = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(slot);
    edges_.insert(edges_.end(), values.begin(), values.end());
    edges_.resize(slot.first_edge + (std::size_t{1} << slot.bits) - 1, std::numeric_limits<float>::infinity());
  }
  return true;
}

void NumberedTrees::number_leaves() {
  leaves_.assign(op_->node_count(), 1);
  first_leaf_.assign(op_->node_count(), 0);
  for (std::size_t i = op_->node_count(); i-- > 0;)  // children lie behind their parent
    if (op_->feature[i] != model::Trees::leaf) leaves_[i] = leaves_[op_->left[i]] + leaves_[op_->right[i]];
  for (std::size_t i = 0; i < op_->node_count(); ++i) {
    if (op_->feature[i] == model::Trees::leaf) continue;
    first_leaf_[op_->left[i]] = first_leaf_[i];
    first_leaf_[op_->right[i]] = first_leaf_[i] + leaves_[op_->left[i]];
  }
  for (const std::uint32_t root : op_->roots) most_leaves_ = std::max(most_leaves_, leaves_[root]);
}

std::pair<std::uint32_t, std::uint32_t> NumberedTrees::test_of(std::size_t node) const {
  const std::uint32_t slot =
      slot_of_.at({static_cast<std::uint32_t>(op_->feature[node]), op_->missing_left[node] == 0});
  const float* first = edges_.data() + slots_[slot].first_edge;
  const float* edge = std::lower_bound(first, first + slots_[slot].edge_count, op_->threshold[node]);
  return {slot, static_cast<std::uint32_t>(edge - first)};
}

}  // namespace slipway::engine
