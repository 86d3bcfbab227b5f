#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/serving/service.hpp>

#include "test_model.hpp"

namespace slipway::serving {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/service_test_XXXXXX";
    root_ = ::mkdtemp(pattern);
    models_ = ModelRepository::empty();
    ASSERT_TRUE(models_->add(fraud_model(), "3", "digest3", {"transaction_id"}).ok());
    service_ = std::make_unique<Service>(ServiceOptions{models_, nullptr, "1.2.3"});
  }
  void TearDown() override {
    service_.reset();
    fs::remove_all(root_);
  }

  Response send(std::string_view method, std::string_view target, std::string_view body = "",
                std::vector<Header> headers = {}) {
    return service_->handle(Request{method, target, headers, body});
  }
  Json post(std::string_view target, std::string_view body, int status = 200) {
    const Response response = send("POST", target, body);
    EXPECT_EQ(response.status, status) << response.body;
    const Json json = Json::parse(response.body, nullptr, false);
    EXPECT_FALSE(json.is_discarded()) << response.body;
    return json;
  }
  // The message of an error of POST.
  std::string refusal(std::string_view target, std::string_view body, int status = 400) {
    const Json json = post(target, body, status);
    return json.is_object() && json.contains("error") ? json["error"].get<std::string>() : "no error: " + json.dump();
  }
  std::string metrics() { return send("GET", "/metrics").body; }

  fs::path root_;
  std::shared_ptr<ModelRepository> models_;
  std::unique_ptr<Service> service_;
};

constexpr std::string_view risky =
    R"({"amount":200,"count":2,"state":"NY","channel":"online","when":"2026-11-24T12:00:00Z"})";

TEST_F(ServiceTest, ScoresNamedFields) {
  const Json answer = post("/score", risky);
  EXPECT_EQ(answer["score"].get<float>(), 0.6F);
  EXPECT_THAT(send("POST", "/score", risky).body, HasSubstr("\"score\":0.6,\"label\":\"1\""));
  EXPECT_EQ(answer["model"], "fraud");
  EXPECT_EQ(answer["version"], "3");
  EXPECT_EQ(answer["request_id"].get<std::string>().size(), 32u);
  EXPECT_FALSE(answer.contains("reasons"));
  // In any order, absent fields are missing; a missing hour and a missing amount go their stored ways.
  EXPECT_EQ(post("/score", R"({"state":"NY","count":1})")["score"].get<float>(), 0.3F);
  EXPECT_EQ(post("/score", R"({"count":1,"amount":null,"state":"CA"})")["score"].get<float>(), 0.1F);
  EXPECT_EQ(
      post("/score", R"({"count":1,"amount":NaN,"state":"NY", "when": "2026-11-24 05:59"})")["score"].get<float>(),
      0.5F);
}

TEST_F(ServiceTest, ScoresListsWithIds) {
  const Json answer =
      post("/score", R"([{"count":1,"id":"a-1"},{"count":1,"id":17},{"count":1},{"count":1,"transaction_id":"t9"}])");
  ASSERT_EQ(answer.size(), 4u);
  EXPECT_EQ(answer[0]["request_id"], "a-1");
  EXPECT_EQ(answer[1]["request_id"], "17");
  EXPECT_THAT(answer[2]["request_id"].get<std::string>(), ::testing::EndsWith("/2"));
  EXPECT_EQ(answer[3]["request_id"], "t9");
  EXPECT_EQ(post("/score", "[]").dump(), "[]");
  const Response given = send("POST", "/score", R"({"count":1})", {{"x-request-id", "req-7"}});
  EXPECT_THAT(given.body, HasSubstr("\"request_id\":\"req-7\""));
  ASSERT_EQ(given.headers.size(), 2u);
  EXPECT_EQ(given.headers[0].second, "req-7");
  EXPECT_EQ(given.headers[1], (std::pair<std::string, std::string>("X-Model-Version", "3")));
  // One that could not stand in a header is replaced.
  EXPECT_THAT(send("POST", "/score", R"({"count":1})", {{"X-Request-Id", "a\xc3\xa9"}}).body,
              Not(HasSubstr("a\xc3\xa9")));
}

TEST_F(ServiceTest, ReasonsWhenAskedFor) {
  for (const Json& answer :
       {post("/score?reasons=2", risky),
        post(
            "/score",
            R"({"amount":200,"count":2,"state":"NY","channel":"online","when":"2026-11-24T12:00:00Z","reasons":2})")}) {
    ASSERT_EQ(answer["reasons"].size(), 2u);
    // Tree A: base 0.1*0.6+0.7*0.4 = 0.34, so amount gives (0.7-0.34)/2 = 0.18.
    // Tree B: base 0.5*0.1+0.5*(0.4*0.9+0.6*0.5) = 0.38. With the state alone 0.66, with the hour alone 0.3:
    // state ((0.66-0.38)+(0.5-0.3))/2 = 0.24, halved 0.12; hour ((0.3-0.38)+(0.5-0.66))/2 = -0.12, halved -0.06.
    EXPECT_EQ(answer["reasons"][0]["input"], "amount");
    EXPECT_EQ(answer["reasons"][0]["value"], 200);
    EXPECT_NEAR(answer["reasons"][0]["contribution"], 0.18, 1e-6);
    EXPECT_EQ(answer["reasons"][1]["input"], "state");
    EXPECT_EQ(answer["reasons"][1]["value"], "NY");
    EXPECT_NEAR(answer["reasons"][1]["contribution"], 0.12, 1e-6);
    EXPECT_FALSE(answer["reasons"][0]["text"].get<std::string>().empty());
  }
  EXPECT_FALSE(post("/score?reasons=0", risky).contains("reasons"));
  EXPECT_THAT(refusal("/score?reasons=two", risky),
              HasSubstr("?reasons: expected a whole number from 0 to 10000, got \"two\""));
  EXPECT_THAT(refusal("/score", R"({"count":1,"reasons":-1})"), HasSubstr("'reasons': expected a whole number"));
  ASSERT_TRUE(models_->add(kind_model(), "1", "d").ok());
  EXPECT_THAT(refusal("/score?model=kind&reasons=1", R"({"x":1})"), HasSubstr("this model gives no reasons"));
}

TEST_F(ServiceTest, ErrorsNameRowAndField) {
  EXPECT_EQ(refusal("/score", R"({"amount":"abc","count":1})"),
            "row 0: field 'amount': expected a number, got \"abc\"");
  EXPECT_EQ(refusal("/score", R"([{"count":1},{"count":"1"}])"), "row 1: field 'count': expected a number, got \"1\"");
  EXPECT_THAT(refusal("/score", R"({"amonut":1,"count":1})"),
              HasSubstr("row 0: unknown field \"amonut\" (did you mean 'amount'?)"));
  EXPECT_EQ(refusal("/score", R"({"amount":1})"), "row 0: field 'count' is missing, and the model needs it");
  EXPECT_EQ(refusal("/score", R"({"count":null})"), "row 0: field 'count' is missing, and the model needs it");
  EXPECT_EQ(refusal("/score", R"({"count":1,"count":2})"), "row 0: field 'count' stands twice");
  EXPECT_EQ(refusal("/score", R"({"count":{"a":1}})"), "row 0: field 'count': expected a single value, got an object");
  EXPECT_EQ(refusal("/score", R"({"count":[1,2]})"), "row 0: field 'count': expected a single value, got a list");
  EXPECT_THAT(refusal("/score", R"({"count":1e39})"), HasSubstr("expected a finite number that fits float32"));
  EXPECT_THAT(refusal("/score", R"({"count":1,"when":"yesterday"})"),
              HasSubstr("field 'when': expected a time as ISO 8601 text"));
  EXPECT_THAT(refusal("/score", R"({"count":1,"when":1795525559000000})"), HasSubstr("field 'when': expected a time"));
  EXPECT_THAT(refusal("/score", R"({"count":1,"channel":"onlnie"})"),
              HasSubstr("field 'channel': \"onlnie\" was not seen in training (did you mean 'online'?); expected one "
                        "of branch, online"));
  EXPECT_THAT(refusal("/score", R"({"count":1,"id":{}})"), HasSubstr("'id': expected a text or a whole number"));
  EXPECT_THAT(refusal("/score", "3"), HasSubstr("expected an object of named fields or a list of them, got a number"));
  EXPECT_THAT(refusal("/score", "[3]"), HasSubstr("row 0: expected an object of named fields, got a number"));
}

TEST_F(ServiceTest, MalformedBodiesSayWhere) {
  EXPECT_THAT(refusal("/score", ""), HasSubstr("the body is empty"));
  EXPECT_THAT(refusal("/score", "{\n \"count\": ,}"), HasSubstr("line 2, column 11"));
  EXPECT_THAT(refusal("/score", R"({"count":Infinity})"), HasSubstr("line 1, column 10"));
  EXPECT_THAT(refusal("/score", "{\"state\":\"\xff\"}"), HasSubstr("not UTF-8"));
  EXPECT_THAT(refusal("/score", R"({"state":"\ud800"})"), HasSubstr("no valid JSON"));
  EXPECT_THAT(refusal("/score", std::string(3000, '[') + std::string(3000, ']')),
              HasSubstr("the body is nested too deeply"));
  std::string deep = "{\"count\":";
  for (int i = 0; i < 5000; ++i) deep += "{\"a\":";
  EXPECT_EQ(send("POST", "/score", deep).status, 400);
  EXPECT_EQ(send("POST", "/score", "{\"count\":123456789012345678901234567890123456789012345678901234567890}").status,
            400);
  // NaN inside of a text is left alone.
  EXPECT_THAT(refusal("/score", R"({"count":1,"channel":"NaN \" NaN","amount":NaN})"),
              HasSubstr("\"NaN \\\" NaN\" was not seen"));
  std::string wide = "{";
  for (int i = 0; i < 200'000; ++i) wide += "\"count\":1,";
  wide.back() = '}';
  EXPECT_THAT(refusal("/score", wide), HasSubstr("stands twice"));
}

TEST_F(ServiceTest, ValuesBecomeWhatTheInputIs) {
  ASSERT_TRUE(models_->add(fraud_model(model::OutOfRange::clamp), "4", "digest4").ok());
  const auto score = [&](std::string_view body) { return post("/score", body)["score"].get<float>(); };
  EXPECT_EQ(score(R"({"count":true,"state":" NY ","when":1795525200})"), 0.3F);  // blanks are trimmed; 13:00
  EXPECT_EQ(score(R"({"count":1,"state":"NY","when":10800.75})"), 0.5F);         // 03:00
  EXPECT_EQ(score(R"({"count":1,"state":""})"), 0.1F);                           // an empty text is missing: risk 0.4
  EXPECT_EQ(score(R"({"count":[1],"state":["NY"]})"), 0.3F);                     // lists of one, as tensors of [n, 1]
  EXPECT_EQ(score(R"({"count":1,"state":12})"), 0.1F);                           // a number as text: "12", unseen
  EXPECT_EQ(score(R"({"count":1,"amount":-5,"state":"CA"})"), 0.1F);
}

TEST_F(ServiceTest, OutOfRangeFollowsTheRuleAndIsCounted) {
  post("/score", R"({"count":1,"amount":1e6,"state":"ZZ"})");
  EXPECT_THAT(
      metrics(),
      HasSubstr(
          "slipway_input_findings_total{model=\"fraud\",version=\"3\",input=\"amount\",finding=\"out_of_range\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("input=\"state\",finding=\"unseen\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("input=\"when\",finding=\"missing\"} 1\n"));
  ASSERT_TRUE(models_->add(fraud_model(model::OutOfRange::reject), "4", "digest4").ok());
  EXPECT_EQ(refusal("/score", R"({"count":1,"amount":1000.5})"),
            "row 0: field 'amount': expected a number from 0 to 1000, got 1000.5");
  EXPECT_THAT(metrics(),
              HasSubstr("slipway_requests_rejected_total{model=\"fraud\",version=\"4\",reason=\"out_of_range\"} 1\n"));
  refusal("/score", R"({"count":"x"})");
  refusal("/score", "{");
  EXPECT_THAT(metrics(), HasSubstr("version=\"4\",reason=\"wrong_type\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("version=\"4\",reason=\"malformed\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("slipway_requests_total{route=\"score\",status=\"400\"} 3\n"));
  EXPECT_THAT(metrics(), HasSubstr("slipway_rows_scored_total{model=\"fraud\",version=\"3\"} 1\n"));
  EXPECT_THAT(metrics(), HasSubstr("slipway_score_count{model=\"fraud\",version=\"3\"} 1\n"));
}

TEST_F(ServiceTest, TensorflowPredict) {
  // Raw columns in schema order; objects by name; columns.
  const Json rows =
      post("/v1/models/fraud:predict",
           R"({"instances":[[200, 2, "NY", "online", "2026-11-24T12:00:00Z"],[50, 2, "CA", null, null]]})");
  ASSERT_EQ(rows["predictions"].size(), 2u);
  EXPECT_EQ(rows["predictions"][0]["score"].get<float>(), 0.6F);
  EXPECT_EQ(rows["predictions"][0]["label"], "1");
  EXPECT_EQ(rows["predictions"][1]["score"].get<float>(), 0.1F);
  EXPECT_FALSE(rows["predictions"][0].contains("reasons"));
  const Json named = post(
      "/v1/models/fraud/versions/3:predict",
      R"({"signature_name":"serving_default","instances":[{"count":[1],"state":"NY","transaction_id":5}],"reasons":1})");
  EXPECT_EQ(named["predictions"][0]["score"].get<float>(), 0.3F);
  EXPECT_EQ(named["predictions"][0]["reasons"].size(), 1u);
  EXPECT_EQ(post("/v1/models/fraud/labels/champion:predict?reasons=2",
                 R"({"instances":[[200, 2, "NY", "online", null]]})")["predictions"][0]["reasons"]
                .size(),
            2u);
  const Json columns = post("/v1/models/fraud:predict", R"({"inputs":{"count":[1,1],"state":[["NY"],["CA"]]}})");
  EXPECT_EQ(columns["outputs"]["score"][0].get<float>(), 0.3F);
  EXPECT_EQ(columns["outputs"]["label"].dump(), R"(["0","0"])");
  EXPECT_EQ(post("/v1/models/fraud:predict", R"({"instances":[]})")["predictions"].dump(), "[]");

  EXPECT_THAT(refusal("/v1/models/fraud:predict", "{}"), HasSubstr("Missing 'inputs' or 'instances' key"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", "[]"), HasSubstr("expected an object"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"instances":[],"inputs":{}})"), HasSubstr("got both"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"instances":[[1,2]]})"),
              HasSubstr("row 0: expected 5 values (amount, count, state, channel, when), got 2"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"instances":[[1,2,"NY","online",null,6]]})"), HasSubstr("got 6"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"instances":[7]})"),
              HasSubstr("'instances': row 0: expected a list of 5 values"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"instances":7})"),
              HasSubstr("'instances': expected a list of rows, got a number"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"inputs":{"count":[1],"stat":["NY"]}})"),
              HasSubstr("did you mean 'state'?"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"inputs":{"count":[1],"state":["NY","CA"]}})"),
              HasSubstr("field 'state' has 2 values, those before it have 1"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"inputs":{"count":[1],"count":[1]}})"),
              HasSubstr("stands twice"));
  EXPECT_THAT(refusal("/v1/models/fraud:predict", R"({"signature_name":"x","instances":[]})"),
              HasSubstr("signature_name"));
  EXPECT_THAT(refusal("/v1/models/frad:predict", "{}", 404), HasSubstr("did you mean 'fraud'?"));
  EXPECT_THAT(refusal("/v1/models/fraud/versions/9:predict", "{}", 404),
              HasSubstr("version '9' is not found; served versions: 3"));
}

TEST_F(ServiceTest, TensorflowStatusAndMetadata) {
  EXPECT_EQ(Json::parse(send("GET", "/v1/models/fraud").body)["model_version_status"][0]["state"], "AVAILABLE");
  const Json metadata = Json::parse(send("GET", "/v1/models/fraud/metadata").body);
  EXPECT_EQ(metadata["model_spec"]["version"], "3");
  const Json& signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"];
  EXPECT_EQ(signature["inputs"]["amount"]["dtype"], "DT_FLOAT");
  EXPECT_EQ(signature["inputs"]["state"]["dtype"], "DT_STRING");
  EXPECT_EQ(signature["outputs"]["score"]["dtype"], "DT_FLOAT");
  EXPECT_EQ(send("GET", "/v1/models/other").status, 404);
}

TEST_F(ServiceTest, SeveralModelsAndTasks) {
  ASSERT_TRUE(models_->add(kind_model(), "1", "k").ok());
  ASSERT_TRUE(models_->add(price_model(), "1", "p").ok());
  EXPECT_THAT(refusal("/score", "{}"),
              HasSubstr("several models are served; say which one with ?model=NAME: fraud, kind, price"));
  // softmax(0, 1, 2) = 0.09003057, 0.24472847, 0.66524096
  const Json kind = post("/score?model=kind", R"({"x":1})");
  EXPECT_NEAR(kind["scores"]["a"], 0.09003057, 1e-6);
  EXPECT_NEAR(kind["scores"]["c"], 0.66524096, 1e-6);
  EXPECT_EQ(kind["label"], "c");
  EXPECT_FALSE(kind.contains("score"));
  const Json price = post("/score?model=price&version=1", R"({"x":10})");
  EXPECT_EQ(price["score"], 21);
  EXPECT_FALSE(price.contains("label"));
  EXPECT_EQ(post("/v1/models/price:predict", R"({"instances":[1,2]})")["predictions"][1]["score"], 5);
  EXPECT_EQ(post("/v1/models/price:predict", R"({"inputs":[1,2]})")["outputs"]["score"][0], 3);
  const Json v2 =
      post("/v2/models/kind/infer", R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]})");
  EXPECT_EQ(v2["outputs"][0]["shape"].dump(), "[1,3]");
  EXPECT_EQ(v2["outputs"][2]["data"][0], "c");
  const Json regression =
      post("/v2/models/price/infer", R"({"inputs":[{"name":"x","shape":[2,1],"datatype":"FP64","data":[[1],[2]]}]})");
  EXPECT_EQ(regression["outputs"].dump(), R"([{"data":[3,5],"datatype":"FP32","name":"score","shape":[2]}])");
  EXPECT_THAT(refusal("/v2/models/price/infer", R"({"outputs":[{"name":"label"}],"inputs":[]})"),
              HasSubstr("unknown output"));
  EXPECT_THAT(refusal("/score?model=kinds", "{}", 404),
              HasSubstr("Request for unknown model: 'kinds' is not found (did you mean 'kind'?)"));
}

TEST_F(ServiceTest, Invocations) {
  const auto score = [&](std::string_view body) {
    return post("/invocations", body)["predictions"][0]["score"].get<float>();
  };
  EXPECT_EQ(score(R"({"dataframe_split":{"columns":["state","count"],"data":[["NY",1]],"index":[0]}})"), 0.3F);
  EXPECT_EQ(score(R"({"dataframe_records":[{"state":"NY","count":1}]})"), 0.3F);
  EXPECT_EQ(score(R"({"instances":[[200, 2, "NY", "online", "2026-11-24T12:00:00Z"]]})"), 0.6F);
  EXPECT_EQ(score(R"({"inputs":{"state":["NY"],"count":[1]},"params":{"reasons":1}})"), 0.3F);
  EXPECT_THAT(refusal("/invocations", "{}"), HasSubstr("dataframe_split, dataframe_records, instances, inputs"));
  EXPECT_THAT(refusal("/invocations", R"({"dataframe_split":{"columns":["stat"],"data":[]}})"),
              HasSubstr("did you mean 'state'?"));
  EXPECT_THAT(refusal("/invocations", R"({"dataframe_split":{"columns":["count"],"data":[[1,2]]}})"),
              HasSubstr("row 0: expected 1 values, got 2"));
  EXPECT_THAT(refusal("/invocations", R"({"dataframe_split":3})"), HasSubstr("'columns' and 'data'"));
  EXPECT_EQ(send("GET", "/ping").body, "\n");
  EXPECT_EQ(send("GET", "/version").body, "1.2.3\n");
}

TEST_F(ServiceTest, PathsAndMethods) {
  EXPECT_THAT(send("GET", "/scroe").body, HasSubstr("did you mean '/score'?"));
  for (const char* path :
       {"/nowhere", "/v2/models/", "/v2/models/fraud/versions", "/v2/models/fraud/nothing", "/v2/models/fraud/infer/x",
        "/v1/models/fraud:explode", "/v1/models/fraud/metadata:predict", "", "*", "//score"}) {
    const Response response = send("GET", path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_TRUE(Json::parse(response.body).contains("error"));
  }
  const Response wrong = send("GET", "/score");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers[0], (std::pair<std::string, std::string>("Allow", "POST")));
  EXPECT_EQ(send("DELETE", "/metrics").status, 405);
  EXPECT_EQ(send("", "/metrics").status, 405);
  EXPECT_EQ(send("HEAD", "/metrics").status, 200);
  EXPECT_EQ(send("POST", "/score", "{}", {{"Content-Encoding", "br"}}).status, 415);
  const Json root = Json::parse(send("GET", "/").body);
  EXPECT_EQ(root["name"], "slipway");
  EXPECT_EQ(root["version"], "1.2.3");
  EXPECT_EQ(root["models"][0]["digest"], "digest3");
  EXPECT_EQ(send("GET", "/v2/models/fr%61ud").status, 200);
  EXPECT_EQ(send("GET", "/v2/models/%").status, 404);
}

TEST_F(ServiceTest, Readiness) {
  EXPECT_EQ(send("GET", "/v2/health/ready").status, 200);
  service_->set_ready(false);
  EXPECT_EQ(send("GET", "/v2/health/ready").status, 503);
  EXPECT_EQ(send("GET", "/v2/models/fraud/ready").status, 503);
  EXPECT_EQ(send("GET", "/v2/health/live").status, 200);
  EXPECT_EQ(send("POST", "/score", R"({"count":1})").status, 200);  // what still comes is answered
  Service bare(ServiceOptions{ModelRepository::empty(), nullptr, "1"});
  EXPECT_EQ(bare.handle(Request{"GET", "/v2/health/ready", {}, ""}).status, 503);
  EXPECT_EQ(bare.handle(Request{"POST", "/score", {}, "{}"}).status, 503);
}

TEST_F(ServiceTest, JournalHoldsEveryScoredRow) {
  auto writer = journal::Writer::open({.folder = root_ / "log"});
  ASSERT_TRUE(writer.ok());
  const std::shared_ptr<journal::Writer> log = std::move(writer).value();
  service_ = std::make_unique<Service>(ServiceOptions{models_, log, "1"});
  post("/score",
       R"([{"amount":1e6,"count":2,"state":" ZZ ","id":"one"},{"count":3,"state":"","when":"2026-11-24T12:00:00Z"}])");
  refusal("/score", R"({"count":"x"})");  // nothing was scored, nothing is logged
  post("/score", "[]");
  const auto table = journal::read_journal(root_ / "log");
  ASSERT_TRUE(table.ok()) << table.error().message();
  ASSERT_EQ(table->rows(), 2u);
  EXPECT_EQ(table->find("request_id")->cell_text(0), "one");
  EXPECT_EQ(table->find("amount")->cell_text(0), "1000000");
  EXPECT_TRUE(table->find("amount")->is_missing(1));
  EXPECT_EQ(table->find("state")->cell_text(0), "ZZ");
  EXPECT_TRUE(table->find("state")->is_missing(1));
  EXPECT_EQ(table->find("when")->cell_text(1), "2026-11-24T12:00:00Z");
  EXPECT_EQ(table->find("version")->cell_text(1), "3");
  EXPECT_EQ(table->find("label")->cell_text(0), "0");
  EXPECT_EQ(std::get<table::NumberColumn>(table->find("score")->data).values[0], 0.4F);
  EXPECT_TRUE(journal::verify_journal(root_ / "log").ok());
  std::string text;
  for (const auto& entry : fs::directory_iterator(root_ / "log"))
    if (entry.path().extension() == ".ndjson") text = read_file(entry.path()).value();
  EXPECT_THAT(
      text,
      HasSubstr(R"("findings":[{"input":"amount","finding":"out of range"},{"input":"state","finding":"unseen"}])"));
  EXPECT_THAT(text, HasSubstr("\"model_digest\":\"digest3\""));
  EXPECT_THAT(metrics(), HasSubstr("slipway_journal_rows_total 2\n"));
}

TEST_F(ServiceTest, NoAnswerWithoutTheJournal) {
  journal::WriterOptions options{.folder = root_ / "log"};
  options.queue_bytes = 10;  // nothing fits
  const std::shared_ptr<journal::Writer> log = journal::Writer::open(options).value();
  service_ = std::make_unique<Service>(ServiceOptions{models_, log, "1"});
  const Response response = send("POST", "/score", R"({"count":1})");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("cannot keep up"));
  EXPECT_THAT(metrics(), HasSubstr("slipway_journal_rows_lost_total 1\n"));
}

TEST_F(ServiceTest, ANewVersionTakesOverAndTheOldOneStaysReachable) {
  ASSERT_TRUE(models_->add(fraud_model(model::OutOfRange::pass, 0.3F), "10", "digest10").ok());
  EXPECT_EQ(post("/score", R"({"count":1,"state":"CA"})")["version"], "10");
  EXPECT_EQ(post("/score", R"({"count":1,"state":"CA"})")["score"].get<float>(), 0.3F);
  EXPECT_EQ(post("/score?version=3", R"({"count":1,"state":"CA"})")["score"].get<float>(), 0.1F);
  EXPECT_EQ(Json::parse(send("GET", "/v2/models/fraud").body)["versions"].dump(), R"(["3","10"])");
  EXPECT_THAT(metrics(),
              HasSubstr("slipway_model_info{model=\"fraud\",version=\"10\",digest=\"digest10\",default=\"true\"} 1\n"));
}

}  // namespace
}  // namespace slipway::serving
