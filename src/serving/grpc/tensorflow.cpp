// TensorFlow Serving over gRPC: PredictionService and ModelService.
#include <cstring>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "../row_forms.hpp"
#include "../tensorflow_models.hpp"
#include "../v2_tensors.hpp"
#include "calls.hpp"
#include "message.hpp"
#include "tensorflow_serving.pb.h"

namespace slipway::serving {
namespace {

namespace tf = slipway::wire::tensorflow;
namespace wire = tf::serving;

// tensorflow.DataType, as far as tabular inputs have it.
struct TypeNumber {
  tf::DataType number;
  Datatype type;
};
constexpr TypeNumber type_numbers[] = {
    {tf::DT_FLOAT, Datatype::fp32},    {tf::DT_DOUBLE, Datatype::fp64},   {tf::DT_INT32, Datatype::int32},
    {tf::DT_UINT8, Datatype::uint8},   {tf::DT_INT16, Datatype::int16},   {tf::DT_INT8, Datatype::int8},
    {tf::DT_STRING, Datatype::bytes},  {tf::DT_INT64, Datatype::int64},   {tf::DT_BOOL, Datatype::boolean},
    {tf::DT_UINT16, Datatype::uint16}, {tf::DT_UINT32, Datatype::uint32}, {tf::DT_UINT64, Datatype::uint64}};

Status choose_spec(CallContext& context, const wire::ModelSpec& spec) {
  SLIPWAY_TRY(const std::string_view name, utf8(spec.name(), "model_spec.name"));
  TensorFlowVersion version;
  if (spec.has_version()) version.number = std::to_string(spec.version().value());
  if (spec.has_version_label()) version.label = spec.version_label();
  SLIPWAY_TRY(context.work.model, find_tensorflow_model(context.models, name, version));
  if (!spec.has_version() && !spec.has_version_label()) context.work.traffic = context.models.traffic(name);
  return {};
}

void fill_spec(wire::ModelSpec& spec, const ServedModel& model, std::string_view signature) {
  assign(spec.mutable_name(), model.name());
  spec.mutable_version()->set_value(static_cast<std::int64_t>(parse_number(model.version()).value_or(0)));
  assign(spec.mutable_signature_name(), signature);
}

// ---- predict

// All values of a tensor; one value stands for all of them, as TensorFlow has it.
Status set_values(Work& work, const Tensor& tensor, const auto& values, const auto& cell_of) {
  const std::size_t count = tensor.count(), given = static_cast<std::size_t>(values.size());
  if (given != count && given != 1)
    return invalid_input(fmt::format("input '{}': its shape says {} values, it has {}", tensor.name, count, given));
  for (std::size_t i = 0; i < count; ++i)
    set_tensor_value(work, tensor, i, cell_of(values.Get(static_cast<int>(given == 1 ? 0 : i))));
  return {};
}

Status read_values(Work& work, const Tensor& tensor, const tf::TensorProto& proto) {
  if (!proto.tensor_content().empty() && tensor.type != Datatype::bytes)
    return read_raw_tensor(work, tensor, proto.tensor_content());
  const auto integer = [](auto value) { return Cell(static_cast<std::int64_t>(value)); };
  switch (tensor.type) {
    case Datatype::fp32:
      return set_values(work, tensor, proto.float_val(), [](float value) { return Cell(value); });
    case Datatype::fp64:
      return set_values(work, tensor, proto.double_val(), [](double value) { return Cell(value); });
    case Datatype::int64:
      return set_values(work, tensor, proto.int64_val(), integer);
    case Datatype::boolean:
      return set_values(work, tensor, proto.bool_val(), integer);
    case Datatype::uint32:
      return set_values(work, tensor, proto.uint32_val(), integer);
    case Datatype::uint64:
      return set_values(work, tensor, proto.uint64_val(), [](std::uint64_t value) { return unsigned_cell(value); });
    case Datatype::bytes:
      for (const std::string& text : proto.string_val())
        SLIPWAY_CHECK(utf8(text, fmt::format("input '{}': an element", tensor.name)));
      return set_values(work, tensor, proto.string_val(),
                        [](const std::string& text) { return Cell(std::string_view(text)); });
    default:
      return set_values(work, tensor, proto.int_val(), integer);
  }
}

Status read_inputs(Work& work, const wire::PredictRequest& request) {
  TensorPlaces places(work, static_cast<std::size_t>(request.inputs_size()));
  for (const auto& entry : request.inputs()) {
    Tensor tensor;
    SLIPWAY_TRY(tensor.name, utf8(entry.key(), "the name of an input"));
    const tf::TensorProto& proto = entry.value();
    const auto* const found = std::find_if(std::begin(type_numbers), std::end(type_numbers),
                                           [&](const TypeNumber& one) { return one.number == proto.dtype(); });
    if (found == std::end(type_numbers))
      return invalid_input(
          fmt::format("input '{}': dtype {} is not supported", tensor.name, static_cast<int>(proto.dtype())));
    tensor.type = found->type;
    std::vector<std::int64_t> shape;
    for (const tf::TensorShapeProto::Dim& dimension : proto.tensor_shape().dim()) shape.push_back(dimension.size());
    if (shape.empty()) shape.push_back(1);  // a scalar is one row
    SLIPWAY_CHECK(places.set_shape(tensor, shape));
    SLIPWAY_CHECK(places.place(tensor));
    SLIPWAY_CHECK(read_values(work, tensor, proto));
  }
  return places.finish();
}

void set_shape(tf::TensorProto& tensor, std::size_t rows, std::size_t columns) {
  tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<std::int64_t>(rows));
  if (columns > 0) tensor.mutable_tensor_shape()->add_dim()->set_size(static_cast<std::int64_t>(columns));
}

Status predict(CallContext& context, std::string_view message, std::string& reply) {
  Work& work = context.work;
  static thread_local wire::PredictRequest request;  // keeps its memory
  SLIPWAY_CHECK(read_message(message, request));
  if (message.size() > (1u << 20)) work.large = true;
  SLIPWAY_CHECK(choose_spec(context, request.model_spec()));
  SLIPWAY_CHECK(check_signature(request.model_spec().signature_name(), "predict"));
  const std::vector<std::string_view> names = tensorflow_outputs(*work.model);
  std::vector<std::string_view> filter(request.output_filter().begin(), request.output_filter().end());
  for (const std::string_view name : filter) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::vector<std::string> known(names.begin(), names.end());
      return invalid_input(fmt::format("output_filter: unknown output {}{}; expected one of {}", show_text(name),
                                       suggestion(name.substr(0, 256), known), list_names(known)));
    }
    if (name == "reasons") work.reason_count = default_reasons;
  }
  SLIPWAY_CHECK(read_inputs(work, request));
  SLIPWAY_CHECK(score_rows(work));

  wire::PredictResponse response;
  for (const std::string_view name : names) {
    const bool wanted =
        filter.empty() ? name != "reasons" : std::find(filter.begin(), filter.end(), name) != filter.end();
    if (!wanted) continue;
    const Wanted one{name == "label" ? Output::label : name == "reasons" ? Output::reasons : Output::score, false, 0};
    const OutputShape shape = output_shape(work, one);
    auto& entry = *response.add_outputs();
    assign(entry.mutable_key(), name);
    tf::TensorProto& tensor = *entry.mutable_value();
    tensor.set_dtype(shape.numbers ? tf::DT_FLOAT : tf::DT_STRING);
    set_shape(tensor, work.rows.size(), shape.columns);
    each_output_value(
        work, one, [&](float value) { tensor.add_float_val(value); },
        [&](std::string_view text) { assign(tensor.add_string_val(), text); });
  }
  fill_spec(*response.mutable_model_spec(), *work.model, "serving_default");
  if (work.large) request = wire::PredictRequest();
  return write_message(response, reply);
}

// ---- classify and regress

Status set_features(Work& work, std::size_t row, const tf::Example& example) {
  for (const auto& entry : example.features().feature()) {
    SLIPWAY_TRY(const std::string_view name, utf8(entry.key(), "the name of a feature"));
    SLIPWAY_TRY(const std::size_t input, find_column(work, name, "examples"));
    const tf::Feature& feature = entry.value();
    const int values = feature.has_bytes_list()   ? feature.bytes_list().value_size()
                       : feature.has_float_list() ? feature.float_list().value_size()
                                                  : feature.int64_list().value_size();
    if (values > 1)
      return work.rows.reject(Rejection::wrong_type,
                              fmt::format("{}: expected a single value, got {}", work.rows.where(row, input), values));
    if (values == 0) continue;
    if (feature.has_bytes_list()) {
      SLIPWAY_CHECK(utf8(feature.bytes_list().value(0), work.rows.where(row, input)));
      work.rows.set(row, input, Cell(std::string_view(feature.bytes_list().value(0))));
    } else if (feature.has_float_list()) {
      work.rows.set(row, input, Cell(feature.float_list().value(0)));
    } else {
      work.rows.set(row, input, Cell(feature.int64_list().value(0)));
    }
  }
  return {};
}

Status read_examples(Work& work, const wire::Input& input) {
  const bool with_context = input.has_example_list_with_context();
  const auto& examples = with_context ? input.example_list_with_context().examples() : input.example_list().examples();
  if (examples.empty()) return invalid_input("Input is empty.");
  SLIPWAY_CHECK(work.rows.begin(*work.model, static_cast<std::size_t>(examples.size())));
  for (int row = 0; row < examples.size(); ++row) {
    if (with_context)
      SLIPWAY_CHECK(set_features(work, static_cast<std::size_t>(row), input.example_list_with_context().context()));
    SLIPWAY_CHECK(set_features(work, static_cast<std::size_t>(row), examples.Get(row)));
  }
  return {};
}

void fill_classes(wire::ClassificationResult& result, const Work& work) {
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    wire::Classifications& classes = *result.add_classifications();
    for (std::size_t k = 0; k < work.scores.scores.width; ++k) {
      wire::Class& one = *classes.add_classes();
      assign(one.mutable_label(), work.model->model().classes[k]);
      one.set_score(work.scores.scores.at(row, k));
    }
  }
}

void fill_values(wire::RegressionResult& result, const Work& work) {
  for (std::size_t row = 0; row < work.rows.size(); ++row)
    result.add_regressions()->set_value(work.model->score(work.scores, row));
}

Status score_examples(CallContext& context, const wire::ModelSpec& spec, const wire::Input& input,
                      std::string_view method) {
  SLIPWAY_CHECK(choose_spec(context, spec));
  SLIPWAY_CHECK(check_signature(spec.signature_name(), method));
  SLIPWAY_CHECK(check_method(*context.work.model, method));
  SLIPWAY_CHECK(read_examples(context.work, input));
  return score_rows(context.work);
}

Status classify(CallContext& context, std::string_view message, std::string& reply) {
  wire::ClassificationRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  SLIPWAY_CHECK(score_examples(context, request.model_spec(), request.input(), "classify"));
  wire::ClassificationResponse response;
  fill_classes(*response.mutable_result(), context.work);
  fill_spec(*response.mutable_model_spec(), *context.work.model, "serving_default");
  return write_message(response, reply);
}

Status regress(CallContext& context, std::string_view message, std::string& reply) {
  wire::RegressionRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  SLIPWAY_CHECK(score_examples(context, request.model_spec(), request.input(), "regress"));
  wire::RegressionResponse response;
  fill_values(*response.mutable_result(), context.work);
  fill_spec(*response.mutable_model_spec(), *context.work.model, "serving_default");
  return write_message(response, reply);
}

// Several methods over the same examples, of one model; they are scored once.
Status multi_inference(CallContext& context, std::string_view message, std::string& reply) {
  wire::MultiInferenceRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  if (request.tasks_size() == 0) return invalid_input("expected at least one task");
  constexpr std::string_view prefix = "tensorflow/serving/";
  const auto method_of = [&](const wire::InferenceTask& task) {
    const std::string_view name = task.method_name();
    return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
  };
  wire::MultiInferenceResponse response;
  for (const wire::InferenceTask& task : request.tasks()) {
    const std::string_view method = method_of(task);
    if (method != "classify" && method != "regress")
      return invalid_input(
          fmt::format("task: unknown method {}: expected tensorflow/serving/classify or "
                      "tensorflow/serving/regress",
                      show_text(task.method_name())));
    if (task.model_spec().name() != request.tasks(0).model_spec().name())
      return invalid_input("all tasks need to name the same model");
    if (response.results_size() == 0)
      SLIPWAY_CHECK(score_examples(context, task.model_spec(), request.input(), method));
    SLIPWAY_CHECK(check_method(*context.work.model, method));
    wire::InferenceResult& result = *response.add_results();
    fill_spec(*result.mutable_model_spec(), *context.work.model, "serving_default");
    if (method == "classify")
      fill_classes(*result.mutable_classification_result(), context.work);
    else
      fill_values(*result.mutable_regression_result(), context.work);
  }
  return write_message(response, reply);
}

// ---- what is served

Status model_metadata(CallContext& context, std::string_view message, std::string& reply) {
  wire::GetModelMetadataRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  if (request.metadata_field_size() == 0)
    return invalid_input("GetModelMetadataRequest must specify at least one metadata_field");
  for (const std::string& field : request.metadata_field())
    if (field != "signature_def")
      return invalid_input(fmt::format("Metadata field {} is not supported; expected signature_def", show_text(field)));
  SLIPWAY_CHECK(choose_spec(context, request.model_spec()));
  const ServedModel& model = *context.work.model;
  wire::SignatureDefMap map;
  for (const TensorFlowSignature& described : tensorflow_signatures(model)) {
    auto& entry = *map.add_signature_def();
    assign(entry.mutable_key(), described.name);
    assign(entry.mutable_value()->mutable_method_name(), described.method);
    const auto add = [](auto& info, const TensorFlowTensor& tensor) {
      assign(info.mutable_key(), tensor.name);
      assign(info.mutable_value()->mutable_name(), tensor.name);
      info.mutable_value()->set_dtype(static_cast<tf::DataType>(tensor.type.number));
      for (const std::int64_t size : tensor.shape)
        info.mutable_value()->mutable_tensor_shape()->add_dim()->set_size(size);
    };
    for (const TensorFlowTensor& tensor : described.inputs) add(*entry.mutable_value()->add_inputs(), tensor);
    for (const TensorFlowTensor& tensor : described.outputs) add(*entry.mutable_value()->add_outputs(), tensor);
  }
  wire::GetModelMetadataResponse response;
  fill_spec(*response.mutable_model_spec(), model, "");
  auto& entry = *response.add_metadata();
  entry.set_key("signature_def");
  entry.mutable_value()->set_type_url("type.googleapis.com/tensorflow.serving.SignatureDefMap");
  SLIPWAY_CHECK(write_message(map, *entry.mutable_value()->mutable_value()));
  return write_message(response, reply);
}

Status model_status(CallContext& context, std::string_view message, std::string& reply) {
  wire::GetModelStatusRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  const wire::ModelSpec& spec = request.model_spec();
  SLIPWAY_TRY(const std::string_view name, utf8(spec.name(), "model_spec.name"));
  TensorFlowVersion version;
  if (spec.has_version()) version.number = std::to_string(spec.version().value());
  if (spec.has_version_label()) version.label = spec.version_label();
  SLIPWAY_TRY(const auto states, tensorflow_states(context.models, name, version));
  wire::GetModelStatusResponse response;
  for (const TensorFlowState& state : states) {
    wire::ModelVersionStatus& one = *response.add_model_version_status();
    one.set_version(static_cast<std::int64_t>(parse_number(state.version).value_or(0)));
    one.set_state(static_cast<wire::ModelVersionStatus::State>(state.number));
    one.mutable_status()->set_error_code(state.error.empty() ? tf::error::OK : tf::error::INTERNAL);
    assign(one.mutable_status()->mutable_error_message(), state.error);
  }
  return write_message(response, reply);
}

Result<NameConfiguration> read_configuration(const wire::ModelConfig& config) {
  NameConfiguration wanted;
  SLIPWAY_TRY(wanted.name, utf8(config.name(), "model_config_list: a name"));
  if (wanted.name.empty()) return invalid_input("model_config_list: a model has no name");
  SLIPWAY_TRY(wanted.base_path, utf8(config.base_path(), "model_config_list: a base_path"));
  const wire::FileSystemStoragePathSourceConfig::ServableVersionPolicy& policy = config.model_version_policy();
  if (policy.has_specific()) {
    wanted.versions = NameConfiguration::Versions::specific;
    wanted.specific.assign(policy.specific().versions().begin(), policy.specific().versions().end());
    if (wanted.specific.empty())
      return invalid_input(fmt::format("model '{}': model_version_policy: specific names no version", wanted.name));
  } else if (policy.has_all()) {
    wanted.versions = NameConfiguration::Versions::all;
  } else if (policy.has_latest()) {
    wanted.versions = NameConfiguration::Versions::latest;
    wanted.latest = policy.latest().num_versions();
    if (wanted.latest == 0)
      return invalid_input(
          fmt::format("model '{}': model_version_policy: latest: num_versions: expected 1 or more", wanted.name));
  }
  for (const auto& entry : config.version_labels()) {
    SLIPWAY_TRY(const std::string_view label, utf8(entry.key(), "version_labels: a label"));
    if (label.empty()) return invalid_input(fmt::format("model '{}': version_labels: a label is empty", wanted.name));
    wanted.labels.emplace_back(label, entry.value());
  }
  return wanted;
}

Status reload_configuration(CallContext& context, std::string_view message, std::string& reply) {
  wire::ReloadConfigRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  if (!request.config().has_model_config_list())
    return invalid_input(
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
        "supported");
  std::vector<NameConfiguration> names;
  for (const wire::ModelConfig& config : request.config().model_config_list().config()) {
    SLIPWAY_TRY(NameConfiguration wanted, read_configuration(config));
    names.push_back(std::move(wanted));
  }
  SLIPWAY_CHECK(context.models.configure(std::move(names)));
  wire::ReloadConfigResponse response;
  response.mutable_status();  // OK
  return write_message(response, reply);
}

#define SLIPWAY_PREDICTION(name) "/tensorflow.serving.PredictionService/" name
constexpr CallMethod methods[] = {
    {.path = SLIPWAY_PREDICTION("Predict"), .route = Route::tensorflow_predict, .handler = predict, .scores = true},
    {.path = SLIPWAY_PREDICTION("Classify"), .route = Route::tensorflow_predict, .handler = classify, .scores = true},
    {.path = SLIPWAY_PREDICTION("Regress"), .route = Route::tensorflow_predict, .handler = regress, .scores = true},
    {.path = SLIPWAY_PREDICTION("MultiInference"),
     .route = Route::tensorflow_predict,
     .handler = multi_inference,
     .scores = true},
    {.path = SLIPWAY_PREDICTION("GetModelMetadata"), .route = Route::metadata, .handler = model_metadata},
    {.path = "/tensorflow.serving.ModelService/GetModelStatus",
     .route = Route::tensorflow_status,
     .handler = model_status},
    {.path = "/tensorflow.serving.ModelService/HandleReloadConfigRequest",
     .route = Route::repository,
     .handler = reload_configuration,
     .admin = true,
     .loads = true},
};
#undef SLIPWAY_PREDICTION

}  // namespace

std::span<const CallMethod> tensorflow_methods() { return methods; }

}  // namespace slipway::serving
