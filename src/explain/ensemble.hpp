// Tree ensembles laid out for the SHAP kernels: inner nodes only, with what they need to know of their path.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/operators.hpp>

namespace slipway::explain {

inline constexpr int max_points = 8;  // quadrature points that one walk of a tree carries

// An inner node. The edge to its child on side s (0 left, 1 right) has the number 2 * node + s within the tree.
struct PathNode {
  std::int32_t feature = 0;  // index into Ensemble::features
  float threshold = 0;
  float absent_above = 1;          // product of the cover shares of the edges above that test the same feature
  float share[2] = {0, 0};         // cover of the child over the cover of the node
  std::int32_t child[2] = {0, 0};  // inner child within the tree; node_count of the tree where the child is a leaf
  std::int32_t edge_above = -1;    // nearest edge above that tests the same feature, or -1
  bool missing_left = false;
  bool tested_below = false;  // some node below tests the same feature
};

struct PathTree {
  std::uint32_t first = 0;       // of Ensemble::nodes
  std::uint32_t count = 0;       // inner nodes; 0 for a tree that is one leaf
  std::uint32_t first_pass = 0;  // of Ensemble::passes
  std::uint32_t passes = 0;
  std::uint32_t depth = 0;   // inner nodes on the longest path
  bool short_paths = false;  // Ensemble::short_paths has this tree
};

// Quadrature points of one walk; unused places have weight 0.
struct Pass {
  int points = 0;
  std::array<double, max_points> at = {};
  std::array<double, max_points> weight = {};
};

// What the edge to a child does to the quadrature at point t of the weight given: see kernels.inl. `above` is
// PathNode::absent_above, `share` that of the child, `taken` whether the row's test leads there.
struct EdgeFactor {
  double ratio;  // F' / F
  double gain;   // weight times the bracket
};
inline EdgeFactor edge_factor(double above, double share, bool taken, double t, double weight) {
  const double u = 1 - t;
  const double inverse_above = 1 / (t + u * above);
  const double back = (1 - above) * inverse_above;
  const double absent = above * share;
  if (!taken) return {u * absent * inverse_above, weight * (-1 / u - back)};
  const double factor = t + u * absent;
  return {factor * inverse_above, weight * ((1 - absent) / factor - back)};
}

// Trees that need at most short_points quadrature points, laid out anew for the one-row kernel: per tree first the
// nodes with an inner child, then the `last` ones, whose children are both leaves.
inline constexpr int short_points = 4;
struct ShortNode {
  std::int32_t feature = 0;  // as PathNode
  float threshold = 0;
  float share[2] = {0, 0};
  std::int32_t child[2] = {0, 0};  // place within the tree; the tree's size for a leaf
  std::int32_t edge_above = -1;    // 2 * place + side
  bool missing_left = false;
};
struct ShortTree {
  std::uint32_t first = 0;        // of nodes
  std::uint32_t inner = 0;        // nodes with an inner child
  std::uint32_t last = 0;         // nodes without
  std::uint32_t first_inner = 0;  // of all nodes of the kind
  std::uint32_t first_last = 0;
};
struct alignas(64) CacheLine {
  float values[16];
};
struct ShortPaths {
  std::vector<ShortTree> trees;
  std::vector<ShortNode> nodes;
  std::vector<CacheLine> steps;  // [inner][right][ratio left, ratio right, gain left, gain right][point]
  std::vector<CacheLine> ends;   // [output][last][right][sum of ratio * leaf, sum of ratio * leaf * gain][point]
  std::vector<float> absent;     // [output][last]: sum of share * leaf
  std::vector<float> leaves;     // [output][inner][side]: value of a leaf there, or 0
  std::size_t inners = 0, lasts = 0;
  std::uint32_t largest = 0;  // nodes of a tree
};

struct Ensemble {
  std::size_t outputs = 1;
  std::vector<std::uint32_t> features;  // columns of the block that the trees test, ascending
  std::vector<PathNode> nodes;
  std::vector<PathTree> trees;  // those with inner nodes
  std::vector<Pass> passes;
  std::vector<float> leaves;          // [output][2 * node + side]: value of the leaf there, 0 where the child is inner
  std::vector<std::uint8_t> active;   // [tree * outputs + output]: 0 where all leaves of the tree are 0
  double scale = 1;                   // 1, or 1 / number of trees for a mean
  std::vector<double> offset;         // per output: base of the operator
  std::vector<double> single_leaves;  // per output: unscaled sum of the trees that are one leaf
  std::vector<double> expected;       // per output: offset + scaled expectation of the trees over the training rows
  std::uint32_t largest_count = 0;    // inner nodes of the largest tree
  std::uint32_t deepest = 0;
  std::uint32_t most_distinct = 0;  // features on one path
  ShortPaths short_paths;
  const float* leaf_row(std::size_t output) const { return leaves.data() + output * nodes.size() * 2; }
};

// Whether every tree says how much training weight reached its nodes.
Status check_cover(const model::Trees& trees);

// Output o of the ensemble is the sum over j of mix[o][j] * column j of the leaves. Without cover, children share
// equally, and shares and expectations mean nothing.
Ensemble lay_out(const model::Trees& trees, const std::vector<std::vector<double>>& mix);

// Fills in short_paths of an ensemble that has cover.
void add_short_paths(Ensemble& ensemble);

// Nodes and weights of n-point Gauss-Legendre quadrature on [0, 1]; exact to degree 2n - 1.
struct QuadratureRule {
  std::vector<double> at;
  std::vector<double> weight;
};
QuadratureRule gauss_legendre(int points);

}  // namespace slipway::explain
