// How good the splits of one feature are. Gains are weighted impurity decreases up to a factor that the node's other
// splits share; they are >= 0.
#pragma once
#include <cstdint>

namespace slipway::learners::tree {

// Sums over codes <= x, for each x; the arrays are padded to a multiple of 16 with rows = 0.
struct LeftSums {
  static constexpr int size = 256;
  alignas(64) double weight[size];
  alignas(64) double sum[size];   // binary: weight of the positive class; regression: weighted targets
  alignas(64) std::int32_t rows[size];
  // Filled by the search.
  alignas(64) double gain[size];
};

struct NodeSums {
  double weight = 0;
  double sum = 0;
  std::int32_t rows = 0;
  std::int32_t min_rows = 1;  // on each side
};

struct BestBin {
  double gain = -1;  // < 0: no split is allowed
  int bin = 0;       // the lowest of equals
};

// Squared distance of the sides' means, weighted: (sum_l * weight - weight_l * sum)^2 / (weight_l * weight_r). For a binary
// target that is Gini's decrease (times weight / 2), for regression that of the squared error (times weight).
BestBin best_squared(LeftSums& left, int bins, const NodeSums& node);
double squared_gain(double left_weight, double left_sum, const NodeSums& node);

// Decrease of entropy in bits times weight, of two classes.
BestBin best_entropy(LeftSums& left, int bins, const NodeSums& node);
double entropy_gain(double left_weight, double left_sum, const NodeSums& node);

// x * log2(x), 0 at 0: from basic arithmetic only, so that it is the same on every machine.
double x_log2_x(double x);

}  // namespace slipway::learners::tree
