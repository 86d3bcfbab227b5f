#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/serving/models.hpp>
#include <slipway/serving/service.hpp>

#include "served_model.hpp"
#include "test_model.hpp"

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

  Status write_bundle(const fs::path& folder, std::optional<int> version, float leaf) {
    package::Manifest manifest;
    manifest.name = "fraud";
    manifest.version = version;
    manifest.id_columns = {"transaction_id"};
    package::BundleWriter writer(manifest);
    SLIPWAY_CHECK(writer.add_model(fraud_model(model::OutOfRange::pass, leaf)));
    return writer.publish(folder, true);
  }
  void publish(float leaf) {
    const auto models = registry::Registry::open(root_ / "models", true).value();
    const auto version =
        models.publish("fraud", {{"ann", "test"}, {}, false}, [&](const fs::path& folder, std::int64_t number) {
          return write_bundle(folder, static_cast<int>(number), leaf);
        });
    ASSERT_TRUE(version.ok()) << version.error().message();
  }
  static float score(const std::shared_ptr<ModelRepository>& models, std::string_view target = "/score") {
    Service service({models, nullptr, "1"});
    const Response response =
        service.handle(Request{"POST", target, {}, R"({"count":1,"state":"CA","transaction_id":"t1"})"});
    EXPECT_EQ(response.status, 200) << response.body;
    return response.status == 200 ? nlohmann::json::parse(response.body)["score"].get<float>() : -1;
  }

  fs::path root_;
};

TEST_F(ModelsTest, ServesABundle) {
  ASSERT_TRUE(write_bundle(root_ / "bundle", std::nullopt, 0.1F).ok());
  const auto models = ModelRepository::open(root_ / "bundle");
  ASSERT_TRUE(models.ok()) << models.error().message();
  EXPECT_EQ(score(*models), 0.1F);
  ASSERT_EQ((*models)->all().size(), 1u);
  EXPECT_EQ((*models)->all()[0]->version(), "1");
  EXPECT_EQ((*models)->all()[0]->digest(), package::open_bundle(root_ / "bundle")->digest());
  EXPECT_FALSE((*models)->refresh().value());
}

TEST_F(ModelsTest, ADamagedBundleIsRefused) {
  ASSERT_TRUE(write_bundle(root_ / "bundle", 1, 0.1F).ok());
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

}  // namespace
}  // namespace slipway::serving
