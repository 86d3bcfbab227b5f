// Grown trees as a model's operator.
#pragma once
#include <span>

#include <slipway/model/operators.hpp>

#include "tree/bins.hpp"
#include "tree/grown.hpp"

namespace slipway::learners::tree {

// The mean of the trees, cut off where the rule says, over value 0. Nodes stand in depth-first order, left first, so
// that equal trees give equal operators however they were grown.
model::Trees emit_trees(std::span<const GrownTree> trees, const Bins& bins, int outputs, const StopRule& stop);

}  // namespace slipway::learners::tree
