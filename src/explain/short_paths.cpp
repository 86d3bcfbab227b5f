#include <algorithm>

#include "ensemble.hpp"

namespace slipway::explain {
namespace {

void add_tree(Ensemble& ensemble, const PathTree& tree) {
  ShortPaths& out = ensemble.short_paths;
  const PathNode* nodes = ensemble.nodes.data() + tree.first;
  const Pass& pass = ensemble.passes[tree.first_pass];
  const auto count = static_cast<std::int32_t>(tree.count);

  // The order: nodes with an inner child, parents first as before; then the others.
  std::vector<std::int32_t> order, lasts, place(tree.count + 1);
  for (std::int32_t n = 0; n < count; ++n)
    (nodes[n].child[0] == count && nodes[n].child[1] == count ? lasts : order).push_back(n);
  ShortTree short_tree{.first = static_cast<std::uint32_t>(out.nodes.size()),
                       .inner = static_cast<std::uint32_t>(order.size()),
                       .last = static_cast<std::uint32_t>(lasts.size()),
                       .first_inner = static_cast<std::uint32_t>(out.inners),
                       .first_last = static_cast<std::uint32_t>(out.lasts)};
  out.inners += order.size();
  out.lasts += lasts.size();
  order.insert(order.end(), lasts.begin(), lasts.end());
  for (std::int32_t i = 0; i < count; ++i) place[order[i]] = i;
  place[count] = count;

  for (const std::int32_t n : order) {
    const PathNode& node = nodes[n];
    ShortNode& moved = out.nodes.emplace_back();
    moved.feature = node.feature;
    moved.threshold = node.threshold;
    moved.missing_left = node.missing_left;
    if (node.edge_above >= 0) moved.edge_above = 2 * place[node.edge_above / 2] + node.edge_above % 2;
    for (int side = 0; side < 2; ++side) {
      moved.share[side] = node.share[side];
      moved.child[side] = place[node.child[side]];
    }
  }
  for (std::uint32_t i = 0; i < short_tree.inner; ++i) {
    const PathNode& node = nodes[order[i]];
    for (int right = 0; right < 2; ++right) {
      CacheLine& line = out.steps.emplace_back();
      for (int side = 0; side < 2; ++side)
        for (int q = 0; q < short_points; ++q) {
          const EdgeFactor factor =
              edge_factor(node.absent_above, node.share[side], side == right, pass.at[q], pass.weight[q]);
          line.values[side * short_points + q] = static_cast<float>(factor.ratio);
          line.values[(2 + side) * short_points + q] = static_cast<float>(factor.gain);
        }
    }
  }
  out.largest = std::max(out.largest, tree.count);
  out.trees.push_back(short_tree);
}

// What depends on the leaves of one output.
void add_leaves(Ensemble& ensemble, const PathTree& tree, const float* leaf) {
  ShortPaths& out = ensemble.short_paths;
  const PathNode* nodes = ensemble.nodes.data() + tree.first;
  const Pass& pass = ensemble.passes[tree.first_pass];
  const auto count = static_cast<std::int32_t>(tree.count);
  for (std::int32_t n = 0; n < count; ++n) {
    const PathNode& node = nodes[n];
    if (node.child[0] != count || node.child[1] != count) {
      out.leaves.insert(out.leaves.end(), leaf + 2 * n, leaf + 2 * n + 2);
      continue;
    }
    out.absent.push_back(node.share[0] * leaf[2 * n] + node.share[1] * leaf[2 * n + 1]);
    CacheLine& line = out.ends.emplace_back();
    for (int right = 0; right < 2; ++right)
      for (int q = 0; q < short_points; ++q) {
        double below = 0, gain = 0;
        for (int side = 0; side < 2; ++side) {
          const EdgeFactor factor =
              edge_factor(node.absent_above, node.share[side], side == right, pass.at[q], pass.weight[q]);
          below += factor.ratio * leaf[2 * n + side];
          gain += factor.ratio * leaf[2 * n + side] * factor.gain;
        }
        line.values[2 * right * short_points + q] = static_cast<float>(below);
        line.values[(2 * right + 1) * short_points + q] = static_cast<float>(gain);
      }
  }
}

}  // namespace

void add_short_paths(Ensemble& ensemble) {
  for (PathTree& tree : ensemble.trees) {
    tree.short_paths = tree.passes == 1 && ensemble.passes[tree.first_pass].points <= short_points;
    if (tree.short_paths) add_tree(ensemble, tree);
  }
  for (std::size_t o = 0; o < ensemble.outputs; ++o)
    for (const PathTree& tree : ensemble.trees)
      if (tree.short_paths) add_leaves(ensemble, tree, ensemble.leaf_row(o) + std::size_t{tree.first} * 2);
}

}  // namespace slipway::explain
