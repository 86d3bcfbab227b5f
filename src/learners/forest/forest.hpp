// Random forests, extra trees and decision trees.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners::forest {

Learner random_forest_learner();
Learner extra_trees_learner();
Learner decision_tree_learner();

}  // namespace slipway::learners::forest
