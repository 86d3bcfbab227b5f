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
  std::uint32_t depth = 0;  // inner nodes on the longest path
};

// Quadrature points of one walk; unused places have weight 0.
struct Pass {
  int points = 0;
  std::array<double, max_points> at = {};
  std::array<double, max_points> weight = {};
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
  const float* leaf_row(std::size_t output) const { return leaves.data() + output * nodes.size() * 2; }
};

// Whether every tree says how much training weight reached its nodes.
Status check_cover(const model::Trees& trees);

// Output o of the ensemble is the sum over j of mix[o][j] * column j of the leaves. Without cover, children share
// equally, and shares and expectations mean nothing.
Ensemble lay_out(const model::Trees& trees, const std::vector<std::vector<double>>& mix);

// Nodes and weights of n-point Gauss-Legendre quadrature on [0, 1]; exact to degree 2n - 1.
struct QuadratureRule {
  std::vector<double> at;
  std::vector<double> weight;
};
QuadratureRule gauss_legendre(int points);

}  // namespace slipway::explain
