// Features: fitted on training rows, part of the Model from then on. `fit` adds the operators that turn raw columns
// into the block of numbers that a learner reads; serving, evaluation and every export run those same operators.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>
#include <slipway/params/options.hpp>
#include <slipway/table/table.hpp>

namespace slipway::features {

struct FeatureOptions {
  std::string impute = "none";
  double impute_constant = 0;
  bool missing_indicator = false;
  std::string encode = "auto";
  int one_hot_maximum = 20;
  int rare_minimum = 1;
  int target_folds = 5;
};
inline constexpr params::Option<FeatureOptions> feature_options[] = {
    {"impute",
     &FeatureOptions::impute,
     "what a missing number becomes: none leaves it to the learner (forests split missing values natively)",
     {.choices = "none|median|mean|most_frequent|constant"}},
    {"impute_constant", &FeatureOptions::impute_constant, "the number that impute: constant puts in"},
    {"missing_indicator", &FeatureOptions::missing_indicator,
     "with impute, a further column per number that had missing values: 1 where it was missing"},
    {"encode",
     &FeatureOptions::encode,
     "how a category becomes numbers: auto takes one_hot up to one_hot_maximum categories and target above",
     {.choices = "auto|one_hot|target|ordinal"}},
    {"one_hot_maximum",
     &FeatureOptions::one_hot_maximum,
     "most categories that encode: auto gives a column each",
     {.minimum = 1, .maximum = 10000}},
    {"rare_minimum",
     &FeatureOptions::rare_minimum,
     "categories with fewer training rows than this are merged with the unseen ones",
     {.minimum = 1}},
    {"target_folds",
     &FeatureOptions::target_folds,
     "folds of the out-of-fold target encoding of training rows",
     {.minimum = 2, .maximum = 100}},
};

struct DerivedFeature {
  std::string name;
  std::string expression;  // see model/expression.hpp
};

// Which columns become features, and how.
struct FeaturePlan {
  std::vector<std::string> numeric;
  std::vector<std::string> categorical;
  std::vector<std::string> time;  // each gives its hour of day and its weekday
  std::vector<DerivedFeature> derived;
  FeatureOptions options;
};

// The target of the training rows, for target encoding.
struct TargetView {
  model::Task task = model::Task::binary;
  int classes = 2;
  std::span<const std::int32_t> labels;  // classification: class per row of `rows`
  std::span<const float> values;         // regression
};

struct FittedFeatures {
  model::ValueId value = 0;  // the block of features in the builder
  model::Block training;     // that block for the training rows, target encodings out of fold
};

// Fits on the rows `rows` of `table` (target: one entry per entry of rows) and adds inputs and operators to a fresh
// builder. Deterministic in seed; independent of the order of calls. The inputs' ranges and categories are pinned to
// what these rows hold. Errors: unknown columns (nearest name), a text column named as numeric (first value that is no
// number), an expression that does not parse (character).
//
// Target encoding: as scikit-learn's TargetEncoder(smooth="auto", cv=target_folds), empirical-Bayes shrinkage towards
// the target's mean (Micci-Barreca 2001); training rows are encoded from the other folds, all other rows from all
// training rows. A missing value is a category of its own; an unseen one gets the target's mean.
Result<FittedFeatures> fit(model::ModelBuilder& builder, const FeaturePlan& plan, const table::Table& table,
                           std::span<const std::uint32_t> rows, const TargetView& target, std::uint64_t seed);

}  // namespace slipway::features
