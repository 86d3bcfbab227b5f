#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/serving/models.hpp>
#include <slipway/serving/service.hpp>

#include "served_model.hpp"
#include "test_registry.hpp"

namespace slipway::serving {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ModelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/models_test_XXXXXX";
    root_ = ::mkdtemp(pattern);
  }
  void TearDown() override { fs::remove_all(root_); }

  void publish(float leaf) { publish_fraud(root_ / "models", leaf); }
  static float score(const std::shared_ptr<ModelRepository>& models, std::string_view target = "/score") {
    Service service({.models = models});
    const Response response =
        service.handle(Request{"POST", target, {}, R"({"count":1,"state":"CA","transaction_id":"t1"})"});
    EXPECT_EQ(response.status, 200) << response.body;
    return response.status == 200 ? nlohmann::json::parse(response.body)["score"].get<float>() : -1;
  }

  fs::path root_;
};

TEST_F(ModelsTest, ServesABundle) {
  ASSERT_TRUE(write_fraud(root_ / "bundle", std::nullopt, 0.1F).ok());
  const auto models = ModelRepository::open(root_ / "bundle");
  ASSERT_TRUE(models.ok()) << models.error().message();
  EXPECT_EQ(score(*models), 0.1F);
  ASSERT_EQ((*models)->all().size(), 1u);
  EXPECT_EQ((*models)->all()[0]->version(), "1");
  EXPECT_EQ((*models)->all()[0]->digest(), package::open_bundle(root_ / "bundle")->digest());
  EXPECT_FALSE((*models)->refresh().value());
}

TEST_F(ModelsTest, ADamagedBundleIsRefused) {
  ASSERT_TRUE(write_fraud(root_ / "bundle", 1, 0.1F).ok());
  std::string bytes = read_file(root_ / "bundle/model.onnx").value();
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(root_ / "bundle/model.onnx", bytes).ok());
  EXPECT_THAT(ModelRepository::open(root_ / "bundle").error().message(), HasSubstr("model.onnx"));
  EXPECT_FALSE(ModelRepository::open(root_ / "absent").ok());
}

TEST_F(ModelsTest, FollowsTheRegistry) {
  publish(0.1F);
  const auto opened = ModelRepository::open(root_ / "models");
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const auto& models = *opened;
  EXPECT_EQ(score(models), 0.1F);
  publish(0.2F);  // registered, but nobody points at it
  EXPECT_TRUE(models->refresh().value());
  EXPECT_THAT(models->versions("fraud"), ElementsAre("1"));
  const auto registry = registry::Registry::open(root_ / "models").value();
  ASSERT_TRUE(registry.set_alias("fraud", "challenger", 2, {}).ok());
  EXPECT_TRUE(models->refresh().value());
  EXPECT_EQ(score(models), 0.1F);
  EXPECT_EQ(score(models, "/score?model=fraud&version=challenger"), 0.2F);
  EXPECT_EQ(score(models, "/score?model=fraud&version=2"), 0.2F);
  const auto held = models->find("fraud").value();  // a request that runs while versions change
  ASSERT_TRUE(registry.promote("fraud", 2, {}).ok());
  EXPECT_TRUE(models->refresh().value());
  EXPECT_FALSE(models->refresh().value());
  EXPECT_EQ(score(models), 0.2F);
  EXPECT_THAT(models->versions("fraud"), ElementsAre("2"));
  EXPECT_EQ(held->version(), "1");
  ASSERT_TRUE(registry.roll_back("fraud", {}).ok());
  EXPECT_TRUE(models->refresh().value());
  EXPECT_EQ(score(models), 0.1F);
  EXPECT_EQ(models->find("fraud")->get()->version(), "1");
}

TEST_F(ModelsTest, AVersionThatCannotBeLoadedLeavesTheOldOneServed) {
  publish(0.1F);
  const auto models = ModelRepository::open(root_ / "models").value();
  publish(0.2F);
  ASSERT_TRUE(write_file(root_ / "models/fraud/2/model.onnx", "nonsense").ok());
  const auto registry = registry::Registry::open(root_ / "models").value();
  ASSERT_TRUE(registry.promote("fraud", 2, {}).ok());
  const auto refreshed = models->refresh();
  ASSERT_FALSE(refreshed.ok());
  EXPECT_THAT(refreshed.error().message(), HasSubstr("loading fraud/2"));
  EXPECT_EQ(score(models), 0.1F);
  ASSERT_TRUE(registry.roll_back("fraud", {}).ok());
  EXPECT_TRUE(models->refresh().ok());
  EXPECT_EQ(score(models), 0.1F);
}

TEST_F(ModelsTest, VerificationRowsMustScoreAsTheyDid) {
  const auto write = [&](std::string_view score) {
    package::Manifest manifest;
    manifest.name = "fraud";
    package::BundleWriter writer(manifest);
    EXPECT_TRUE(writer.add_model(fraud_model()).ok());
    const std::string score0 = score == "0.1" ? "0.9" : "0.5";
    EXPECT_TRUE(
        writer
            .add_file("verification.json", R"({"rows":9,"sample":{"rows":[{"count":1,"state":"CA"}],"scores":[[)" +
                                               score0 + "," + std::string(score) + "]]}}")
            .ok());
    EXPECT_TRUE(writer.publish(root_ / "bundle", true).ok());
  };
  write("0.1");
  const auto models = ModelRepository::open(root_ / "bundle");
  ASSERT_TRUE(models.ok()) << models.error().message();
  EXPECT_EQ((*models)->all()[0]->metrics().rows, 0u);  // they are no requests
  EXPECT_EQ((*models)->all()[0]->metrics().missing[0], 0u);
  write("0.5");
  const auto refused = ModelRepository::open(root_ / "bundle");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("verification row 0 scores"));
}

TEST_F(ModelsTest, UnloadsAndLoads) {
  publish(0.1F);
  const auto models = ModelRepository::open(root_ / "models").value();
  ASSERT_TRUE(models->unload("fraud").ok());
  EXPECT_FALSE(models->find("fraud").ok());
  EXPECT_FALSE(models->refresh().value());  // it stays unloaded
  ASSERT_TRUE(models->load("fraud").ok());
  EXPECT_EQ(score(models), 0.1F);
  EXPECT_THAT(models->load("frau").error().message(), HasSubstr("did you mean 'fraud'?"));
}

TEST_F(ModelsTest, PromotesAndRollsBack) {
  publish(0.1F);
  publish(0.2F);
  const auto models = ModelRepository::open(root_ / "models").value();
  EXPECT_EQ(models->promote("fraud", "2", "ann", "better").value(), "2");
  EXPECT_EQ(score(models), 0.2F);
  EXPECT_EQ(models->roll_back("fraud", "ann", "worse").value(), "1");
  EXPECT_EQ(score(models), 0.1F);
  EXPECT_EQ(models->swaps(), 2u);
  const auto history = registry::Registry::open(root_ / "models")->history("fraud").value();
  EXPECT_EQ(history.back().who, "ann");
  EXPECT_EQ(history.back().why, "worse");
  EXPECT_FALSE(models->promote("fraud", "7", "ann", "").ok());
}

TEST_F(ModelsTest, ServesWhatIsConfigured) {
  for (const float leaf : {0.1F, 0.2F, 0.3F}) publish(leaf);
  const auto models = ModelRepository::open(root_ / "models").value();
  int told = 0;
  models->on_change([&] { ++told; });
  using Versions = NameConfiguration::Versions;
  NameConfiguration fraud;
  fraud.name = "fraud";
  fraud.base_path = (root_ / "models/fraud").string();
  fraud.versions = Versions::latest;
  fraud.labels = {{"stable", 3}};
  ASSERT_TRUE(models->configure({fraud}).ok());
  EXPECT_EQ(told, 1);
  EXPECT_THAT(models->versions("fraud"), ElementsAre("1", "3"));  // 1 is the champion
  EXPECT_EQ(score(models), 0.1F);
  EXPECT_EQ(score(models, "/score?model=fraud&version=stable"), 0.3F);
  fraud.labels.clear();
  fraud.versions = Versions::specific;
  fraud.specific = {2};
  ASSERT_TRUE(models->configure({fraud}).ok());
  EXPECT_THAT(models->versions("fraud"), ElementsAre("1", "2"));
  EXPECT_FALSE(models->find("fraud", "stable").ok());
  fraud.versions = Versions::all;
  ASSERT_TRUE(models->configure({fraud}).ok());
  EXPECT_THAT(models->versions("fraud"), ElementsAre("1", "2", "3"));

  // What is refused changes nothing.
  const auto refusal = [&](const auto& change) {
    NameConfiguration other = fraud;
    change(other);
    const Status refused = models->configure({other});
    EXPECT_FALSE(refused.ok());
    EXPECT_THAT(models->versions("fraud"), ElementsAre("1", "2", "3"));
    return refused.ok() ? std::string() : refused.error().message();
  };
  EXPECT_THAT(refusal([](auto& other) { other.name = "frau"; }), HasSubstr("did you mean 'fraud'?"));
  EXPECT_THAT(refusal([](auto& other) { other.base_path = "/elsewhere"; }), HasSubstr("base_path"));
  EXPECT_THAT(refusal([](auto& other) { other.specific = {7}; }), HasSubstr("version 7"));
  EXPECT_THAT(refusal([](auto& other) { other.labels = {{"stable", 7}}; }), HasSubstr("not currently available"));
  EXPECT_THAT(refusal([](auto& other) { other.labels = {{"champion", 2}}; }), HasSubstr("alias of the registry's"));
  EXPECT_THAT(models->configure({fraud, fraud}).error().message(), HasSubstr("multiple times"));
  fs::remove(root_ / "models/fraud/3/model.onnx");
  fraud.versions = Versions::with_alias;
  ASSERT_TRUE(models->configure({fraud}).ok());
  fraud.versions = Versions::all;
  EXPECT_THAT(models->configure({fraud}).error().message(), HasSubstr("did not become available"));
  EXPECT_THAT(models->versions("fraud"), ElementsAre("1"));

  ASSERT_TRUE(models->configure({}).ok());
  EXPECT_TRUE(models->all().empty());
  publish(0.4F);
  EXPECT_TRUE(models->refresh().ok());
  EXPECT_TRUE(models->all().empty());
  ASSERT_TRUE(models->load("fraud").ok());
  EXPECT_EQ(score(models), 0.1F);
}

TEST_F(ModelsTest, AnAnswerNamesTheLabelsPolicy) {
  package::Manifest manifest;
  manifest.name = "fraud";
  manifest.threshold = {0.5, "maximise f1"};
  const auto answer = [&] {
    package::BundleWriter writer(manifest);
    EXPECT_TRUE(writer.add_model(fraud_model()).ok());
    EXPECT_TRUE(writer.publish(root_ / "bundle", true).ok());
    Service service({.models = ModelRepository::open(root_ / "bundle").value()});
    return nlohmann::json::parse(service.handle(Request{"POST", "/score", {}, R"({"count":1})"}).body);
  };
  const std::string first = answer()["policy"], again = answer()["policy"];
  EXPECT_THAT(first, ::testing::StartsWith("threshold-"));
  EXPECT_EQ(first, again);
  manifest.threshold = {0.5, "precision >= 0.9"};
  EXPECT_NE(answer()["policy"], first);
}

TEST_F(ModelsTest, MemoryIsBounded) {
  publish(0.1F);
  const std::uint64_t needed = estimated_bytes(fraud_model());
  EXPECT_GT(needed, 100u);
  EXPECT_TRUE(ModelRepository::open(root_ / "models", {needed}).ok());
  const auto refused = ModelRepository::open(root_ / "models", {needed - 1});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::unavailable);
  // Two versions at a time do not fit: the first goes on.
  const auto models = ModelRepository::open(root_ / "models", {needed}).value();
  publish(0.2F);
  EXPECT_THAT(models->promote("fraud", "2", "", "").error().message(), HasSubstr("MiB are in use"));
  EXPECT_EQ(score(models), 0.1F);
  const auto states = models->index();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].state, "READY");
  EXPECT_EQ(states[1].state, "UNAVAILABLE");
}

}  // namespace
}  // namespace slipway::serving
