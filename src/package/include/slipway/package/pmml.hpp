// A Model as PMML 4.4 (Data Mining Group): the whole pipeline, from raw columns to probabilities and label, in one XML
// file.
//
// Inputs are `float`, `string` or `dateTime` fields named as the columns; absent, NaN and "" are missing. Features
// become derived fields, every Trees operator a MiningModel of regression trees (or of classification trees, where its
// leaves hold distributions over three or more classes), and the way from their sums to the scores a RegressionModel or
// a NeuralNetwork at the end of the chain. Output fields are `probability(<class>)` for every class and `label`, the
// class under the model's threshold; for a regression `score`.
#pragma once
#include <string>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

struct PmmlOptions {
  // Rows of the model's inputs that go into the file with their scores (computed by the reference interpreter), so that
  // an engine can check itself: the first 20 without infinities. None: no ModelVerification.
  model::RowBatch verification = {};
  std::string application_version = {};  // in the header, behind "Slipway"
};

// The file's text; equal models and rows give equal bytes. Errors: a model that does not pass validate(); what PMML
// cannot hold, with the number and name of the operator (character runs and other than plain counts of Terms, Decide as
// an input, class scores that do not sum to 1, text with control characters).
Result<std::string> write_pmml(const model::Model& model, const PmmlOptions& options = {});

}  // namespace slipway::package
