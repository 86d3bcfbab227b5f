// Trees with fewer nodes and fewer distinct leaves, under a bound on how far a score may move.
#pragma once
#include <cstddef>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::optimise {

struct CompressOptions {
  // The most that any score of any row may change: of probabilities, or in the target's unit for a regression. 0: only
  // what changes nothing.
  double largest_difference = 0;
};

struct Compressed {
  model::Model model;
  std::size_t nodes_before = 0, nodes_after = 0;
  std::size_t leaves_before = 0, leaves_after = 0;  // distinct rows of leaf values
  double bound = 0;                                 // that holds for every row; at most largest_difference
};

// Subtrees whose leaves differ by little become a leaf, leaves are rounded to a common grid, and nodes whose children
// became equal leaves disappear. Half of the budget goes to each. Errors: a model that does not pass validate(), a
// negative bound, and a bound above 0 where the way from the trees to the scores has no largest slope (an exponential,
// a formula, ...): that model can only be compressed with 0. A model without trees comes back as it is.
Result<Compressed> compress(const model::Model& model, const CompressOptions& options);

}  // namespace slipway::optimise
