// Signs that the test rows would be judged too kindly, with the evidence: columns that know the target, rows or
// entities on both sides of the split, tests from before the training.
#pragma once
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/pipeline/configuration.hpp>
#include <slipway/pipeline/dataset.hpp>
#include <slipway/table/split.hpp>
#include <slipway/table/table.hpp>

namespace slipway::pipeline {

struct LeakageFinding {
  // target_predictor, filled_with_target, duplicates_across_split, near_duplicates_across_split, group_across_split,
  // test_before_training
  std::string check;
  std::string column;   // empty where rows are meant
  bool severe = false;  // as good as certain; else worth a look
  double value = 0;     // what was measured, as the evidence says
  std::string evidence;
};

// The checks, over the rows of a split and the rows without a target:
// - target_predictor: a column alone, by rates per bin or category of the training rows, ranks the test rows with a ROC
//   AUC of 0.95 or more (severe: 0.99), names 95 % (99 %) of the classes where the commonest class has less than 90 %,
//   or explains 95 % (99 %) of the target's variance. Up to 100,000 rows of each part are used.
// - filled_with_target: filled in half of the rows with a target and in at most 1 % of those without, or in 90 % of the
//   rows of one class and at most 1 % of the others.
// - duplicates_across_split, near_duplicates_across_split: test rows (more than 1 %; severe: 10 %) whose features equal
//   a training row's, or would with numbers to about three digits and text without case and blanks at its ends.
// - group_across_split: entities (schema.group) on both sides.
// - test_before_training: test rows (schema.time) not after the last training row.
// `features` are the columns that the model may use. Deterministic.
Result<std::vector<LeakageFinding>> find_leakage(const table::Table& table, const Target& target,
                                                 const table::Split& split, const Schema& schema,
                                                 const std::vector<std::string>& features);

// The columns that a feature plan names.
std::vector<std::string> feature_columns(const features::FeaturePlan& plan, const table::Table& table);

}  // namespace slipway::pipeline
