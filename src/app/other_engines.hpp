// The other engines of a package, run where they are installed: JPMML-Evaluator, TensorFlow, MLflow.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::app {

struct EngineResult {
  std::string engine = {};  // "TensorFlow 2.21.0"
  std::string absent = {};  // why it did not run; empty: it ran
  double largest_difference = 0;
  std::int64_t different_labels = 0;
};

// Runs the formats in `folder` (model.pmml, saved_model/1, MLmodel) on the rows with Python's packages jpmml_evaluator,
// tensorflow and mlflow, and compares with `prediction`. The interpreter is the one that the environment variable
// SLIPWAY_PYTHON names, or python3; without one, or without a package, that engine is absent. At most 10,000 rows.
Result<std::vector<EngineResult>> run_other_engines(const model::Model& model, const std::filesystem::path& folder,
                                                    const model::RowBatch& rows, const engine::Prediction& prediction);

}  // namespace slipway::app
