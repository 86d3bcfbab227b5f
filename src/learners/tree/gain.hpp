// How good the splits of one feature are. Gains are weighted impurity decreases up to a factor that the node's other
// splits share; they are >= 0.
#pragma once
#include <array>
#include <cstdint>
#include <limits>

namespace slipway::learners::tree {

struct NodeSums {
  double weight = 0;
  double sum = 0;  // binary: weight of the positive class; regression: weighted targets
  std::int32_t rows = 0;
  std::int32_t min_rows = 1;                               // on each side
  double min_weight = std::numeric_limits<double>::min();  // on each side, > 0
};

struct BestBin {
  double gain = -1;  // < 0: no split is allowed
  int bin = 0;       // the lowest of equals
};

inline constexpr int most_bins = 256;

// Two classes: integer weights of each and numbers of rows over codes <= x, for each x.
struct ClassPrefix {
  alignas(64) std::array<std::int32_t, most_bins> negative;
  alignas(64) std::array<std::int32_t, most_bins> positive;
  alignas(64) std::array<std::int32_t, most_bins> rows;
  alignas(64) std::array<double, most_bins> gain;  // filled by the search
};
// What is added to the left side of every split: missing values, when they go left.
struct ClassAddition {
  std::int32_t negative = 0;
  std::int32_t positive = 0;
  std::int32_t rows = 0;
};

// A number to predict: weights, sums and numbers of rows over the bins up to each that holds rows.
struct NumberPrefix {
  alignas(64) std::array<double, most_bins> weight;
  alignas(64) std::array<double, most_bins> sum;
  alignas(64) std::array<std::int32_t, most_bins> rows;
  alignas(64) std::array<double, most_bins> gain;  // filled by the search
};

// Squared distance of the sides' means, weighted: (sum_l * weight - weight_l * sum)^2 / (weight_l * weight_r). For two
// classes that is Gini's decrease (times weight / 2), for numbers that of the squared error (times weight). A split
// needs values on its left, not missing ones alone.
BestBin best_gini(ClassPrefix& prefix, int bins, const NodeSums& node, const std::array<double, 2>& class_weight,
                  const ClassAddition& added);
BestBin best_squared(NumberPrefix& prefix, int bins, const NodeSums& node);
double squared_gain(double left_weight, double left_sum, const NodeSums& node);

// Decrease of entropy in bits times weight, of two classes.
BestBin best_entropy(const ClassPrefix& prefix, int bins, const NodeSums& node,
                     const std::array<double, 2>& class_weight, const ClassAddition& added);
double entropy_gain(double left_weight, double left_sum, const NodeSums& node);

// Decrease of half the Poisson deviance times weight; sums are of targets, all >= 0. -1 where a side sums to 0.
double poisson_gain(double left_weight, double left_sum, const NodeSums& node);

// log2(x) for finite x > 0, and x * log2(x), 0 at 0: from basic arithmetic only, so that they are the same on every
// machine.
double log2_of(double x);
double x_log2_x(double x);

}  // namespace slipway::learners::tree
