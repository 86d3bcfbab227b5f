// Where a grown tree is cut off.
#pragma once
#include <cstdint>
#include <vector>

#include "tree/grown.hpp"

namespace slipway::learners::tree {

// 1 for every node of `tree` that is a leaf under the rule although it was split, 0 for the others, by node. Nodes
// below such a leaf have no meaning.
//
// The order is scikit-learn's: depth, rows and decrease first; then, of what is left, the node of the largest decrease
// is split until there are max_leaf_nodes leaves (equal decreases: the node that was there first);
// then the weakest link, the inner node whose split saves the least impurity per leaf, is pruned while that is at most
// ccp_alpha.
std::vector<std::uint8_t> cut_nodes(const GrownTree& tree, const StopRule& rule);

}  // namespace slipway::learners::tree
