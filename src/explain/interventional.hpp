// Interventional SHAP values of trees: a row against baselines, one by one or eight in the lanes.
//
// Against one baseline the value of a feature set is the tree's output for the row with the features outside the set
// replaced by the baseline's. A leaf of value v counts where each feature of its path sends the row or the baseline
// along it; with a features that only the row follows and b that only the baseline follows, it gives (Lundberg et al.,
// 2020, algorithm 3)
//   v (a - 1)! b! / (a + b)!  to each of the former,   -v a! (b - 1)! / (a + b)!  to each of the latter.
#pragma once
#include <cstdint>
#include <vector>

#include "ensemble.hpp"
#include "kernels.hpp"

namespace slipway::explain {

// The weights above, for a and b up to the most features on a path.
struct PairWeights {
  std::uint32_t stride = 0;           // index of (a, b): a * stride + b
  std::vector<double> row, baseline;  // positive, negative
  std::vector<float> row_float, baseline_float;
  explicit PairWeights(std::uint32_t most_distinct);
};

// The trees again for pairs: four nodes a cache line, the child that more training rows reach right behind its parent.
// The path of a row is one chain of loads, so that few lines are what matters.
struct PairNode {
  float threshold = 0;
  std::uint32_t feature = 0;       // missing_bit says that a missing value goes left
  std::int32_t child[2] = {0, 0};  // from the first node of the tree; ~edge of PathNode for a leaf
};
struct PairTrees {
  static constexpr std::uint32_t missing_bit = 0x80000000;
  std::vector<PairNode> nodes;  // trees where Ensemble::nodes has them
  explicit PairTrees(const Ensemble& ensemble);
};

// Baselines' features as the ensemble reads them: values[feature * padded + baseline], `padded` a multiple of 8.
struct BaselineColumns {
  std::size_t count = 0, padded = 0;
  std::vector<float> values;
};

// Adds the unscaled contributions of one row, summed over the baselines: values[feature], sums[output * features +
// feature].
void explain_against(const Ensemble& ensemble, const PairTrees& pairs, const PairWeights& weights,
                     const BaselineColumns& baselines, const float* values, double* sums, Scratch& scratch,
                     Instructions most = Instructions::avx512);

// The unscaled output of the trees for one row, added to `sums`, one per output.
void add_output(const Ensemble& ensemble, const float* values, std::size_t stride, double* sums);

}  // namespace slipway::explain
