// The protocols over HTTP: answers to the byte, and what they say to wrong requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/serving/service.hpp>

#include "encoding.hpp"
#include "test_model.hpp"

namespace slipway::serving {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class ProtocolsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    models_ = ModelRepository::empty();
    ASSERT_TRUE(models_->add(kind_model(), "1", "digest1").ok());
    ASSERT_TRUE(models_->add(fraud_model(), "3", "digest3", {"transaction_id"}).ok());
    ASSERT_TRUE(models_->add(price_model(), "2", "digest2").ok());
    service_ = std::make_unique<Service>(
        ServiceOptions{.models = models_, .journal = nullptr, .product_version = "1", .open_administration = true});
  }
  Response send(std::string_view method, std::string_view target, std::string_view body = "",
                std::vector<Header> headers = {}) {
    return service_->handle(Request{method, target, headers, body});
  }
  std::string body(std::string_view method, std::string_view target, std::string_view request = "", int status = 200) {
    const Response response = send(method, target, request);
    EXPECT_EQ(response.status, status) << response.body;
    return response.body;
  }
  std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return {};
  }

  std::shared_ptr<ModelRepository> models_;
  std::unique_ptr<Service> service_;
};

TEST_F(ProtocolsTest, AnswersToTheByte) {
  EXPECT_EQ(body("GET", "/v2"),
            R"({"name":"slipway","version":"1","extensions":["binary_tensor_data","classification","model_repository",)"
            R"("statistics","model_configuration"]})");
  EXPECT_EQ(
      body("GET", "/v2/models/kind"),
      R"({"name":"kind","versions":["1"],"platform":"slipway","inputs":[{"name":"x","datatype":"FP32","shape":[-1]}],)"
      R"("outputs":[{"name":"score","datatype":"FP32","shape":[-1,3]},)"
      R"({"name":"probabilities","datatype":"FP32","shape":[-1,3]},{"name":"label","datatype":"BYTES","shape":[-1]}]})");
  EXPECT_EQ(body("GET", "/v2/models/kind/config"),
            R"({"name":"kind","platform":"slipway","backend":"slipway","version_policy":{"latest":{"num_versions":1}},)"
            R"("max_batch_size":0,"input":[{"name":"x","data_type":"TYPE_FP32","dims":[-1]}],)"
            R"("output":[{"name":"score","data_type":"TYPE_FP32","dims":[-1,3]},)"
            R"({"name":"probabilities","data_type":"TYPE_FP32","dims":[-1,3]},)"
            R"({"name":"label","data_type":"TYPE_STRING","dims":[-1]}],"default_model_filename":"model.onnx"})");
  EXPECT_EQ(body("POST", "/v2/repository/index"), R"([{"name":"fraud","version":"3","state":"READY","reason":""},)"
                                                  R"({"name":"kind","version":"1","state":"READY","reason":""},)"
                                                  R"({"name":"price","version":"2","state":"READY","reason":""}])");
  EXPECT_EQ(body("POST", "/v2/models/price/infer",
                 R"({"id":"a","inputs":[{"name":"x","shape":[2],"datatype":"FP32","data":[1,2.5]}]})"),
            R"({"model_name":"price","model_version":"2","id":"a","outputs":[)"
            R"({"name":"score","datatype":"FP32","shape":[2],"data":[3,6]}]})");
  EXPECT_EQ(
      body("GET", "/v1/models/price"),
      R"({"model_version_status":[{"version":"2","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]})");
  EXPECT_EQ(
      body("GET", "/v1/models/price/versions/2/metadata"),
      R"({"model_spec":{"name":"price","signature_name":"","version":"2"},"metadata":{"signature_def":{"signature_def":)"
      R"({"serving_default":{"inputs":{"x":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""}],)"
      R"("unknown_rank":false},"name":"x"}},"outputs":{"score":{"dtype":"DT_FLOAT","tensor_shape":{"dim":)"
      R"([{"size":"-1","name":""}],"unknown_rank":false},"name":"score"}},"method_name":"tensorflow/serving/predict"}}}}})");
  EXPECT_EQ(body("POST", "/v1/models/price:predict", R"({"instances":[1,{"x":2.5}]})"),
            R"({"predictions":[{"score":3},{"score":6}]})");
  EXPECT_EQ(body("POST", "/v1/models/price:regress", R"({"examples":[{"x":1},{"x":[2.5]}]})"), R"({"results":[3,6]})");
  EXPECT_EQ(body("POST", "/v1/models/fraud/labels/champion:classify",
                 R"({"context":{"count":1,"state":"CA"},"examples":[{"amount":50},{"amount":200,"state":"NY"}]})"),
            R"({"results":[[["0",0.9],["1",0.1]],[["0",0.39999998],["1",0.6]]]})");
  EXPECT_EQ(body("POST", "/invocations?model=price", R"({"inputs":{"x":[1]}})"), R"({"predictions":[{"score":3}]})");
}

TEST_F(ProtocolsTest, StatisticsCountRequestsAndRows) {
  body("POST", "/v1/models/price:predict", R"({"instances":[1,2,3]})");
  body("POST", "/v1/models/price:predict", R"({"instances":["x"]})", 400);
  const Json all = Json::parse(body("GET", "/v2/models/price/stats"))["model_stats"];
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0]["inference_count"], 3);
  EXPECT_EQ(all[0]["execution_count"], 1);
  EXPECT_EQ(all[0]["inference_stats"]["fail"]["count"], 1);
  EXPECT_GT(all[0]["last_inference"], 1'700'000'000'000);
  EXPECT_EQ(Json::parse(body("GET", "/v2/models/stats"))["model_stats"].size(), 3u);
  body("GET", "/v2/models/nothing/stats", "", 404);
  const std::string metrics = body("GET", "/monitoring/prometheus/metrics");
  EXPECT_THAT(metrics, HasSubstr("nv_inference_count{model=\"price\",version=\"2\"} 3\n"));
  EXPECT_THAT(metrics, HasSubstr(":tensorflow:serving:request_count{model_name=\"price\",status=\"OK\"} 1\n"));
}

TEST_F(ProtocolsTest, TensorFlowErrors) {
  EXPECT_THAT(body("POST", "/v1/models/nothing:predict", "{}", 404),
              HasSubstr("Servable not found for request: Latest(nothing)"));
  EXPECT_THAT(body("GET", "/v1/models/nothing", "", 404), HasSubstr("Could not find any versions of model nothing"));
  EXPECT_THAT(body("POST", "/v1/models/fraud/labels/blue:predict", "{}", 400),
              HasSubstr("Unrecognized servable version label: blue"));
  EXPECT_THAT(body("POST", "/v1/models/price:predict", "{}", 400), HasSubstr("Missing 'inputs' or 'instances' key"));
  EXPECT_THAT(body("POST", "/v1/models/price:classify", R"({"examples":[{"x":1}]})", 400), HasSubstr("no classes"));
  EXPECT_THAT(body("POST", "/v1/models/kind:regress", R"({"examples":[{"x":1}]})", 400), HasSubstr("several classes"));
  EXPECT_THAT(body("POST", "/v1/models/kind:classify", R"({"examples":[]})", 400), HasSubstr("'examples' is empty"));
  EXPECT_THAT(body("POST", "/v1/models/kind:classify", R"({"signature_name":"x","examples":[{"x":1}]})", 400),
              HasSubstr("signature_name"));
  body("POST", "/v1/models/kind:explode", "{}", 404);
}

TEST_F(ProtocolsTest, TextMayComeInBase64) {
  EXPECT_EQ(
      body("POST", "/v1/models/fraud:predict", R"({"instances":[{"count":1,"amount":200,"state":{"b64":"Tlk="}}]})"),
      body("POST", "/v1/models/fraud:predict", R"({"instances":[{"count":1,"amount":200,"state":"NY"}]})"));
  EXPECT_THAT(body("POST", "/v1/models/fraud:predict", R"({"instances":[{"count":1,"state":{"b64":"?"}}]})", 400),
              HasSubstr("base64"));
}

TEST_F(ProtocolsTest, InvocationsTakeCsv) {
  const std::vector<Header> csv = {{"Content-Type", "text/csv; charset=utf-8"}};
  const Response two = send("POST", "/invocations?model=fraud",
                            "count,state,amount,transaction_id\r\n1,NY,200,\"a,\"\"1\"\"\"\n\n1,\"CA\",,b\n", csv);
  EXPECT_EQ(two.body, R"({"predictions":[{"score":0.6,"label":"1"},{"score":0.1,"label":"0"}]})");
  const auto refused = [&](std::string_view text) {
    const Response response = send("POST", "/invocations?model=fraud", text, csv);
    EXPECT_EQ(response.status, 400);
    const Json json = Json::parse(response.body);
    EXPECT_EQ(json["error_code"], "BAD_REQUEST");
    EXPECT_EQ(json["error"], json["message"]);
    return json["message"].get<std::string>();
  };
  EXPECT_THAT(refused("count,amonut\n1,2\n"), HasSubstr("did you mean 'amount'?"));
  EXPECT_THAT(refused("count,amount\n1\n"), HasSubstr("record 2: expected 2 cells, got 1"));
  EXPECT_THAT(refused("count,amount\n1,much\n"), HasSubstr("row 0: field 'amount': expected a number"));
  EXPECT_THAT(refused("count,state\n1,\"NY\n"), HasSubstr("a quoted cell has no end"));
  EXPECT_THAT(refused(""), HasSubstr("header row"));
  const Response latin = send("POST", "/invocations", "x\n1\n", {{"Content-Type", "text/csv; charset=latin1"}});
  EXPECT_EQ(latin.status, 415);
  EXPECT_EQ(latin.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(send("POST", "/invocations", "x", {{"Content-Type", "application/xml"}}).status, 415);
  EXPECT_THAT(send("POST", "/invocations?model=price", R"({"inputs":[1],"signature_name":"x"})").body,
              HasSubstr("signature_name"));
}

TEST_F(ProtocolsTest, BodiesMayBePacked) {
  const std::string request = R"({"instances":[1,2]})";
  for (const Coding coding : {Coding::gzip, Coding::deflate}) {
    const std::string packed = encode_body(coding, request).value();
    EXPECT_EQ(send("POST", "/v1/models/price:predict", packed, {{"Content-Encoding", coding_name(coding)}}).body,
              R"({"predictions":[{"score":3},{"score":5}]})");
    const Response cut = send("POST", "/v1/models/price:predict", packed.substr(0, packed.size() - 3),
                              {{"Content-Encoding", coding_name(coding)}});
    EXPECT_EQ(cut.status, 400);
    EXPECT_THAT(cut.body, HasSubstr("cannot be unpacked"));
    // An answer is packed where the client takes it and it is worth it.
    std::string many = "{\"instances\":[0";
    for (int i = 1; i < 300; ++i) many += "," + std::to_string(i);
    many += "]}";
    const Response plain = send("POST", "/v1/models/price:predict", many);
    const Response small = send("POST", "/v1/models/price:predict", many, {{"Accept-Encoding", coding_name(coding)}});
    EXPECT_EQ(header(small, "Content-Encoding"), coding_name(coding));
    EXPECT_LT(small.body.size(), plain.body.size() / 3);
    bool fits = true;
    EXPECT_EQ(decode_body(coding, small.body, 1u << 20, fits).value(), plain.body);
  }
  EXPECT_EQ(send("POST", "/score", "x", {{"Content-Encoding", "br"}}).status, 415);
  // A small body that becomes a large one.
  const std::string bomb = encode_body(Coding::gzip, std::string(32u << 20, ' ')).value();
  EXPECT_EQ(send("POST", "/score", bomb, {{"Content-Encoding", "gzip"}}).status, 413);
  EXPECT_EQ(choose_coding("gzip;q=0, deflate;q=0.5"), Coding::deflate);
  EXPECT_EQ(choose_coding("br"), Coding::identity);
}

TEST_F(ProtocolsTest, TheOpenApiDocumentNamesEveryField) {
  const Json document = Json::parse(body("GET", "/openapi.json"));
  EXPECT_EQ(document["openapi"], "3.1.0");
  const Json& schema = document["components"]["schemas"]["fields-fraud"];
  EXPECT_EQ(schema["required"], Json({"count"}));
  EXPECT_EQ(schema["properties"]["channel"]["enum"], Json({"branch", "online", nullptr}));
  EXPECT_TRUE(schema["properties"].contains("transaction_id"));
  EXPECT_TRUE(document["paths"].contains("/v2/models/{name}/infer"));
}

TEST_F(ProtocolsTest, TraceContextGoesOn) {
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const std::string answered = header(send("GET", "/v2", "", {{"traceparent", parent}}), "traceresponse");
  EXPECT_EQ(answered.substr(0, 36), parent.substr(0, 36));
  EXPECT_NE(answered.substr(36, 16), parent.substr(36, 16));
  EXPECT_TRUE(answered.ends_with("-01"));
  const std::string fresh = header(send("GET", "/v2", "", {{"traceparent", "00-zz"}}), "traceresponse");
  EXPECT_EQ(fresh.size(), 55u);
}

TEST_F(ProtocolsTest, ModelsAreUnloadedAndListed) {
  EXPECT_EQ(body("POST", "/v2/repository/models/price/unload"), R"({"name":"price","unload":true})");
  body("POST", "/v2/models/price/infer", "{}", 404);
  body("POST", "/v2/repository/models/price/unload", "", 404);
  EXPECT_EQ(Json::parse(body("POST", "/v2/repository/index", R"({"ready":true})")).size(), 2u);
  const Json models = Json::parse(body("GET", "/admin/models"))["models"];
  EXPECT_EQ(models[0]["aliases"], Json({"champion"}));
  EXPECT_THAT(body("POST", "/admin/models/fraud/promote", R"({"version":3})", 409), HasSubstr("no registry"));
  service_ = std::make_unique<Service>(ServiceOptions{.models = models_});
  EXPECT_THAT(body("POST", "/v2/repository/models/kind/unload", "", 403), HasSubstr("--admin"));
}

TEST_F(ProtocolsTest, TrafficIsSharedOut) {
  ASSERT_TRUE(models_->add(fraud_model(model::OutOfRange::pass, 0.2F), "4", "digest4").ok());
  ASSERT_TRUE(models_->add(fraud_model(), "3", "digest3", {"transaction_id"}).ok());  // the default again
  EXPECT_THAT(body("POST", "/admin/models/fraud/traffic", R"({"canary":{"version":"5","share":0.5}})", 404),
              HasSubstr("no version or alias '5'"));
  EXPECT_THAT(body("POST", "/admin/models/fraud/traffic", R"({"canary":{"version":"4","share":2}})", 400),
              HasSubstr("from 0 to 1"));
  body("POST", "/admin/models/fraud/traffic",
       R"({"canary":{"version":"4","share":0.25,"key":"transaction_id"},"shadow":"4"})");
  const auto version_of = [&](int id) {
    return Json::parse(body("POST", "/score?model=fraud",
                            R"({"count":1,"state":"CA","transaction_id":")" + std::to_string(id) + "\"}"))["version"]
        .get<std::string>();
  };
  int canaries = 0;
  for (int id = 0; id < 400; ++id) {
    const std::string version = version_of(id);
    canaries += version == "4" ? 1 : 0;
    if (id < 20) {
      EXPECT_EQ(version_of(id), version);  // sticky
    }
  }
  EXPECT_GT(canaries, 60);
  EXPECT_LT(canaries, 140);
  // A request that names its version gets it.
  EXPECT_THAT(body("POST", "/score?model=fraud&version=3", R"({"count":1,"transaction_id":"1"})"),
              HasSubstr("\"version\":\"3\""));
  const std::string metrics = body("GET", "/metrics");
  EXPECT_THAT(metrics, HasSubstr("slipway_shadow_rows_total{model=\"fraud\",version=\"4\"} 420\n"));
  EXPECT_THAT(metrics, HasSubstr("slipway_shadow_flips_total{model=\"fraud\",version=\"4\"} 0\n"));
  body("POST", "/admin/models/fraud/traffic", "{}");
  EXPECT_EQ(models_->traffic("fraud"), nullptr);
}

}  // namespace
}  // namespace slipway::serving
