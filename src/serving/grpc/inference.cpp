// The Open Inference Protocol V2 over gRPC, with Triton's extensions: repository, configuration, statistics, stream.
#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "../v2_description.hpp"
#include "../v2_tensors.hpp"
#include "calls.hpp"
#include "inference.pb.h"
#include "message.hpp"

namespace slipway::serving {
namespace {

namespace wire = slipway::wire::inference;

// ---- infer

const wire::InferParameter* find_parameter(const auto& parameters, std::string_view name) {
  for (const auto& entry : parameters)
    if (entry.key() == name) return &entry.value();
  return nullptr;
}

Result<std::size_t> count_parameter(const wire::InferParameter& parameter, std::string_view name) {
  const std::int64_t value =
      parameter.has_uint64_param() ? static_cast<std::int64_t>(parameter.uint64_param()) : parameter.int64_param();
  if ((!parameter.has_int64_param() && !parameter.has_uint64_param()) || value < 0 || value > 10'000)
    return invalid_input(fmt::format("parameter '{}': expected a whole number from 0 to 10000", name));
  return static_cast<std::size_t>(value);
}

Status set_typed(Work& work, const Tensor& tensor, const auto& values, const auto& cell_of) {
  if (static_cast<std::size_t>(values.size()) != tensor.count())
    return invalid_input(fmt::format("input '{}': its shape says {} values, its contents have {}", tensor.name,
                                     tensor.count(), values.size()));
  std::size_t i = 0;
  for (const auto& value : values) set_tensor_value(work, tensor, i++, cell_of(value));
  return {};
}

Status read_contents(Work& work, const Tensor& tensor, const wire::InferTensorContents& contents) {
  const auto integer = [](auto value) { return Cell(static_cast<std::int64_t>(value)); };
  switch (tensor.type) {
    case Datatype::boolean:
      return set_typed(work, tensor, contents.bool_contents(), integer);
    case Datatype::int8:
    case Datatype::int16:
    case Datatype::int32:
      return set_typed(work, tensor, contents.int_contents(), integer);
    case Datatype::int64:
      return set_typed(work, tensor, contents.int64_contents(), integer);
    case Datatype::uint8:
    case Datatype::uint16:
    case Datatype::uint32:
      return set_typed(work, tensor, contents.uint_contents(), integer);
    case Datatype::uint64:
      return set_typed(work, tensor, contents.uint64_contents(),
                       [](std::uint64_t value) { return unsigned_cell(value); });
    case Datatype::fp32:
      return set_typed(work, tensor, contents.fp32_contents(), [](float value) { return Cell(value); });
    case Datatype::fp64:
      return set_typed(work, tensor, contents.fp64_contents(), [](double value) { return Cell(value); });
    case Datatype::bytes:
      for (const std::string& text : contents.bytes_contents())
        SLIPWAY_CHECK(utf8(text, fmt::format("input '{}': an element", tensor.name)));
      return set_typed(work, tensor, contents.bytes_contents(),
                       [](const std::string& text) { return Cell(std::string_view(text)); });
  }
  return internal_error("a datatype without contents");
}

Status read_inputs(Work& work, const wire::ModelInferRequest& request) {
  const bool raw = request.raw_input_contents_size() > 0;
  if (raw && request.raw_input_contents_size() != request.inputs_size())
    return invalid_input(fmt::format("expected as many raw_input_contents as inputs ({}), got {}",
                                     request.inputs_size(), request.raw_input_contents_size()));
  TensorPlaces places(work, static_cast<std::size_t>(request.inputs_size()));
  for (int i = 0; i < request.inputs_size(); ++i) {
    const wire::ModelInferRequest::InferInputTensor& input = request.inputs(i);
    Tensor tensor;
    SLIPWAY_TRY(tensor.name, utf8(input.name(), "the name of an input"));
    SLIPWAY_TRY(tensor.type, parse_datatype(input.datatype(), tensor.name));
    SLIPWAY_CHECK(places.set_shape(tensor, {input.shape().begin(), input.shape().end()}));
    SLIPWAY_CHECK(places.place(tensor));
    if (!raw) {
      SLIPWAY_CHECK(read_contents(work, tensor, input.contents()));
      continue;
    }
    if (input.has_contents())
      return invalid_input(fmt::format(
          "input '{}' has contents, and the request has raw_input_contents: expected one of them", tensor.name));
    SLIPWAY_CHECK(read_raw_tensor(work, tensor, request.raw_input_contents(i)));
  }
  return places.finish();
}

Result<std::vector<Wanted>> read_outputs(Work& work, const wire::ModelInferRequest& request) {
  if (const wire::InferParameter* reasons = find_parameter(request.parameters(), "reasons")) {
    SLIPWAY_TRY(work.reason_count, count_parameter(*reasons, "reasons"));
  }
  WantedOutputs wanted(work);
  for (const auto& output : request.outputs()) {
    SLIPWAY_TRY(Wanted* const one, wanted.ask(output.name()));
    if (const wire::InferParameter* classification = find_parameter(output.parameters(), "classification")) {
      SLIPWAY_TRY(const std::size_t count, count_parameter(*classification, "classification"));
      SLIPWAY_CHECK(set_classification(*one, count));
    }
  }
  return wanted.take(false);
}

Status infer(CallContext& context, std::string_view message, wire::ModelInferResponse& response) {
  Work& work = context.work;
  static thread_local wire::ModelInferRequest request;  // keeps its memory
  SLIPWAY_CHECK(read_message(message, request));
  if (message.size() > (1u << 20)) work.large = true;
  SLIPWAY_CHECK(choose_model(work, context.models, request.model_name(), request.model_version()));
  SLIPWAY_TRY(const std::string_view id, utf8(request.id(), "the id"));
  if (id.size() > 256) return invalid_input(fmt::format("the id: expected at most 256 bytes, got {}", id.size()));
  if (!id.empty()) work.request_id = id;
  SLIPWAY_TRY(const std::vector<Wanted> wanted, read_outputs(work, request));
  SLIPWAY_CHECK(read_inputs(work, request));
  SLIPWAY_CHECK(score_rows(work));

  assign(response.mutable_model_name(), work.model->name());
  assign(response.mutable_model_version(), work.model->version());
  if (!id.empty()) assign(response.mutable_id(), id);
  // Raw if the request was: tritonclient reads raw answers only, others expect the form they sent.
  const bool raw = request.raw_input_contents_size() > 0;
  for (const Wanted& one : wanted) {
    const OutputShape shape = output_shape(work, one);
    wire::ModelInferResponse::InferOutputTensor& output = *response.add_outputs();
    assign(output.mutable_name(), output_name(one.output));
    output.set_datatype(shape.numbers ? "FP32" : "BYTES");
    output.add_shape(static_cast<std::int64_t>(work.rows.size()));
    if (shape.columns > 0) output.add_shape(static_cast<std::int64_t>(shape.columns));
    if (raw) {
      append_raw_output(*response.add_raw_output_contents(), work, one);
      continue;
    }
    wire::InferTensorContents& contents = *output.mutable_contents();
    each_output_value(
        work, one, [&](float value) { contents.add_fp32_contents(value); },
        [&](std::string_view text) { assign(contents.add_bytes_contents(), text); });
  }
  if (work.large) request = wire::ModelInferRequest();  // a large request should not hold its memory
  return {};
}

Status model_infer(CallContext& context, std::string_view message, std::string& reply) {
  wire::ModelInferResponse response;
  SLIPWAY_CHECK(infer(context, message, response));
  return write_message(response, reply);
}

// An error is a message of the stream, which goes on.
Status model_stream_infer(CallContext& context, std::string_view message, std::string& reply) {
  wire::ModelStreamInferResponse response;
  if (const Status status = infer(context, message, *response.mutable_infer_response()); !status.ok()) {
    context.work.scored = false;
    response.clear_infer_response();
    // tritonclient takes the request's id from the answer of a refused request, too
    assign(response.mutable_infer_response()->mutable_id(), context.work.request_id);
    assign(response.mutable_error_message(), status.error().message());
  }
  return write_message(response, reply);
}

// ---- what is served

Status server_live(CallContext&, std::string_view, std::string& reply) {
  wire::ServerLiveResponse response;
  response.set_live(true);
  return write_message(response, reply);
}

Status server_ready(CallContext& context, std::string_view, std::string& reply) {
  wire::ServerReadyResponse response;
  response.set_ready(context.ready && !context.models.all().empty());
  return write_message(response, reply);
}

// The request's model; it has a name and a version.
template <class Request>
Result<std::shared_ptr<const ServedModel>> named_model(CallContext& context, std::string_view message) {
  Request request;
  SLIPWAY_CHECK(read_message(message, request));
  return context.models.find(request.name(), request.version());
}

Status model_ready(CallContext& context, std::string_view message, std::string& reply) {
  const auto model = named_model<wire::ModelReadyRequest>(context, message);
  if (!model.ok() && model.error().code() != ErrorCode::not_found) return model.error();
  wire::ModelReadyResponse response;
  response.set_ready(model.ok() && context.ready);
  return write_message(response, reply);
}

Status server_metadata(CallContext& context, std::string_view, std::string& reply) {
  wire::ServerMetadataResponse response;
  response.set_name("slipway");
  assign(response.mutable_version(), context.product_version);
  for (const std::string_view extension : v2_extensions) assign(response.add_extensions(), extension);
  return write_message(response, reply);
}

Status model_metadata(CallContext& context, std::string_view message, std::string& reply) {
  SLIPWAY_TRY(const auto model, named_model<wire::ModelMetadataRequest>(context, message));
  wire::ModelMetadataResponse response;
  assign(response.mutable_name(), model->name());
  for (const std::string& version : context.models.versions(model->name())) assign(response.add_versions(), version);
  response.set_platform("slipway");
  const auto add = [](wire::ModelMetadataResponse::TensorMetadata& tensor, const V2Tensor& described) {
    assign(tensor.mutable_name(), described.name);
    assign(tensor.mutable_datatype(), described.datatype);
    for (const std::int64_t size : described.shape) tensor.add_shape(size);
  };
  for (const V2Tensor& tensor : v2_inputs(*model)) add(*response.add_inputs(), tensor);
  for (const V2Tensor& tensor : v2_outputs(*model)) add(*response.add_outputs(), tensor);
  return write_message(response, reply);
}

Status model_config(CallContext& context, std::string_view message, std::string& reply) {
  SLIPWAY_TRY(const auto model, named_model<wire::ModelConfigRequest>(context, message));
  wire::ModelConfigResponse response;
  wire::ModelConfig& config = *response.mutable_config();
  assign(config.mutable_name(), model->name());
  config.set_platform("slipway");
  config.set_backend("slipway");
  config.set_default_model_filename("model.onnx");
  config.mutable_version_policy()->mutable_latest()->set_num_versions(1);
  const auto set = [](auto& tensor, const V2Tensor& described) {
    assign(tensor.mutable_name(), described.name);
    tensor.set_data_type(static_cast<wire::DataType>(triton_type(described.datatype).number));
    for (const std::int64_t size : described.shape) tensor.add_dims(size);
  };
  for (const V2Tensor& tensor : v2_inputs(*model)) set(*config.add_input(), tensor);
  for (const V2Tensor& tensor : v2_outputs(*model)) set(*config.add_output(), tensor);
  return write_message(response, reply);
}

Status model_statistics(CallContext& context, std::string_view message, std::string& reply) {
  wire::ModelStatisticsRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  SLIPWAY_TRY(const auto models, v2_statistics_of(context.models, request.name(), request.version()));
  wire::ModelStatisticsResponse response;
  for (const auto& model : models) {
    const ModelStatistics statistics = model->metrics().statistics();
    wire::ModelStatistics& one = *response.add_model_stats();
    assign(one.mutable_name(), model->name());
    assign(one.mutable_version(), model->version());
    one.set_last_inference(statistics.last_milliseconds);
    one.set_inference_count(statistics.rows);
    one.set_execution_count(statistics.success.count);
    wire::InferStatistics& all = *one.mutable_inference_stats();
    const auto set = [](wire::StatisticDuration& duration, const ModelStatistics::Duration& value) {
      duration.set_count(value.count);
      duration.set_ns(value.nanoseconds);
    };
    set(*all.mutable_success(), statistics.success);
    set(*all.mutable_fail(), statistics.fail);
    set(*all.mutable_queue(), {statistics.success.count, 0});
    set(*all.mutable_compute_input(), statistics.input);
    set(*all.mutable_compute_infer(), statistics.infer);
    set(*all.mutable_compute_output(), statistics.output);
    set(*all.mutable_cache_hit(), {});
    set(*all.mutable_cache_miss(), {});
  }
  return write_message(response, reply);
}

// ---- the repository

Status repository_index(CallContext& context, std::string_view message, std::string& reply) {
  wire::RepositoryIndexRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  wire::RepositoryIndexResponse response;
  for (const ModelState& state : context.models.index()) {
    if (request.ready() && state.state != "READY") continue;
    wire::RepositoryIndexResponse::ModelIndex& one = *response.add_models();
    assign(one.mutable_name(), state.name);
    assign(one.mutable_version(), state.version);
    assign(one.mutable_state(), state.state);
    assign(one.mutable_reason(), state.reason);
  }
  return write_message(response, reply);
}

Status repository_load(CallContext& context, std::string_view message, std::string&) {
  wire::RepositoryModelLoadRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  return context.models.load(request.model_name());
}

Status repository_unload(CallContext& context, std::string_view message, std::string&) {
  wire::RepositoryModelUnloadRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  return context.models.unload(request.model_name());
}

#define SLIPWAY_V2(name) "/inference.GRPCInferenceService/" name
constexpr CallMethod methods[] = {
    {.path = SLIPWAY_V2("ModelInfer"), .route = Route::v2_infer, .handler = model_infer, .scores = true},
    {.path = SLIPWAY_V2("ModelStreamInfer"),
     .route = Route::v2_infer,
     .handler = model_stream_infer,
     .scores = true,
     .stream = true},
    {.path = SLIPWAY_V2("ServerLive"), .route = Route::health, .handler = server_live, .open = true},
    {.path = SLIPWAY_V2("ServerReady"), .route = Route::health, .handler = server_ready, .open = true},
    {.path = SLIPWAY_V2("ModelReady"), .route = Route::health, .handler = model_ready},
    {.path = SLIPWAY_V2("ServerMetadata"), .route = Route::metadata, .handler = server_metadata},
    {.path = SLIPWAY_V2("ModelMetadata"), .route = Route::metadata, .handler = model_metadata},
    {.path = SLIPWAY_V2("ModelConfig"), .route = Route::metadata, .handler = model_config},
    {.path = SLIPWAY_V2("ModelStatistics"), .route = Route::metadata, .handler = model_statistics},
    {.path = SLIPWAY_V2("RepositoryIndex"), .route = Route::repository, .handler = repository_index},
    {.path = SLIPWAY_V2("RepositoryModelLoad"),
     .route = Route::repository,
     .handler = repository_load,
     .admin = true,
     .loads = true},
    {.path = SLIPWAY_V2("RepositoryModelUnload"),
     .route = Route::repository,
     .handler = repository_unload,
     .admin = true,
     .loads = true},
};
#undef SLIPWAY_V2

}  // namespace

std::span<const CallMethod> inference_methods() { return methods; }

}  // namespace slipway::serving
