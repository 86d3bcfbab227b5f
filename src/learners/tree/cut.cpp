#include "tree/cut.hpp"

#include <queue>

namespace slipway::learners::tree {
namespace {

using Mask = std::vector<std::uint8_t>;

bool is_split(const GrownTree& tree, const Mask& leaf, std::size_t node) {
  return tree.nodes[node].left != 0 && leaf[node] == 0;
}

Mask by_node(const GrownTree& tree, const StopRule& rule) {
  Mask leaf(tree.nodes.size(), 0);
  std::vector<int> depth(tree.nodes.size(), 0);
  for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
    const GrownNode& node = tree.nodes[i];
    if (node.left == 0) continue;
    leaf[i] = rule.stops(node, depth[i]) ? 1 : 0;
    depth[node.left] = depth[node.left + 1] = depth[i] + 1;
  }
  return leaf;
}

// Splits best first until there are enough leaves; all that is not split becomes a leaf. Of equal decreases the node
// that was there first: the order in which a tree is grown best first (tree/grower.hpp).
void keep_best(const GrownTree& tree, std::uint32_t most_leaves, Mask& leaf) {
  struct Open {
    double decrease;
    std::uint32_t age;
    std::uint32_t node;
    bool operator<(const Open& other) const {
      return decrease != other.decrease ? decrease < other.decrease : age > other.age;
    }
  };
  std::priority_queue<Open> open;
  std::uint32_t age = 0;
  const auto add = [&](std::uint32_t node) {
    if (is_split(tree, leaf, node)) open.push({tree.nodes[node].decrease, age, node});
    ++age;
  };
  Mask kept(leaf.size(), 1);
  add(0);
  for (std::uint32_t leaves = 1; leaves < most_leaves && !open.empty(); ++leaves) {
    const std::uint32_t node = open.top().node;
    open.pop();
    kept[node] = 0;
    add(tree.nodes[node].left);
    add(tree.nodes[node].left + 1);
  }
  leaf = std::move(kept);
}

// Cuts the weakest link while it is weak enough. Nodes stand behind their parents.
void prune(const GrownTree& tree, double alpha, Mask& leaf) {
  const std::size_t size = tree.nodes.size();
  std::vector<std::uint32_t> parent(size, 0);
  std::vector<std::uint8_t> inside(size, 0);  // reachable
  std::vector<double> saved(size, 0);         // decrease of impurity by all splits of the subtree
  std::vector<std::uint32_t> leaves(size, 1);
  inside[0] = 1;
  for (std::size_t i = 0; i < size; ++i) {
    if (inside[i] == 0 || !is_split(tree, leaf, i)) continue;
    for (std::uint32_t child : {tree.nodes[i].left, tree.nodes[i].left + 1}) {
      parent[child] = static_cast<std::uint32_t>(i);
      inside[child] = 1;
    }
  }
  for (std::size_t i = size; i-- > 0;) {
    if (inside[i] == 0 || !is_split(tree, leaf, i)) continue;
    const std::uint32_t left = tree.nodes[i].left;
    saved[i] = tree.nodes[i].decrease + saved[left] + saved[left + 1];
    leaves[i] = leaves[left] + leaves[left + 1];
  }
  struct Link {
    double strength;
    std::uint32_t node;
    std::uint32_t leaves;  // at the time; another number makes the entry stale
    bool operator<(const Link& other) const {
      return strength != other.strength ? strength > other.strength : node > other.node;
    }
  };
  std::priority_queue<Link> links;
  const auto add = [&](std::uint32_t node) {
    links.push({saved[node] / static_cast<double>(leaves[node] - 1), node, leaves[node]});
  };
  for (std::uint32_t i = 0; i < size; ++i)
    if (inside[i] != 0 && is_split(tree, leaf, i)) add(i);
  while (!links.empty()) {
    const Link weakest = links.top();
    links.pop();
    if (weakest.strength > alpha) break;
    if (inside[weakest.node] == 0 || leaf[weakest.node] != 0 || leaves[weakest.node] != weakest.leaves) continue;
    // Its subtree goes.
    leaf[weakest.node] = 1;
    std::vector<std::uint32_t> below = {tree.nodes[weakest.node].left, tree.nodes[weakest.node].left + 1};
    while (!below.empty()) {
      const std::uint32_t node = below.back();
      below.pop_back();
      inside[node] = 0;
      if (!is_split(tree, leaf, node)) continue;
      below.push_back(tree.nodes[node].left);
      below.push_back(tree.nodes[node].left + 1);
    }
    saved[weakest.node] = 0;
    leaves[weakest.node] = 1;
    for (std::uint32_t node = weakest.node; node != 0;) {
      node = parent[node];
      const std::uint32_t left = tree.nodes[node].left;
      saved[node] = tree.nodes[node].decrease + saved[left] + saved[left + 1];
      leaves[node] = leaves[left] + leaves[left + 1];
      add(node);
    }
  }
}

}  // namespace

Mask cut_nodes(const GrownTree& tree, const StopRule& rule) {
  Mask leaf = by_node(tree, rule);
  if (rule.max_leaf_nodes != 0) keep_best(tree, rule.max_leaf_nodes, leaf);
  if (rule.ccp_alpha > 0) prune(tree, rule.ccp_alpha, leaf);
  return leaf;
}

}  // namespace slipway::learners::tree
