// Cross-validation folds with features fitted inside each: what a fold's validation rows see was learnt without them.
#pragma once
#include <cstdint>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {

// Labels or values, and weights, of some rows of the dataset.
struct RowTargets {
  std::vector<std::int32_t> labels;
  std::vector<float> values;
  std::vector<float> weights;  // empty = all 1
};
RowTargets targets_of(const Target& target, std::span<const std::uint32_t> rows);

struct Fold {
  std::vector<std::uint32_t> train_rows, validation_rows;  // of the dataset's table
  model::Block train_features, validation_features;
  RowTargets train_targets, validation_targets;
  std::vector<std::int32_t> train_groups;  // of the training rows, if folds are grouped
  std::vector<std::int32_t> nominal;       // per feature, as features::FittedFeatures says
};

// The folds' rows, without features yet: one fold where the split has a validation part, or else search.folds of them
// times search.repeats, or one per value of search.fold_column. By time, the training rows lie before the validation
// rows: of folds + 1 blocks in time order, fold k validates on block k + 1.
Result<std::vector<Fold>> divide_into_folds(const Configuration& configuration, const Dataset& dataset);

// The groups of training rows that belong together, for learners that hold rows back; empty unless folds are grouped.
Result<std::vector<std::int32_t>> training_groups(const Configuration& configuration, const Dataset& dataset);

// Fits the features on the fold's training rows and applies them to its validation rows; where features are eliminated
// by the learner, it is fitted with the configuration's settings. `names`, if given, takes the features' names.
Status fit_fold_features(const Configuration& configuration, const Dataset& dataset, Fold& fold, const Threads& threads,
                         Progress& progress, std::vector<std::string>* names = nullptr);

}  // namespace slipway::pipeline
