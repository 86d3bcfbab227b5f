// What recursive elimination of features asks the learner of the run.
#pragma once
#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/features/features.hpp>
#include <slipway/learners/learner.hpp>

namespace slipway::pipeline {

// The importances of features in `learner` with `settings`, fitted on the rows of `data` (whose features and nominal
// are those of each call). Trees: the impurity that splits on a feature take away, as a share of all. Linear models:
// the square of the weight times the feature's deviation, summed over the outputs. Other learners are an error. Only
// whether to stop is asked of `progress`. All but the settings must live as long as what is returned.
features::FeatureImportance importance_in(const learners::Learner& learner, const learners::Settings& settings,
                                          const learners::TrainingData& data, std::uint64_t seed,
                                          const Threads& threads, Progress& progress);

}  // namespace slipway::pipeline
