#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/time.hpp>
#include <slipway/serving/service.hpp>

#include "test_model.hpp"

namespace slipway::serving {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class V2Test : public ::testing::Test {
 protected:
  void SetUp() override {
    models_ = ModelRepository::empty();
    ASSERT_TRUE(models_->add(fraud_model(), "3", "digest3").ok());
    service_ = std::make_unique<Service>(
        ServiceOptions{.models = models_, .product_version = "1", .open_administration = true});
  }
  Response send(std::string_view method, std::string_view target, std::string_view body = "",
                std::vector<Header> headers = {}) {
    return service_->handle(Request{method, target, headers, body});
  }
  Json infer(std::string_view body, std::string_view target = "/v2/models/fraud/infer") {
    const Response response = send("POST", target, body);
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body, nullptr, false);
  }
  std::string refusal(std::string_view body, int status = 400) {
    const Response response = send("POST", "/v2/models/fraud/infer", body);
    EXPECT_EQ(response.status, status) << response.body;
    const Json json = Json::parse(response.body, nullptr, false);
    return json.is_object() && json.contains("error") ? json["error"].get<std::string>() : "no error: " + response.body;
  }
  // The refusal of a request with these inputs beside a good `count`.
  std::string refused_input(const std::string& input) {
    return refusal(R"({"inputs":[{"name":"count","shape":[2],"datatype":"INT64","data":[1,2]},)" + input + "]}");
  }

  std::shared_ptr<ModelRepository> models_;
  std::unique_ptr<Service> service_;
};

constexpr std::string_view two_rows = R"({"id":"i-7","inputs":[
  {"name":"amount","shape":[2,1],"datatype":"FP64","data":[[200],[NaN]]},
  {"name":"count","shape":[2],"datatype":"INT32","data":[1,2]},
  {"name":"state","shape":[2],"datatype":"BYTES","data":["NY","CA"]},
  {"name":"when","shape":[2],"datatype":"BYTES","data":["2026-11-24T12:00:00Z",null]}])";

TEST_F(V2Test, InfersInJson) {
  const Json answer = infer(std::string(two_rows) + "}");
  EXPECT_EQ(answer["model_name"], "fraud");
  EXPECT_EQ(answer["model_version"], "3");
  EXPECT_EQ(answer["id"], "i-7");
  ASSERT_EQ(answer["outputs"].size(), 3u);
  EXPECT_EQ(answer["outputs"][0]["name"], "score");
  EXPECT_EQ(answer["outputs"][0]["datatype"], "FP32");
  EXPECT_EQ(answer["outputs"][0]["shape"].dump(), "[2]");
  EXPECT_EQ(answer["outputs"][0]["data"][0].get<float>(), 0.6F);
  EXPECT_EQ(answer["outputs"][0]["data"][1].get<float>(), 0.1F);
  EXPECT_EQ(answer["outputs"][1]["name"], "probabilities");
  EXPECT_EQ(answer["outputs"][1]["shape"].dump(), "[2,2]");
  EXPECT_EQ(answer["outputs"][1]["data"][1].get<float>(), 0.6F);
  EXPECT_EQ(answer["outputs"][2]["name"], "label");
  EXPECT_EQ(answer["outputs"][2]["data"].dump(), R"(["1","0"])");
  EXPECT_EQ(infer(std::string(two_rows) + "}", "/v2/models/fraud/versions/3/infer")["outputs"][0],
            answer["outputs"][0]);
}

TEST_F(V2Test, OutputsAreSelected) {
  const Json answer =
      infer(std::string(two_rows) + R"(,"outputs":[{"name":"label"},{"name":"reasons"}],"parameters":{"reasons":1}})");
  ASSERT_EQ(answer["outputs"].size(), 2u);
  EXPECT_EQ(answer["outputs"][0]["name"], "label");
  EXPECT_EQ(answer["outputs"][1]["datatype"], "BYTES");
  const Json reasons = Json::parse(answer["outputs"][1]["data"][0].get<std::string>());
  ASSERT_EQ(reasons.size(), 1u);
  EXPECT_EQ(reasons[0]["input"], "amount");
  EXPECT_EQ(infer(std::string(two_rows) + R"(,"parameters":{"reasons":2}})")["outputs"].size(), 4u);
  EXPECT_THAT(refusal(std::string(two_rows) + R"(,"outputs":[{"name":"scores"}]})"),
              HasSubstr("unknown output \"scores\" (did you mean 'score'?)"));
  EXPECT_THAT(refusal(std::string(two_rows) + R"(,"outputs":[{"name":"score"},{"name":"score"}]})"),
              HasSubstr("stands twice"));
  EXPECT_THAT(refusal(std::string(two_rows) + R"(,"outputs":[{}]})"), HasSubstr("an output has no 'name'"));
  EXPECT_THAT(refusal(std::string(two_rows) + R"(,"outputs":[{"name":"label","parameters":{"classification":2}}]})"),
              HasSubstr("classification"));
}

TEST_F(V2Test, ErrorsNameTheInput) {
  EXPECT_THAT(refused_input(R"({"name":"amonut","shape":[2],"datatype":"FP32","data":[1,2]})"),
              HasSubstr("unknown field \"amonut\" (did you mean 'amount'?)"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[3],"datatype":"FP32","data":[1,2,3]})"),
              HasSubstr("'amount' has 3 rows, those before it have 2"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"datatype":"FP32","data":[1]})"),
              HasSubstr("its shape says 2 values, its data have 1"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"datatype":"FP32","data":[1,2,3]})"),
              HasSubstr("its data have 3"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[1,2],"datatype":"FP32","data":[1,2]})"),
              HasSubstr("expected [n] or [n, 1], got [1, 2]"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2,1,1],"datatype":"FP32","data":[1,2]})"),
              HasSubstr("got [2, 1, 1]"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[-1],"datatype":"FP32","data":[1,2]})"), HasSubstr("got -1"));
  EXPECT_THAT(refused_input(R"({"name":"amount","datatype":"FP32","data":[1,2]})"), HasSubstr("shape"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"datatype":"FP16","data":[1,2]})"),
              HasSubstr("datatype \"FP16\" is not supported"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"data":[1,2]})"), HasSubstr("'datatype'"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"datatype":"FP32","data":[1,"x"]})"),
              HasSubstr("row 1: field 'amount': datatype FP32: expected a number, got \"x\""));
  EXPECT_THAT(refused_input(R"({"name":"state","shape":[2],"datatype":"BYTES","data":["NY",3]})"),
              HasSubstr("row 1: field 'state': datatype BYTES: expected a text, got 3"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"datatype":"BYTES","data":["1","2"]})"),
              HasSubstr("row 0: field 'amount': expected a number, got \"1\""));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"datatype":"FP32"})"), HasSubstr("has no 'data'"));
  EXPECT_THAT(refused_input(R"({"name":"amount","shape":[2],"datatype":"FP32","data":7})"),
              HasSubstr("data: expected a list, got a number"));
  EXPECT_THAT(refused_input(R"({"name":"count","shape":[2],"datatype":"FP32","data":[1,2]})"),
              HasSubstr("'count' stands twice"));
  EXPECT_THAT(refused_input(R"({"shape":[2]})"), HasSubstr("an input has no 'name'"));
  EXPECT_THAT(refusal(R"({"inputs":[]})"), HasSubstr("'inputs' is empty"));
  EXPECT_THAT(refusal("{}"), HasSubstr("'inputs'"));
  EXPECT_THAT(refusal("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(refusal(R"({"inputs":[{"name":"count","shape":[9000000000000000000],"datatype":"FP32","data":[]}]})"),
              HasSubstr("too many rows"));
  EXPECT_THAT(refusal(R"({"inputs":[{"name":"amount","shape":[1],"datatype":"FP32","data":[1]}]})"),
              HasSubstr("row 0: field 'count' is missing"));
  EXPECT_THAT(refusal(R"({"id":5,"inputs":[]})"), HasSubstr("'id': expected a text"));
  EXPECT_THAT(send("POST", "/v2/models/foo/infer", "{}").body,
              HasSubstr("Request for unknown model: 'foo' is not found"));
  EXPECT_EQ(send("POST", "/v2/models/fraud/versions/4/infer", "{}").status, 404);
}

TEST_F(V2Test, AMatrixOfAllInputsWhereAllAreNumbers) {
  ASSERT_TRUE(models_->add(price_model(), "1", "p").ok());
  EXPECT_EQ(infer(R"({"inputs":[{"name":"input","shape":[2,1],"datatype":"FP32","data":[1,2]}]})",
                  "/v2/models/price/infer")["outputs"][0]["data"]
                .dump(),
            "[3,5]");
  EXPECT_THAT(refusal(R"({"inputs":[{"name":"input","shape":[1,5],"datatype":"FP32","data":[1,2,3,4,5]}]})"),
              HasSubstr("unknown field \"input\""));
}

// Little-endian raw tensors behind the JSON.
template <class Number>
std::string raw(std::initializer_list<Number> values) {
  std::string bytes;
  for (const Number value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

TEST_F(V2Test, BinaryTensorsBothWays) {
  const std::string json =
      R"({"id":"b","parameters":{"binary_data_output":true},"outputs":[{"name":"score"},{"name":"label"},{"name":"probabilities","parameters":{"binary_data":false}}],"inputs":[
    {"name":"amount","shape":[2],"datatype":"FP32","parameters":{"binary_data_size":8}},
    {"name":"count","shape":[2],"datatype":"INT64","data":[1,2]},
    {"name":"state","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":12}},
    {"name":"when","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}}]})";
  const std::string tail = raw<float>({200, std::numeric_limits<float>::quiet_NaN()}) +
                           std::string("\x02\0\0\0NY\x02\0\0\0CA", 12) + raw<std::int64_t>({43200, missing_time});
  const std::string length = std::to_string(json.size());
  const Response response =
      send("POST", "/v2/models/fraud/infer", json + tail, {{"Inference-Header-Content-Length", length}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.content_type, "application/octet-stream");
  std::size_t json_size = 0;
  for (const auto& [name, value] : response.headers)
    if (name == "Inference-Header-Content-Length") json_size = std::stoul(value);
  ASSERT_GT(json_size, 0u);
  const Json answer = Json::parse(response.body.substr(0, json_size));
  EXPECT_EQ(answer["outputs"][0]["parameters"]["binary_data_size"], 8);
  EXPECT_FALSE(answer["outputs"][0].contains("data"));
  EXPECT_EQ(answer["outputs"][1]["parameters"]["binary_data_size"], 10);
  EXPECT_EQ(answer["outputs"][2]["data"].size(), 4u);
  EXPECT_EQ(response.body.substr(json_size), raw<float>({0.6F, 0.1F}) + std::string("\x01\0\0\0"
                                                                                    "1\x01\0\0\0"
                                                                                    "0",
                                                                                    10));

  const auto refused = [&](const std::string& body, const std::string& size) {
    const Response answered = send("POST", "/v2/models/fraud/infer", body, {{"Inference-Header-Content-Length", size}});
    EXPECT_EQ(answered.status, 400);
    return answered.body;
  };
  EXPECT_THAT(refused(json + tail + "x", length), HasSubstr("1 bytes of binary data belong to no input"));
  EXPECT_THAT(refused(json + tail.substr(0, tail.size() - 1), length), HasSubstr("goes beyond the end of the body"));
  EXPECT_THAT(refused(json + tail, "99999"), HasSubstr("expected a whole number up to the body's"));
  EXPECT_THAT(refused(json + tail, "-1"), HasSubstr("expected a whole number"));
  EXPECT_THAT(refused(json + tail, "0"), HasSubstr("a body without JSON is not supported"));
  std::string lying = tail;
  lying[8] = '\x7f';  // the first text says it is 127 bytes long
  EXPECT_THAT(refused(json + lying, length), HasSubstr("do not hold 2 elements of BYTES"));
  std::string broken = tail;
  broken[12] = '\xff';
  EXPECT_THAT(refused(json + broken, length), HasSubstr("element 0 is not UTF-8"));
  std::string short_json = json;
  short_json.replace(short_json.find("\"binary_data_size\":8"), 20, "\"binary_data_size\":4");
  EXPECT_THAT(refused(short_json + tail, length), HasSubstr("2 values of FP32 need 8 bytes"));
}

TEST_F(V2Test, EveryNumericDatatypeIsRead) {
  ASSERT_TRUE(models_->add(price_model(), "1", "p").ok());
  const auto price = [&](const char* datatype, const std::string& bytes) {
    const std::string json = std::string(R"({"inputs":[{"name":"x","shape":[1],"datatype":")") + datatype +
                             R"(","parameters":{"binary_data_size":)" + std::to_string(bytes.size()) + "}}]}";
    const std::string length = std::to_string(json.size());
    const Response response =
        send("POST", "/v2/models/price/infer", json + bytes, {{"Inference-Header-Content-Length", length}});
    return response.status == 200 ? Json::parse(response.body)["outputs"][0]["data"][0].get<double>()
                                  : -response.status;
  };
  EXPECT_EQ(price("BOOL", "\x01"), 3);
  EXPECT_EQ(price("INT8", "\xff"), -1);
  EXPECT_EQ(price("UINT8", "\xff"), 511);
  EXPECT_EQ(price("INT16", raw<std::int16_t>({-300})), -599);
  EXPECT_EQ(price("UINT16", raw<std::uint16_t>({65535})), 131071);
  EXPECT_EQ(price("INT32", raw<std::int32_t>({-70000})), -139999);
  EXPECT_EQ(price("UINT32", raw<std::uint32_t>({4'000'000'000u})), 8e9);
  EXPECT_EQ(price("INT64", raw<std::int64_t>({-5})), -9);
  EXPECT_EQ(static_cast<float>(price("UINT64", raw<std::uint64_t>({1ull << 63}))), 0x1p64F);
  EXPECT_EQ(price("FP32", raw<float>({0.25F})), 1.5);
  EXPECT_EQ(price("FP64", raw<double>({0.25})), 1.5);
  EXPECT_EQ(price("FP32", raw<float>({std::numeric_limits<float>::infinity()})), -400);
}

TEST_F(V2Test, MetadataHealthAndRepository) {
  const Json model = Json::parse(send("GET", "/v2/models/fraud").body);
  EXPECT_EQ(model["name"], "fraud");
  EXPECT_EQ(model["versions"].dump(), R"(["3"])");
  EXPECT_EQ(model["platform"], "slipway");
  ASSERT_EQ(model["inputs"].size(), 5u);
  EXPECT_EQ(model["inputs"][2].dump(), R"({"datatype":"BYTES","name":"state","shape":[-1]})");
  EXPECT_EQ(model["inputs"][0]["datatype"], "FP32");
  EXPECT_EQ(model["inputs"][4]["datatype"], "INT64");
  EXPECT_EQ(model["outputs"].size(), 4u);
  EXPECT_EQ(model, Json::parse(send("GET", "/v2/models/fraud/versions/3").body));
  EXPECT_EQ(Json::parse(send("GET", "/v2").body)["name"], "slipway");
  EXPECT_EQ(Json::parse(send("GET", "/v2/models/fraud/ready").body).dump(), R"({"name":"fraud","ready":true})");
  EXPECT_EQ(send("GET", "/v2/models/fraud/versions/4/ready").status, 404);
  EXPECT_EQ(Json::parse(send("GET", "/v2/models").body).dump(), R"({"models":["fraud"]})");
  for (const char* body : {"", "{\"ready\":true}"}) {
    const Json index = Json::parse(send("POST", "/v2/repository/index", body).body);
    EXPECT_EQ(index.dump(), R"([{"name":"fraud","reason":"","state":"READY","version":"3"}])");
  }
  EXPECT_EQ(send("POST", "/v2/repository/models/fraud/load").status, 200);
  EXPECT_EQ(send("POST", "/v2/repository/models/other/load").status, 404);
}

}  // namespace
}  // namespace slipway::serving
