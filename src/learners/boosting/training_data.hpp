// Checks of training data that do not depend on the learner.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners::boosting {

// Errors: no rows or features, lengths that differ, labels out of range, a target that is not finite, weights that are
// negative, not finite or all 0.
Status check_training_data(const TrainingData& data);

}  // namespace slipway::learners::boosting
