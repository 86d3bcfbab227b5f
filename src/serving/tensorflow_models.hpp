// What TensorFlow Serving says of a model: versions and labels, signatures, states, for JSON and protobuf.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/serving/models.hpp>

#include "served_model.hpp"

namespace slipway::serving {

// At most one of the two; none: the default version.
struct TensorFlowVersion {
  std::string number;
  std::string label;  // an alias
};

// Unknown names and versions are not_found, an unknown label invalid_input, with TensorFlow Serving's texts in front.
Result<std::shared_ptr<const ServedModel>> find_tensorflow_model(const ModelRepository& models, std::string_view name,
                                                                 const TensorFlowVersion& version);

// "" and "serving_default" mean the method that is called; "predict", "classify" and "regress" that one.
Status check_signature(std::string_view signature, std::string_view method);
// Whether the model can do it: classify needs classes, regress one number per row.
Status check_method(const ServedModel& model, std::string_view method);

struct TensorFlowType {
  std::string_view name;
  std::int32_t number;
};
struct TensorFlowTensor {
  std::string name;
  TensorFlowType type;
  std::vector<std::int64_t> shape;  // -1: any size
};
struct TensorFlowSignature {
  std::string_view name;    // "serving_default"
  std::string_view method;  // "tensorflow/serving/predict"
  std::vector<TensorFlowTensor> inputs, outputs;
};
std::vector<TensorFlowSignature> tensorflow_signatures(const ServedModel& model);
// "score" or "scores", "label", "reasons": what predict can answer.
std::vector<std::string_view> tensorflow_outputs(const ServedModel& model);

struct TensorFlowState {
  std::string version;
  std::string_view name;  // "AVAILABLE"
  std::int32_t number;    // 30
  std::string error;
};
// The states of one version, or of all of a name's. A name without any is not_found.
Result<std::vector<TensorFlowState>> tensorflow_states(const ModelRepository& models, std::string_view name,
                                                       const TensorFlowVersion& version);

std::string describe_tensorflow_status(const std::vector<TensorFlowState>& states);
std::string describe_tensorflow_model(const ServedModel& model);

}  // namespace slipway::serving
