#include "interventional.hpp"

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
  const PathNode* nodes;
  std::int32_t count;
  const float* leaf;
  const float* row;
  const float* baseline;
  std::size_t baseline_stride;
  const PairWeights& weights;
  unsigned char* state;  // per feature: 0 both alike so far, 1 the row's side was taken, 2 the baseline's
  double* phi;

  struct Sums {
    double row, baseline;
  };

  Sums walk(std::int32_t id, std::uint32_t place) {
    for (;;) {
      const PathNode& node = nodes[id];
      const std::size_t feature = static_cast<std::size_t>(node.feature);
      const bool row_right = goes_right(node, row[feature]);
      const bool baseline_right = goes_right(node, baseline[feature * baseline_stride]);
      if (row_right == baseline_right || state[feature] != 0) {
        const int side = state[feature] == 2 ? baseline_right : row_right;
        if (node.child[side] == count) return at_leaf(leaf[2 * id + side], place);
        id = node.child[side];
        continue;
      }
      state[feature] = 1;
      const Sums with_row = step(id, row_right, place + weights.stride);
      state[feature] = 2;
      const Sums with_baseline = step(id, baseline_right, place + 1);
      state[feature] = 0;
      phi[feature] += with_row.row + with_baseline.baseline;
      return {with_row.row + with_baseline.row, with_row.baseline + with_baseline.baseline};
    }
  }
  Sums step(std::int32_t id, int side, std::uint32_t place) {
    return nodes[id].child[side] == count ? at_leaf(leaf[2 * id + side], place) : walk(nodes[id].child[side], place);
  }
  Sums at_leaf(double value, std::uint32_t place) const {
    return {value * weights.row[place], value * weights.baseline[place]};
  }
};

constexpr std::size_t few_baselines = 3;  // below, pairs are faster than lanes

}  // namespace

void explain_against(const Ensemble& ensemble, const PairWeights& weights, const BaselineColumns& baselines,
                     const float* values, double* sums, Scratch& scratch, bool portable) {
  const std::size_t features = ensemble.features.size();
  std::size_t in_lanes = baselines.count / 8 * 8;
  if (baselines.count - in_lanes >= few_baselines) in_lanes = baselines.count;
  if (ensemble.deepest > deepest_recursion) in_lanes = 0;
  if (in_lanes > 0) explain_against_lanes(ensemble, weights, baselines, in_lanes, values, sums, scratch, portable);
  if (scratch.bytes.size() < features) scratch.bytes.resize(features);
  std::fill_n(scratch.bytes.begin(), features, static_cast<unsigned char>(0));
  for (std::size_t i = 0; i < ensemble.trees.size() && in_lanes < baselines.count; ++i) {
    const PathTree& tree = ensemble.trees[i];
    for (std::size_t o = 0; o < ensemble.outputs; ++o) {
      if (!ensemble.active[i * ensemble.outputs + o]) continue;
      for (std::size_t b = in_lanes; b < baselines.count; ++b)
        PairWalk{ensemble.nodes.data() + tree.first,
                 static_cast<std::int32_t>(tree.count),
                 ensemble.leaf_row(o) + std::size_t{tree.first} * 2,
                 values,
                 baselines.values.data() + b,
                 baselines.padded,
                 weights,
                 scratch.bytes.data(),
                 sums + o * features}
            .walk(0, 0);
    }
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
