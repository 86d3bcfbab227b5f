#include "tensorflow_models.hpp"

#include <fmt/format.h>

#include "json_body.hpp"
#include "json_lists.hpp"

namespace slipway::serving {
namespace {

constexpr TensorFlowType float_type{"DT_FLOAT", 1}, string_type{"DT_STRING", 7}, integer_type{"DT_INT64", 9};

TensorFlowType type_of(model::InputKind kind) {
  return kind == model::InputKind::number ? float_type : kind == model::InputKind::text ? string_type : integer_type;
}

bool has_several_scores(const ServedModel& model) { return !model.is_binary() && !model.is_regression(); }

}  // namespace

Result<std::shared_ptr<const ServedModel>> find_tensorflow_model(const ModelRepository& models, std::string_view name,
                                                                 const TensorFlowVersion& version) {
  const std::string& wanted = version.label.empty() ? version.number : version.label;
  auto found = models.find(name, wanted);
  if (found.ok() || found.error().code() != ErrorCode::not_found) return found;
  if (!version.label.empty() && models.find(name).ok())
    return invalid_input(fmt::format("Unrecognized servable version label: {}", version.label));
  const std::string servable =
      version.number.empty() ? fmt::format("Latest({})", name) : fmt::format("Specific({}, {})", name, version.number);
  return std::move(found).error().with_context("Servable not found for request: " + servable);
}

Status check_signature(std::string_view signature, std::string_view method) {
  if (signature.empty() || signature == "serving_default" || signature == method) return {};
  return invalid_input(
      fmt::format("'signature_name': expected \"serving_default\" or \"{}\", got {}", method, show_text(signature)));
}

Status check_method(const ServedModel& model, std::string_view method) {
  if (method == "classify" && model.is_regression())
    return invalid_input(fmt::format("model '{}' has no classes: ask for regress or predict", model.name()));
  if (method == "regress" && has_several_scores(model))
    return invalid_input(fmt::format("model '{}' has several classes: ask for classify or predict", model.name()));
  return {};
}

std::vector<std::string_view> tensorflow_outputs(const ServedModel& model) {
  std::vector<std::string_view> names = {has_several_scores(model) ? "scores" : "score"};
  if (!model.is_regression()) names.emplace_back("label");
  if (model.can_explain().ok()) names.emplace_back("reasons");
  return names;
}

std::vector<TensorFlowSignature> tensorflow_signatures(const ServedModel& model) {
  TensorFlowSignature signature{"serving_default", "tensorflow/serving/predict", {}, {}};
  for (const model::Input& input : model.inputs()) signature.inputs.push_back({input.name, type_of(input.kind), {-1}});
  const auto classes = static_cast<std::int64_t>(model.model().classes.size());
  if (has_several_scores(model))
    signature.outputs.push_back({"scores", float_type, {-1, classes}});
  else
    signature.outputs.push_back({"score", float_type, {-1}});
  if (!model.is_regression()) signature.outputs.push_back({"label", string_type, {-1}});
  return {std::move(signature)};
}

Result<std::vector<TensorFlowState>> tensorflow_states(const ModelRepository& models, std::string_view name,
                                                       const TensorFlowVersion& version) {
  std::string only = version.number;
  if (!version.label.empty()) {
    SLIPWAY_TRY(const auto labelled, find_tensorflow_model(models, name, version));
    only = labelled->version();
  }
  std::vector<TensorFlowState> states;
  for (const ModelState& state : models.index()) {
    if (state.name != name || (!only.empty() && state.version != only)) continue;
    if (state.state == "READY")
      states.push_back({state.version, "AVAILABLE", 30, ""});
    else if (state.state == "LOADING")
      states.push_back({state.version, "LOADING", 20, ""});
    else
      states.push_back({state.version, "END", 50, state.reason});
  }
  if (states.empty())
    return only.empty() ? not_found(fmt::format("Could not find any versions of model {}", name))
                        : not_found(fmt::format("Could not find version {} of model {}", only, name));
  return states;
}

std::string describe_tensorflow_status(const std::vector<TensorFlowState>& states) {
  return fmt::format(R"({{"model_version_status":[{}]}})", json_list(states, [](const TensorFlowState& state) {
                       return fmt::format(
                           R"({{"version":{},"state":"{}","status":{{"error_code":"{}","error_message":{}}}}})",
                           json_text(state.version), state.name, state.error.empty() ? "OK" : "INTERNAL",
                           json_text(state.error));
                     }));
}

std::string describe_tensorflow_model(const ServedModel& model) {
  const auto tensor = [](const TensorFlowTensor& one) {
    return fmt::format(
        R"({}:{{"dtype":"{}","tensor_shape":{{"dim":[{}],"unknown_rank":false}},"name":{}}})", json_text(one.name),
        one.type.name,
        json_list(one.shape, [](std::int64_t size) { return fmt::format(R"({{"size":"{}","name":""}})", size); }),
        json_text(one.name));
  };
  const auto signature = [&](const TensorFlowSignature& one) {
    return fmt::format(R"("{}":{{"inputs":{{{}}},"outputs":{{{}}},"method_name":"{}"}})", one.name,
                       json_list(one.inputs, tensor), json_list(one.outputs, tensor), one.method);
  };
  return fmt::format(
      R"({{"model_spec":{{"name":{},"signature_name":"","version":{}}},"metadata":{{"signature_def":{{"signature_def":{{{}}}}}}}}})",
      json_text(model.name()), json_text(model.version()), json_list(tensorflow_signatures(model), signature));
}

}  // namespace slipway::serving
