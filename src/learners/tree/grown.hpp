// A tree as it was grown: every node, inner ones too, knows what a leaf would know, so that any shallower tree of the
// same growth can be cut out of it.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

namespace slipway::learners::tree {

struct GrownNode {
  std::uint32_t left = 0;  // the left child; the right one follows it. 0 = leaf
  std::uint32_t rows = 0;  // distinct training rows (in the bag); not counted at nodes that could not split
  std::uint16_t feature = 0;
  std::uint8_t bin = 0;  // codes <= bin go left
  std::uint8_t missing_left = 0;
  float weight = 0;     // training weight
  double decrease = 0;  // of weighted impurity by the split, over the weight of the whole bag
};

struct GrownTree {
  std::vector<GrownNode> nodes;  // root first
  std::vector<float> values;     // a row of outputs per node
};

// When a node is not split although it could be. These rules only cut a tree off: they never change a split above.
// Trees grown under max_leaf_nodes contain those of fewer leaves, but not those of another depth: best first, a limit
// of depth leads elsewhere.
// A node is cut off by itself for the first three; for the others the whole tree is looked at (tree/cut.hpp).
struct StopRule {
  int max_depth = std::numeric_limits<int>::max();
  std::uint32_t min_samples_split = 2;
  double min_impurity_decrease = 0;
  std::uint32_t max_leaf_nodes = 0;  // those of the largest decreases are split first; 0 = no limit
  double ccp_alpha = 0;              // minimal cost-complexity pruning (Breiman et al. 1984)

  bool by_node() const { return max_leaf_nodes == 0 && ccp_alpha == 0; }

  bool before_search(int depth, std::uint32_t rows) const { return depth >= max_depth || rows < min_samples_split; }
  bool after_search(double decrease) const {
    return decrease + std::numeric_limits<double>::epsilon() < min_impurity_decrease;
  }
  // Whether the first three are the other's.
  bool same_by_node(const StopRule& other) const {
    return max_depth == other.max_depth && min_samples_split == other.min_samples_split &&
           min_impurity_decrease == other.min_impurity_decrease;
  }
  // For a node that was split, of the first three.
  bool stops(const GrownNode& node, int depth) const {
    return before_search(depth, node.rows) || after_search(node.decrease);
  }
  bool operator==(const StopRule&) const = default;
};

}  // namespace slipway::learners::tree
