#include "ensemble.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include <fmt/format.h>

namespace slipway::explain {

QuadratureRule gauss_legendre(int points) {
  QuadratureRule rule{std::vector<double>(points), std::vector<double>(points)};
  for (int i = 0; i < points; ++i) {
    // Newton's method on the Legendre polynomial from Tricomi's first guess.
    double x = std::cos(std::numbers::pi * (i + 0.75) / (points + 0.5));
    double slope = 1;
    for (int iteration = 0; iteration < 100; ++iteration) {
      double before = 1;
      double value = x;
      for (int k = 2; k <= points; ++k) {
        const double next = ((2 * k - 1) * x * value - (k - 1) * before) / k;
        before = value;
        value = next;
      }
      slope = points * (x * value - before) / (x * x - 1);
      const double step = value / slope;
      x -= step;
      if (std::abs(step) < 1e-16) break;
    }
    rule.at[i] = (1 + x) / 2;
    rule.weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

namespace {

// Splits the rule for `distinct` features on a path into walks of at most max_points points: the integral is a sum over
// points, so walks add up.
std::vector<Pass> make_passes(int distinct) {
  const int points = std::max(1, (distinct + 1) / 2);
  const int walks = (points + max_points - 1) / max_points;
  const QuadratureRule rule = gauss_legendre(points);
  std::vector<Pass> passes(walks);
  for (int i = 0; i < points; ++i) {
    Pass& pass = passes[i % walks];
    pass.at[pass.points] = rule.at[i];
    pass.weight[pass.points] = rule.weight[i];
    ++pass.points;
  }
  for (Pass& pass : passes)
    for (int i = pass.points; i < max_points; ++i) pass.at[i] = 0.5;
  return passes;
}

class LayOut {
 public:
  LayOut(const model::Trees& trees, const std::vector<std::vector<double>>& mix) : trees_(trees), mix_(mix) {}

  Ensemble run() {
    const std::size_t outputs = mix_.size();
    out_.outputs = outputs;
    out_.scale = trees_.aggregate == model::Trees::Aggregate::mean ? 1.0 / static_cast<double>(trees_.roots.size()) : 1;
    out_.expected.assign(outputs, 0);
    out_.single_leaves.assign(outputs, 0);
    leaves_.resize(outputs);
    for (std::int32_t feature : trees_.feature)
      if (feature >= 0) out_.features.push_back(static_cast<std::uint32_t>(feature));
    std::sort(out_.features.begin(), out_.features.end());
    out_.features.erase(std::unique(out_.features.begin(), out_.features.end()), out_.features.end());

    for (std::size_t tree = 0; tree < trees_.roots.size(); ++tree) {
      const std::size_t first = trees_.roots[tree];
      const std::size_t last = tree + 1 < trees_.roots.size() ? trees_.roots[tree + 1] : trees_.node_count();
      add_tree(first, last);
    }
    out_.offset.assign(outputs, 0);
    for (std::size_t o = 0; o < outputs; ++o) {
      for (std::size_t j = 0; j < trees_.base.size(); ++j) out_.offset[o] += mix_[o][j] * trees_.base[j];
      out_.expected[o] = out_.expected[o] * out_.scale + out_.offset[o];
      out_.leaves.insert(out_.leaves.end(), leaves_[o].begin(), leaves_[o].end());
    }
    return std::move(out_);
  }

 private:
  double leaf_value(std::size_t node, std::size_t output) const {
    const float* row = trees_.leaf_values.data() + std::size_t{trees_.left[node]} * trees_.outputs;
    double value = 0;
    for (std::size_t j = 0; j < trees_.outputs; ++j) value += mix_[output][j] * row[j];
    return value;
  }

  double cover_of(std::size_t node) const { return trees_.cover.empty() ? 0.0 : trees_.cover[node]; }

  void add_tree(std::size_t first, std::size_t last) {
    const std::size_t size = last - first;
    // Numbers of the inner nodes, in the order of the operator (parents come first).
    std::vector<std::int32_t> inner(size, -1);
    std::int32_t count = 0;
    for (std::size_t i = 0; i < size; ++i)
      if (trees_.feature[first + i] >= 0) inner[i] = count++;
    std::vector<double> reach(size, 0);  // share of the training rows, by the product of shares
    reach[0] = 1;

    PathTree tree;
    tree.first = static_cast<std::uint32_t>(out_.nodes.size());
    tree.count = static_cast<std::uint32_t>(count);
    out_.nodes.resize(out_.nodes.size() + count);
    for (auto& row : leaves_) row.resize(out_.nodes.size() * 2, 0);
    std::vector<std::int32_t> parent_edge(count, -1);
    std::vector<std::uint32_t> depth(count, 1), distinct(count, 0);
    std::vector<double> absent_after(std::size_t(count) * 2, 1);  // per edge: product of shares of its feature so far
    std::vector<std::uint8_t> any_value(out_.outputs, 0);

    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t node = first + i;
      if (inner[i] < 0) {
        for (std::size_t o = 0; o < out_.outputs; ++o) {
          const double value = leaf_value(node, o);
          out_.expected[o] += reach[i] * value;
          any_value[o] |= value != 0;
        }
        continue;
      }
      const std::int32_t id = inner[i];
      PathNode& out = out_.nodes[tree.first + id];
      out.feature = static_cast<std::int32_t>(
          std::lower_bound(out_.features.begin(), out_.features.end(), std::uint32_t(trees_.feature[node])) -
          out_.features.begin());
      out.threshold = trees_.threshold[node];
      out.missing_left = trees_.missing_left[node] != 0;
      double absent = 1;
      for (std::int32_t edge = parent_edge[id]; edge >= 0; edge = parent_edge[edge / 2]) {
        PathNode& above = out_.nodes[tree.first + edge / 2];
        if (above.feature != out.feature) continue;
        out.edge_above = edge;
        above.tested_below = true;
        absent = absent_after[edge];
        break;
      }
      out.absent_above = static_cast<float>(absent);
      distinct[id] += out.edge_above < 0;
      tree.depth = std::max(tree.depth, depth[id]);

      const std::size_t children[2] = {trees_.left[node] - first, trees_.right[node] - first};
      const double cover[2] = {cover_of(trees_.left[node]), cover_of(trees_.right[node])};
      const double sum = cover[0] + cover[1];
      for (int side = 0; side < 2; ++side) {
        // Children that no training row reached share equally: they weigh nothing where it matters.
        const double share = sum > 0 ? cover[side] / sum : 0.5;
        out.share[side] = static_cast<float>(share);
        absent_after[2 * id + side] = absent * share;
        reach[children[side]] = reach[i] * share;
        const std::int32_t child = inner[children[side]];
        if (child < 0) {
          out.child[side] = count;
          for (std::size_t o = 0; o < out_.outputs; ++o)
            leaves_[o][(tree.first + id) * 2 + side] = static_cast<float>(leaf_value(first + children[side], o));
        } else {
          out.child[side] = child;
          parent_edge[child] = 2 * id + side;
          depth[child] = depth[id] + 1;
          distinct[child] = distinct[id];
        }
      }
    }
    if (count == 0) {
      for (std::size_t o = 0; o < out_.outputs; ++o) out_.single_leaves[o] += leaf_value(first, o);
      return;
    }
    const std::uint32_t most = *std::max_element(distinct.begin(), distinct.end());
    out_.most_distinct = std::max(out_.most_distinct, most);
    const auto passes = passes_for(most);
    tree.first_pass = passes.first;
    tree.passes = passes.second;
    out_.trees.push_back(tree);
    out_.active.insert(out_.active.end(), any_value.begin(), any_value.end());
    out_.largest_count = std::max(out_.largest_count, tree.count);
    out_.deepest = std::max(out_.deepest, tree.depth);
  }

  std::pair<std::uint32_t, std::uint32_t> passes_for(std::uint32_t distinct) {
    const auto known = passes_.find(distinct);
    if (known != passes_.end()) return known->second;
    const std::vector<Pass> passes = make_passes(static_cast<int>(distinct));
    const std::pair<std::uint32_t, std::uint32_t> place{out_.passes.size(), passes.size()};
    out_.passes.insert(out_.passes.end(), passes.begin(), passes.end());
    passes_[distinct] = place;
    return place;
  }

  const model::Trees& trees_;
  const std::vector<std::vector<double>>& mix_;
  Ensemble out_;
  std::vector<std::vector<float>> leaves_;
  std::map<std::uint32_t, std::pair<std::uint32_t, std::uint32_t>> passes_;
};

}  // namespace

Status check_cover(const model::Trees& trees) {
  for (std::size_t tree = 0; tree < trees.roots.size(); ++tree)
    if (trees.cover.size() != trees.node_count() || !(trees.cover[trees.roots[tree]] > 0))
      return invalid_input(fmt::format(
          "tree {} carries no cover (training weight per node), which path-dependent SHAP values need", tree));
  return {};
}

Ensemble lay_out(const model::Trees& trees, const std::vector<std::vector<double>>& mix) {
  return LayOut(trees, mix).run();
}

}  // namespace slipway::explain
