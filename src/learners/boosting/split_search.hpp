// The best split of a node over one feature, from its histogram.
#pragma once
#include <cstdint>

#include "boosting/gradients.hpp"

namespace slipway::learners::boosting {

// The penalties in units of the packed sums.
struct SplitRules {
  float reg_lambda = 1;
  float reg_alpha = 0;
  float min_hessian = 1;  // in each child, >= 1
  double min_gain = 0;
};

// A node's limits to the value of its leaves, under monotonic constraints; in units of gradient / hessian sums.
struct ValueBounds {
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
};

struct SplitCandidate {
  float gain = 0;  // rise of the sum of G^2 / (H + lambda), in packed units; 0: no split
  std::uint32_t feature = 0;
  std::uint8_t bin = 0;  // codes <= bin go left
  bool missing_left = false;
  Packed left = 0;

  // Of equal gains the lower feature wins, so that the order of the search does not matter.
  bool better_than(const SplitCandidate& other) const {
    return gain != other.gain ? gain > other.gain : gain > 0 && feature < other.feature;
  }
};

struct FeatureCells {
  Packed* cells = nullptr;
  const Packed* minus = nullptr;  // first subtracted from the cells, in place; may be null
  std::uint32_t feature = 0;
  int bins = 0;
  std::size_t size = 0;  // cells in memory: a multiple of 8, aligned to 64 bytes
  bool has_missing = false;
  std::int8_t direction = 0;  // monotonic constraint
};

// A node that is to be split: what no feature changes.
struct SplitNode {
  SplitNode(Packed sum, const SplitRules& rules, const ValueBounds& limits);
  Packed total;
  ValueBounds bounds;
  double score;  // what gains rise from
};

// Subtracts and searches. Only a gain above `least_gain` is a split. The split lies in the middle of a run of empty
// bins. Every instruction set gives the same result.
SplitCandidate best_split(const FeatureCells& feature, const SplitNode& node, const SplitRules& rules,
                          float least_gain);

// -G / (H + lambda) with the L1 penalty on G, kept within bounds: in packed units of gradient per unit of hessian.
double leaf_value(Packed sum, const SplitRules& rules, const ValueBounds& bounds);

}  // namespace slipway::learners::boosting
