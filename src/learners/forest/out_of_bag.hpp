// How well a forest predicts the rows that its trees were not grown on (Breiman 2001).
#pragma once
#include <span>
#include <string>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>

#include "tree/growth.hpp"

namespace slipway::learners::forest {

// Means over the trees whose bag a row is not in; rows of every bag are left out. "out of the bag (1,234 rows):
// accuracy 0.93, log_loss 0.21", or r2 and rmse of a regression: unweighted, as scikit-learn's oob_score_. Where
// `progress` wants records, it gets one per tree. Costs about as much as scoring the rows once. Errors: cancelled.
Result<std::string> out_of_bag(const tree::TrainingRows& rows, const tree::GrowthSettings& settings,
                               std::span<const tree::GrownTree> trees, const Threads& threads, Progress& progress);

}  // namespace slipway::learners::forest
