#include "calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/serving/service.hpp>

#include "../test_model.hpp"
#include "health.pb.h"
#include "inference.pb.h"
#include "reflection.pb.h"
#include "tensorflow_serving.pb.h"

namespace slipway::serving {
namespace {

namespace v2 = slipway::wire::inference;
namespace tf = slipway::wire::tensorflow;
namespace tfs = slipway::wire::tensorflow::serving;
namespace health = slipway::wire::grpc::health::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CallsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    models_ = ModelRepository::empty();
    ASSERT_TRUE(models_->add(fraud_model(), "3", "digest3").ok());
    ASSERT_TRUE(models_->add(kind_model(), "1", "digest1").ok());
    service_ = std::make_unique<Service>(
        ServiceOptions{.models = models_, .journal = nullptr, .product_version = "1", .open_administration = true});
  }
  Reply send(const std::string& method, const std::string& bytes) { return service_->call(Call{method, bytes, {}}); }
  template <class Answer, class Question>
  Answer ask(const std::string& method, const Question& question, int code = 0) {
    const Reply reply = send(method, question.SerializeAsString());
    EXPECT_EQ(reply.code, code) << reply.error;
    Answer answer;
    EXPECT_TRUE(answer.ParseFromString(reply.message));
    return answer;
  }
  template <class Question>
  std::string refusal(const std::string& method, const Question& question, int code) {
    const Reply reply = send(method, question.SerializeAsString());
    EXPECT_EQ(reply.code, code) << reply.error;
    return reply.error;
  }

  std::shared_ptr<ModelRepository> models_;
  std::unique_ptr<Service> service_;
};

const std::string infer = "/inference.GRPCInferenceService/ModelInfer";

v2::ModelInferRequest::InferInputTensor& add_input(v2::ModelInferRequest& request, const char* name,
                                                   const char* datatype, std::int64_t rows) {
  v2::ModelInferRequest::InferInputTensor& tensor = *request.add_inputs();
  tensor.set_name(name);
  tensor.set_datatype(datatype);
  tensor.add_shape(rows);
  return tensor;
}

// The rows that score 0.6 and 0.1 by hand, see test_model.hpp.
v2::ModelInferRequest two_rows() {
  v2::ModelInferRequest request;
  request.set_model_name("fraud");
  request.set_id("i-7");
  v2::InferTensorContents& amount = *add_input(request, "amount", "FP64", 2).mutable_contents();
  amount.add_fp64_contents(200);
  amount.add_fp64_contents(50);
  v2::InferTensorContents& count = *add_input(request, "count", "INT32", 2).mutable_contents();
  count.add_int_contents(1);
  count.add_int_contents(2);
  v2::InferTensorContents& state = *add_input(request, "state", "BYTES", 2).mutable_contents();
  state.add_bytes_contents("NY");
  state.add_bytes_contents("CA");
  v2::InferTensorContents& when = *add_input(request, "when", "BYTES", 2).mutable_contents();
  when.add_bytes_contents("2026-11-24T12:00:00Z");
  when.add_bytes_contents("");
  return request;
}

TEST_F(CallsTest, TypedInputsGetTypedOutputs) {
  const auto answer = ask<v2::ModelInferResponse>(infer, two_rows());
  EXPECT_EQ(answer.model_name(), "fraud");
  EXPECT_EQ(answer.model_version(), "3");
  EXPECT_EQ(answer.id(), "i-7");
  ASSERT_EQ(answer.outputs_size(), 3);
  EXPECT_EQ(answer.raw_output_contents_size(), 0);
  EXPECT_EQ(answer.outputs(0).name(), "score");
  EXPECT_THAT(answer.outputs(0).contents().fp32_contents(), ElementsAre(0.6F, 0.1F));
  EXPECT_THAT(answer.outputs(1).shape(), ElementsAre(2, 2));
  EXPECT_THAT(answer.outputs(2).contents().bytes_contents(), ElementsAre("1", "0"));
}

TEST_F(CallsTest, RawInputsGetRawOutputs) {
  v2::ModelInferRequest request;
  request.set_model_name("kind");
  add_input(request, "x", "FP32", 1);
  request.add_raw_input_contents(std::string("\0\0\x80\x3f", 4));  // 1.0
  v2::ModelInferRequest::InferRequestedOutputTensor& label = *request.add_outputs();
  label.set_name("label");
  const auto answer = ask<v2::ModelInferResponse>(infer, request);
  ASSERT_EQ(answer.raw_output_contents_size(), 1);
  EXPECT_EQ(answer.raw_output_contents(0), std::string("\x01\0\0\0c", 5));
  EXPECT_FALSE(answer.outputs(0).has_contents());
  // The answer's bytes: model_name, model_version, one output of shape [1], one raw content.
  EXPECT_EQ(send(infer, request.SerializeAsString()).message,
            std::string("\x0a\x04kind\x12\x01\x31\x2a\x11\x0a\x05label\x12\x05"
                        "BYTES\x1a\x01\x01\x32\x05\x01\0\0\0c",
                        35));
  request.clear_outputs();
  v2::ModelInferRequest::InferRequestedOutputTensor& classes = *request.add_outputs();
  classes.set_name("probabilities");
  auto& top = *classes.add_parameters();
  top.set_key("classification");
  top.mutable_value()->set_int64_param(2);
  const auto ranked = ask<v2::ModelInferResponse>(infer, request);
  EXPECT_THAT(ranked.outputs(0).shape(), ElementsAre(1, 2));
  EXPECT_THAT(ranked.raw_output_contents(0), HasSubstr(":2:c"));
}

TEST_F(CallsTest, InferErrorsHaveCodes) {
  auto request = two_rows();
  request.set_model_name("frau");
  EXPECT_THAT(refusal(infer, request, 5), HasSubstr("Request for unknown model: 'frau' is not found"));
  request = two_rows();
  request.mutable_inputs(0)->mutable_contents()->add_fp64_contents(1);
  EXPECT_THAT(refusal(infer, request, 3), HasSubstr("'amount': its shape says 2 values, its contents have 3"));
  request = two_rows();
  request.add_raw_input_contents("x");
  EXPECT_THAT(refusal(infer, request, 3), HasSubstr("raw_input_contents"));
  request = two_rows();
  request.mutable_inputs(2)->mutable_contents()->set_bytes_contents(0, "\xff");
  EXPECT_THAT(refusal(infer, request, 3), HasSubstr("UTF-8"));
  request = two_rows();
  request.clear_inputs();
  EXPECT_THAT(refusal(infer, request, 3), HasSubstr("'inputs' is empty"));
  EXPECT_EQ(send(infer, "\xff\xff\xff").code, 3);
  EXPECT_EQ(send("/inference.GRPCInferenceService/Nothing", "").code, 12);
  // Of a stream, an error is a message.
  request = two_rows();
  request.set_model_name("frau");
  const auto streamed = ask<v2::ModelStreamInferResponse>("/inference.GRPCInferenceService/ModelStreamInfer", request);
  EXPECT_THAT(streamed.error_message(), HasSubstr("unknown model"));
}

TEST_F(CallsTest, DescribesAndChangesTheRepository) {
  const std::string service = "/inference.GRPCInferenceService/";
  const auto named = [](auto request) {
    request.set_name("fraud");
    return request;
  };
  EXPECT_TRUE(ask<v2::ServerLiveResponse>(service + "ServerLive", v2::ServerLiveRequest()).live());
  EXPECT_TRUE(ask<v2::ServerReadyResponse>(service + "ServerReady", v2::ServerReadyRequest()).ready());
  EXPECT_TRUE(ask<v2::ModelReadyResponse>(service + "ModelReady", named(v2::ModelReadyRequest())).ready());
  const auto metadata = ask<v2::ModelMetadataResponse>(service + "ModelMetadata", named(v2::ModelMetadataRequest()));
  EXPECT_THAT(metadata.versions(), ElementsAre("3"));
  EXPECT_EQ(metadata.inputs(2).datatype(), "BYTES");
  const auto config = ask<v2::ModelConfigResponse>(service + "ModelConfig", named(v2::ModelConfigRequest())).config();
  EXPECT_EQ(config.input(0).data_type(), 11);
  EXPECT_EQ(config.input(2).data_type(), 13);
  ask<v2::ModelInferResponse>(infer, two_rows());
  refusal(infer, v2::ModelInferRequest(), 5);
  const auto statistics =
      ask<v2::ModelStatisticsResponse>(service + "ModelStatistics", named(v2::ModelStatisticsRequest())).model_stats(0);
  EXPECT_EQ(statistics.inference_count(), 2u);
  EXPECT_EQ(statistics.execution_count(), 1u);
  EXPECT_GT(statistics.inference_stats().success().ns(), 0u);
  v2::RepositoryModelUnloadRequest kind;
  kind.set_model_name("kind");
  EXPECT_EQ(send(service + "RepositoryModelUnload", kind.SerializeAsString()).code, 0);
  const auto index = ask<v2::RepositoryIndexResponse>(service + "RepositoryIndex", v2::RepositoryIndexRequest());
  ASSERT_EQ(index.models_size(), 1);
  EXPECT_EQ(index.models(0).name(), "fraud");
  EXPECT_EQ(index.models(0).state(), "READY");
  const std::string check = "/grpc.health.v1.Health/Check";
  health::HealthCheckRequest request;
  EXPECT_EQ(ask<health::HealthCheckResponse>(check, request).status(), 1);
  request.set_service("inference.GRPCInferenceService");
  EXPECT_EQ(ask<health::HealthCheckResponse>(check, request).status(), 1);
  request.set_service("nobody");
  refusal(check, request, 5);
}

TEST_F(CallsTest, WatchersAreToldWhatChanges) {
  const std::string watch = "/grpc.health.v1.Health/Watch";
  int told = 0;
  service_->on_change([&] { ++told; });
  health::HealthCheckRequest whole, kind;
  kind.set_service("kind");
  const auto look = [&](const health::HealthCheckRequest& request) {
    const std::string bytes = request.SerializeAsString();
    health::HealthCheckResponse answer;
    EXPECT_TRUE(answer.ParseFromString(service_->look(Call{watch, bytes, {}}).message));
    return answer.status();
  };
  EXPECT_EQ(ask<health::HealthCheckResponse>(watch, kind).status(), 1);
  ASSERT_TRUE(models_->unload("kind").ok());
  EXPECT_EQ(told, 1);
  EXPECT_EQ(look(kind), 3);
  EXPECT_EQ(look(whole), 1);
  service_->set_ready(false);
  EXPECT_EQ(told, 2);
  EXPECT_EQ(look(whole), 2);
  service_->on_change({});
  service_->set_ready(true);
  EXPECT_EQ(told, 2);
}

TEST_F(CallsTest, ReflectionDescribesEveryMethod) {
  namespace reflection = slipway::wire::grpc::reflection::v1;
  const std::string path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  reflection::ServerReflectionRequest request;
  request.set_list_services("");
  const auto list = ask<reflection::ServerReflectionResponse>(path, request).list_services_response();
  EXPECT_EQ(list.service_size(), 6);
  for (const CallMethod& method : call_methods()) {
    std::string symbol(method.path.substr(1));
    symbol[symbol.find('/')] = '.';
    request.set_file_containing_symbol(symbol);
    const auto answer = ask<reflection::ServerReflectionResponse>(path, request);
    EXPECT_GT(answer.file_descriptor_response().file_descriptor_proto_size(), 0) << symbol;
  }
  request.set_file_containing_symbol("no.Such");
  EXPECT_EQ(ask<reflection::ServerReflectionResponse>(path, request).error_response().error_code(), 5);
  request.set_file_by_filename("tensorflow_serving.proto");  // and what it imports
  EXPECT_EQ(
      ask<reflection::ServerReflectionResponse>(path, request).file_descriptor_response().file_descriptor_proto_size(),
      5);
  request.set_all_extension_numbers_of_type("inference.ModelInferRequest");
  EXPECT_EQ(ask<reflection::ServerReflectionResponse>(path, request).all_extension_numbers_response().base_type_name(),
            "inference.ModelInferRequest");
  request.clear_message_request();
  EXPECT_EQ(ask<reflection::ServerReflectionResponse>(path, request).error_response().error_code(), 12);
}

const std::string prediction = "/tensorflow.serving.PredictionService/";

tf::TensorProto& add_tensor(tfs::PredictRequest& request, const char* name, tf::DataType dtype, std::int64_t rows) {
  auto& entry = *request.add_inputs();
  entry.set_key(name);
  entry.mutable_value()->set_dtype(dtype);
  entry.mutable_value()->mutable_tensor_shape()->add_dim()->set_size(rows);
  return *entry.mutable_value();
}

TEST_F(CallsTest, PredictsForTensorFlow) {
  tfs::PredictRequest request;
  request.mutable_model_spec()->set_name("fraud");
  add_tensor(request, "amount", tf::DT_FLOAT, 2)
      .set_tensor_content(std::string("\0\0\x48\x43\0\0\x48\x42", 8));  // 200, 50
  add_tensor(request, "count", tf::DT_INT64, 2).add_int64_val(1);       // both rows
  tf::TensorProto& state = add_tensor(request, "state", tf::DT_STRING, 2);
  state.add_string_val("NY");
  state.add_string_val("CA");
  const auto answer = ask<tfs::PredictResponse>(prediction + "Predict", request);
  EXPECT_EQ(answer.model_spec().version().value(), 3);
  ASSERT_EQ(answer.outputs_size(), 2);
  EXPECT_EQ(answer.outputs(0).key(), "score");
  EXPECT_THAT(answer.outputs(0).value().float_val(), ElementsAre(0.6F, 0.1F));
  EXPECT_THAT(answer.outputs(1).value().string_val(), ElementsAre("1", "0"));
  request.add_output_filter("label");
  EXPECT_EQ(ask<tfs::PredictResponse>(prediction + "Predict", request).outputs_size(), 1);
  request.add_output_filter("lable");
  EXPECT_THAT(refusal(prediction + "Predict", request, 3), HasSubstr("did you mean 'label'?"));
  request.clear_output_filter();
  request.mutable_model_spec()->set_version_label("stable");
  EXPECT_THAT(refusal(prediction + "Predict", request, 3), HasSubstr("Unrecognized servable version label: stable"));
  request.mutable_model_spec()->clear_version_label();
  request.mutable_model_spec()->mutable_version()->set_value(9);
  EXPECT_THAT(refusal(prediction + "Predict", request, 5),
              HasSubstr("Servable not found for request: Specific(fraud, 9)"));
}

TEST_F(CallsTest, ClassifiesAndRegressesExamples) {
  tfs::ClassificationRequest request;  // a RegressionRequest has the same bytes
  request.mutable_model_spec()->set_name("fraud");
  auto& list = *request.mutable_input()->mutable_example_list_with_context();
  const auto set = [](tf::Example& example, const char* name) -> tf::Feature& {
    auto& entry = *example.mutable_features()->add_feature();
    entry.set_key(name);
    return *entry.mutable_value();
  };
  set(*list.mutable_context(), "count").mutable_int64_list()->add_value(1);
  tf::Example& example = *list.add_examples();
  set(example, "amount").mutable_float_list()->add_value(200);
  set(example, "state").mutable_bytes_list()->add_value("NY");
  const auto classes = ask<tfs::ClassificationResponse>(prediction + "Classify", request).result().classifications(0);
  ASSERT_EQ(classes.classes_size(), 2);
  EXPECT_EQ(classes.classes(1).label(), "1");
  EXPECT_EQ(classes.classes(1).score(), 0.6F);
  EXPECT_EQ(ask<tfs::RegressionResponse>(prediction + "Regress", request).result().regressions(0).value(), 0.6F);
  set(example, "amonut").mutable_float_list()->add_value(1);
  EXPECT_THAT(refusal(prediction + "Classify", request, 3), HasSubstr("did you mean 'amount'?"));
  request.mutable_model_spec()->set_name("kind");
  EXPECT_THAT(refusal(prediction + "Regress", request, 3), HasSubstr("several classes"));
}

TEST_F(CallsTest, DescribesModelsForTensorFlow) {
  tfs::GetModelMetadataRequest request;
  request.mutable_model_spec()->set_name("kind");
  EXPECT_THAT(refusal(prediction + "GetModelMetadata", request, 3), HasSubstr("at least one metadata_field"));
  request.add_metadata_field("signature_def");
  const auto answer = ask<tfs::GetModelMetadataResponse>(prediction + "GetModelMetadata", request);
  tfs::SignatureDefMap map;
  ASSERT_TRUE(map.ParseFromString(answer.metadata(0).value().value()));
  EXPECT_EQ(map.signature_def(0).value().outputs(0).value().tensor_shape().dim(1).size(), 3);
  tfs::GetModelStatusRequest status;
  status.mutable_model_spec()->set_name("kind");
  const auto states = ask<tfs::GetModelStatusResponse>("/tensorflow.serving.ModelService/GetModelStatus", status);
  EXPECT_EQ(states.model_version_status(0).state(), 30);
  status.mutable_model_spec()->set_name("nothing");
  EXPECT_THAT(refusal("/tensorflow.serving.ModelService/GetModelStatus", status, 5),
              HasSubstr("Could not find any versions of model nothing"));
  // Models that are made in memory have no registry to choose from.
  const std::string reload = "/tensorflow.serving.ModelService/HandleReloadConfigRequest";
  tfs::ReloadConfigRequest configuration;
  EXPECT_THAT(refusal(reload, configuration, 3), HasSubstr("Only ModelConfigList is currently supported"));
  configuration.mutable_config()->mutable_model_config_list()->add_config()->set_name("kind");
  EXPECT_THAT(refusal(reload, configuration, 9), HasSubstr("no registry"));
  configuration.mutable_config()->mutable_model_config_list()->mutable_config(0)->clear_name();
  EXPECT_THAT(refusal(reload, configuration, 3), HasSubstr("has no name"));
}

}  // namespace
}  // namespace slipway::serving
