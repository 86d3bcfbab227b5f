// A Model as a TensorFlow SavedModel, written without TensorFlow: a frozen graph of TensorFlow's own operations, for
// TensorFlow Serving, tf.saved_model.load, keras.layers.TFSMLayer and saved_model_cli.
//
// Signature `serving_default` (tensorflow/serving/predict) has one input per raw column, named as the column, of shape
// [N]: float32 (missing is NaN), string (missing is the empty string) or int64 (time in whole seconds since 1970-01-01
// UTC; missing is the smallest int64). Its outputs:
//   probabilities  float32 [N, classes]; not for a regression
//   label          string [N], the class under the model's threshold; not for a regression
//   score          float32 [N]: the positive class's probability (two classes), or the prediction (regression)
// Signature `classify` (`regress` for a regression) takes serialized tf.Example messages with a feature per column
// instead.
#pragma once
#include <filesystem>
#include <string>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

// Writes folder/saved_model.pb, whole or not at all; missing folders are made. For TensorFlow Serving the folder is
// <name>/<number>. Every operator has a form; errors: a model that does not pass validate(), one beyond 2 GiB, the
// disk.
Status write_saved_model(const model::Model& model, const std::filesystem::path& folder);

// The content of saved_model.pb; equal models give equal bytes.
Result<std::string> saved_model_bytes(const model::Model& model);

}  // namespace slipway::package
