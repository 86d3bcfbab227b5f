// Scores of many cuts of the same trees in one walk per (row, tree).
#pragma once
#include <span>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/model/batch.hpp>

#include "tree/bins.hpp"
#include "tree/grown.hpp"

namespace slipway::learners::tree {

// The first `trees` trees, cut off by the rule.
struct NestedPoint {
  std::size_t trees = 1;
  StopRule stop;
};

// result[k] are the means of point k's leaves, rows x outputs: bit-identical to the Trees operator emitted for it.
std::vector<model::Block> nested_means(std::span<const GrownTree> trees, const Bins& bins, int outputs,
                                       std::span<const NestedPoint> points, const model::Block& features,
                                       const Threads& threads);

}  // namespace slipway::learners::tree
