// What makes a folder with model.onnx an MLflow model: MLmodel (flavors `onnx` and `python_function`, with signature),
// conda.yaml, python_env.yaml and requirements.txt, so that mlflow.pyfunc.load_model, `mlflow models serve` and a model
// registry take the folder as it is.
//
// Inputs are tensors of shape [-1, 1], named as the columns: float32, object (text) or int64 (time in seconds since
// 1970-01-01 UTC). Outputs are those of the ONNX file: `label` and `probabilities`, or `prediction`.
#pragma once
#include <filesystem>
#include <string>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

struct MlflowOptions {
  std::string mlflow_version = "3.17.2";  // that wrote the files, as they say
  std::string onnxruntime_version = "1.32.0";
  std::string python_version = "3.11.0";
};

// Writes the four files beside folder/model.onnx, which must be there and be the model's own ONNX file: its size and
// digest go into MLmodel. Equal models give equal bytes. Errors: no model.onnx, the disk.
Status write_mlflow(const model::Model& model, const std::filesystem::path& folder, const MlflowOptions& options = {});

}  // namespace slipway::package
