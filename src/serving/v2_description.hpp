// What the Open Inference Protocol V2 says of a model: its tensors, configuration and statistics, for JSON and
// protobuf.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/serving/models.hpp>

#include "served_model.hpp"

namespace slipway::serving {

inline constexpr std::string_view v2_extensions[] = {"binary_tensor_data", "classification", "model_repository",
                                                     "statistics", "model_configuration"};

struct V2Tensor {
  std::string_view name;            // lives as long as the model
  std::string_view datatype;        // "FP32", "BYTES", "INT64"
  std::vector<std::int64_t> shape;  // -1: any size
};
std::vector<V2Tensor> v2_inputs(const ServedModel& model);
std::vector<V2Tensor> v2_outputs(const ServedModel& model);

// A datatype in Triton's configuration: "TYPE_FP32", 11.
struct TritonType {
  std::string_view name;
  std::int32_t number;
};
TritonType triton_type(std::string_view datatype);

// The versions that statistics are asked of: one, a name's all, or (no name) everything that is served.
Result<std::vector<std::shared_ptr<const ServedModel>>> v2_statistics_of(const ModelRepository& models,
                                                                         std::string_view name,
                                                                         std::string_view version);

std::string describe_v2_server(std::string_view product_version);
// "inputs" in the order of the schema: number FP32, text BYTES, time INT64; "outputs" as infer gives them.
std::string describe_v2_model(const ServedModel& model, const std::vector<std::string>& versions);
std::string describe_v2_config(const ServedModel& model);
std::string describe_v2_statistics(const std::vector<std::shared_ptr<const ServedModel>>& models);
std::string describe_index(const ModelRepository& models, bool ready_only);

}  // namespace slipway::serving
