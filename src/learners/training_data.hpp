// Checks and weights of training data that do not depend on the learner: shared by all learners.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners {

// Errors: no rows or features, lengths that differ, labels out of range, a target that is not finite, weights that are
// negative, not finite or all 0.
Status check_training_data(const TrainingData& data);

// Row weights times class weights; empty if all are 1. `balanced` weighs each class by the inverse of its share of the
// weight (as scikit-learn: total / (classes present * weight of the class)); `positive` multiplies the weight of
// class 1.
std::vector<float> effective_weights(const TrainingData& data, bool balanced, double positive = 1);

}  // namespace slipway::learners
