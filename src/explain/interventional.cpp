#include "interventional.hpp"

#include <algorithm>
#include <cmath>

namespace slipway::explain {

PairWeights::PairWeights(std::uint32_t most_distinct) : stride(most_distinct + 1) {
  const std::size_t size = std::size_t{stride} * stride;
  row.assign(size, 0);
  baseline.assign(size, 0);
  for (std::uint32_t a = 0; a < stride; ++a)
    for (std::uint32_t b = 0; a + b < stride; ++b) {
      if (a > 0) row[a * stride + b] = std::exp(std::lgamma(a) + std::lgamma(b + 1) - std::lgamma(a + b + 1));
      if (b > 0) baseline[a * stride + b] = -std::exp(std::lgamma(a + 1) + std::lgamma(b) - std::lgamma(a + b + 1));
    }
  row_float.assign(row.begin(), row.end());
  baseline_float.assign(baseline.begin(), baseline.end());
}

namespace {

bool goes_right(const PathNode& node, float x) {
  return node.missing_left ? x > node.threshold : !(x <= node.threshold);
}

// One row against one baseline through one tree. Branches only where the two part, so the recursion is no deeper than
// the features on a path.
struct PairWalk {
  const PairNode* nodes;
  const float* leaf;
  PairValue* values;  // per feature
  const PairWeights& weights;
  double* phi;

  struct Sums {
    double row, baseline;
  };

  Sums walk(std::int32_t id, std::uint32_t place) {
    while (id >= 0) {
      const PairNode& node = nodes[id];
      const std::size_t feature = node.feature & ~PairTrees::missing_bit;
      const bool missing_left = (node.feature & PairTrees::missing_bit) != 0;
      PairValue& value = values[feature];
      const auto goes_right = [&](float x) {
        return static_cast<bool>((x > node.threshold) | (!missing_left & !(x <= node.threshold)));
      };
      const bool row_right = goes_right(value.row);
      const bool baseline_right = goes_right(value.baseline);
      const unsigned before = value.taken;
      if ((row_right == baseline_right) | (before != 0)) {
        id = node.child[before == 2 ? baseline_right : row_right];
        continue;
      }
      value.taken = 1;
      const Sums with_row = walk(node.child[row_right], place + weights.stride);
      value.taken = 2;
      const Sums with_baseline = walk(node.child[baseline_right], place + 1);
      value.taken = 0;
      phi[feature] += with_row.row + with_baseline.baseline;
      return {with_row.row + with_baseline.row, with_row.baseline + with_baseline.baseline};
    }
    const double value = leaf[~id];
    return {value * weights.row[place], value * weights.baseline[place]};
  }
};

constexpr std::uint32_t prefetched_lines = 4;
constexpr std::size_t few_baselines = 3;  // below, pairs are faster than lanes

// Of scratch.pair, taken being 0 everywhere, which it leaves so.
void explain_pair(const Ensemble& ensemble, const PairTrees& pairs, const PairWeights& weights, double* sums,
                  Scratch& scratch) {
  for (std::size_t i = 0; i < ensemble.trees.size(); ++i) {
    const PathTree& tree = ensemble.trees[i];
    if (i + 1 < ensemble.trees.size()) {
      // The most travelled path of the next tree lies at its beginning.
      const PathTree& next = ensemble.trees[i + 1];
      const std::uint32_t lines = std::min<std::uint32_t>(prefetched_lines, (next.count + 3) / 4);
      for (std::uint32_t line = 0; line < lines; ++line) __builtin_prefetch(pairs.nodes.data() + next.first + 4 * line);
    }
    for (std::size_t o = 0; o < ensemble.outputs; ++o)
      if (ensemble.active[i * ensemble.outputs + o])
        PairWalk{pairs.nodes.data() + tree.first, ensemble.leaf_row(o) + std::size_t{tree.first} * 2,
                 scratch.pair.data(), weights, sums + o * ensemble.features.size()}
            .walk(0, 0);
  }
}

}  // namespace

PairTrees::PairTrees(const Ensemble& ensemble) : nodes(ensemble.nodes.size()) {
  std::vector<std::int32_t> place, open;
  for (const PathTree& tree : ensemble.trees) {
    const PathNode* from = ensemble.nodes.data() + tree.first;
    const auto count = static_cast<std::int32_t>(tree.count);
    place.assign(tree.count, 0);
    std::int32_t next = 0;
    open.assign(1, 0);
    while (!open.empty()) {
      const std::int32_t id = open.back();
      open.pop_back();
      place[id] = next++;
      const int larger = from[id].share[1] > from[id].share[0];
      for (const int side : {1 - larger, larger})
        if (from[id].child[side] != count) open.push_back(from[id].child[side]);
    }
    for (std::int32_t id = 0; id < count; ++id) {
      PairNode& node = nodes[tree.first + static_cast<std::uint32_t>(place[id])];
      node.threshold = from[id].threshold;
      node.feature = static_cast<std::uint32_t>(from[id].feature) | (from[id].missing_left ? missing_bit : 0);
      for (int side = 0; side < 2; ++side)
        node.child[side] = from[id].child[side] == count ? ~(2 * id + side) : place[from[id].child[side]];
    }
  }
}

void explain_against(const Ensemble& ensemble, const PairTrees& pairs, const PairWeights& weights,
                     const BaselineColumns& baselines, const float* values, double* sums, Scratch& scratch,
                     Instructions most) {
  const std::size_t features = ensemble.features.size();
  std::size_t in_lanes = baselines.count / 8 * 8;
  if (baselines.count - in_lanes >= few_baselines) in_lanes = baselines.count;
  if (ensemble.deepest > deepest_recursion) in_lanes = 0;
  if (in_lanes > 0) explain_against_lanes(ensemble, weights, baselines, in_lanes, values, sums, scratch, most);
  if (scratch.pair.size() < features) scratch.pair.resize(features);
  for (std::size_t b = in_lanes; b < baselines.count; ++b) {
    for (std::size_t feature = 0; feature < features; ++feature)
      scratch.pair[feature] = {values[feature], baselines.values[feature * baselines.padded + b], 0};
    explain_pair(ensemble, pairs, weights, sums, scratch);
  }
}

void add_output(const Ensemble& ensemble, const float* values, std::size_t stride, double* sums) {
  for (std::size_t i = 0; i < ensemble.trees.size(); ++i) {
    const PathTree& tree = ensemble.trees[i];
    const PathNode* nodes = ensemble.nodes.data() + tree.first;
    std::int32_t id = 0;
    int side = 0;
    for (;;) {
      side = goes_right(nodes[id], values[static_cast<std::size_t>(nodes[id].feature) * stride]);
      if (nodes[id].child[side] == static_cast<std::int32_t>(tree.count)) break;
      id = nodes[id].child[side];
    }
    for (std::size_t o = 0; o < ensemble.outputs; ++o)
      sums[o] += ensemble.leaf_row(o)[(std::size_t{tree.first} + id) * 2 + side];
  }
}

}  // namespace slipway::explain
