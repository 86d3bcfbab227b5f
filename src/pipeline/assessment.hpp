// What a trained model is worth: its own ONNX file, read back and compiled as the server does, scores the test rows;
// ONNX Runtime scores them again; then measures, gates and explanations.
#pragma once
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/model.hpp>
#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {

// The model as it will be served.
struct ServableModel {
  std::string onnx;  // the file's bytes
  model::Model model;
  engine::Predictor predictor;
};
Result<ServableModel> load_servable(std::string onnx);

// Scores of the test rows by both engines.
struct Verification {
  engine::Prediction prediction;  // Slipway's
  double largest_difference = 0;
  nlohmann::json document;  // verification.json
};
// An error of code check_failed if the engines disagree.
Result<Verification> verify_test_rows(const ServableModel& servable, const Dataset& dataset, const Threads& threads);

// evaluation.json: measures of the test rows, calibration, what thresholds do, slices; `search` is search.json.
// `diagnose` (diagnosis.hpp) adds the rest.
Result<nlohmann::json> evaluate_test_rows(const Configuration& configuration, const ServableModel& servable,
                                          const Dataset& dataset, const engine::Prediction& prediction,
                                          const nlohmann::json& search, const Threads& threads);

// The gates of the configuration over evaluation.json: {"text": ..., "passed": ...} each. "recall by channel" holds if
// it holds for every group of the slice with 30 rows or more; "demographic_parity by gender" is a fairness ratio.
Result<nlohmann::json> try_gates(const Configuration& configuration, const nlohmann::json& evaluation);

}  // namespace slipway::pipeline
