#include "v2_description.hpp"

#include <fmt/format.h>

#include <slipway/journal/json_text.hpp>

#include "json_lists.hpp"

namespace slipway::serving {
namespace {

// A time is sent in seconds since 1970-01-01 (or as ISO text, which BYTES can carry as well).
std::string_view v2_datatype(model::InputKind kind) {
  return kind == model::InputKind::number ? "FP32" : kind == model::InputKind::text ? "BYTES" : "INT64";
}

std::string tensor_json(const V2Tensor& tensor) {
  return fmt::format(R"({{"name":{},"datatype":"{}","shape":[{}]}})", json_text(tensor.name), tensor.datatype,
                     fmt::join(tensor.shape, ","));
}

std::string config_tensor_json(const V2Tensor& tensor) {
  return fmt::format(R"({{"name":{},"data_type":"{}","dims":[{}]}})", json_text(tensor.name),
                     triton_type(tensor.datatype).name, fmt::join(tensor.shape, ","));
}

}  // namespace

std::vector<V2Tensor> v2_inputs(const ServedModel& model) {
  std::vector<V2Tensor> tensors;
  for (const model::Input& input : model.inputs()) tensors.push_back({input.name, v2_datatype(input.kind), {-1}});
  return tensors;
}

std::vector<V2Tensor> v2_outputs(const ServedModel& model) {
  const auto classes = static_cast<std::int64_t>(model.model().classes.size());
  const bool matrix = !model.is_binary() && !model.is_regression();
  std::vector<V2Tensor> tensors;
  tensors.push_back({"score", "FP32", matrix ? std::vector<std::int64_t>{-1, classes} : std::vector<std::int64_t>{-1}});
  if (!model.is_regression()) {
    tensors.push_back({"probabilities", "FP32", {-1, classes}});
    tensors.push_back({"label", "BYTES", {-1}});
  }
  if (model.can_explain().ok()) tensors.push_back({"reasons", "BYTES", {-1}});
  return tensors;
}

TritonType triton_type(std::string_view datatype) {
  if (datatype == "FP32") return {"TYPE_FP32", 11};
  if (datatype == "INT64") return {"TYPE_INT64", 9};
  return {"TYPE_STRING", 13};
}

Result<std::vector<std::shared_ptr<const ServedModel>>> v2_statistics_of(const ModelRepository& models,
                                                                         std::string_view name,
                                                                         std::string_view version) {
  if (name.empty()) return models.all();
  SLIPWAY_TRY(auto one, models.find(name, version));
  std::vector<std::shared_ptr<const ServedModel>> chosen;
  if (!version.empty()) {
    chosen.push_back(std::move(one));
    return chosen;
  }
  for (auto& model : models.all())
    if (model->name() == name) chosen.push_back(std::move(model));
  return chosen;
}

std::string describe_v2_server(std::string_view product_version) {
  return fmt::format(R"({{"name":"slipway","version":{},"extensions":[{}]}})", json_text(product_version),
                     json_list(v2_extensions, json_text));
}

std::string describe_v2_model(const ServedModel& model, const std::vector<std::string>& versions) {
  return fmt::format(R"({{"name":{},"versions":[{}],"platform":"slipway","inputs":[{}],"outputs":[{}]}})",
                     json_text(model.name()), json_list(versions, json_text), json_list(v2_inputs(model), tensor_json),
                     json_list(v2_outputs(model), tensor_json));
}

std::string describe_v2_config(const ServedModel& model) {
  return fmt::format(R"({{"name":{},"platform":"slipway","backend":"slipway","version_policy":{{"latest":)"
                     R"({{"num_versions":1}}}},"max_batch_size":0,"input":[{}],"output":[{}],)"
                     R"("default_model_filename":"model.onnx"}})",
                     json_text(model.name()), json_list(v2_inputs(model), config_tensor_json),
                     json_list(v2_outputs(model), config_tensor_json));
}

std::string describe_v2_statistics(const std::vector<std::shared_ptr<const ServedModel>>& models) {
  const auto duration = [](const ModelStatistics::Duration& value) {
    return fmt::format(R"({{"count":{},"ns":{}}})", value.count, value.nanoseconds);
  };
  const auto one = [&](const std::shared_ptr<const ServedModel>& model) {
    const ModelStatistics s = model->metrics().statistics();
    return fmt::format(
        R"({{"name":{},"version":{},"last_inference":{},"inference_count":{},"execution_count":{},"inference_stats":)"
        R"({{"success":{},"fail":{},"queue":{},"compute_input":{},"compute_infer":{},"compute_output":{},)"
        R"("cache_hit":{},"cache_miss":{}}},"batch_stats":[],"memory_usage":[],"response_stats":{{}}}})",
        json_text(model->name()), json_text(model->version()), s.last_milliseconds, s.rows, s.success.count,
        duration(s.success), duration(s.fail), duration({s.success.count, 0}), duration(s.input), duration(s.infer),
        duration(s.output), duration({}), duration({}));
  };
  return fmt::format(R"({{"model_stats":[{}]}})", json_list(models, one));
}

std::string describe_index(const ModelRepository& models, bool ready_only) {
  std::vector<ModelState> states = models.index();
  if (ready_only) std::erase_if(states, [](const ModelState& state) { return state.state != "READY"; });
  return fmt::format("[{}]", json_list(states, [](const ModelState& state) {
                       return fmt::format(R"({{"name":{},"version":{},"state":"{}","reason":{}}})",
                                          json_text(state.name), json_text(state.version), state.state,
                                          json_text(state.reason));
                     }));
}

}  // namespace slipway::serving
