#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/model/compare.hpp>
#include <slipway/package/bundle.hpp>

#include "test_model.hpp"

namespace slipway::package {
namespace {

using ::testing::HasSubstr;

class BundleFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(::testing::TempDir()) / ("slipway_bundle_" + std::to_string(::getpid()) + "_" +
                                                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path path() const { return folder_ / "fraud" / "1"; }

  static BundleWriter writer() {
    Manifest manifest;
    manifest.version = 1;
    manifest.created = 1'700'000'000'000'000;
    manifest.id_columns = {"transaction_id"};
    manifest.column_types = {{"amount", "number"}, {"é", "time %d.%m.%Y"}};
    manifest.threshold = {0, "maximise f1"};
    manifest.lineage = {"d1", "c2", "0.1.0", 42};
    manifest.notes = {{"purpose", "a test"}};
    BundleWriter writer(manifest);
    EXPECT_TRUE(writer.add_model(test_model()).ok());
    EXPECT_TRUE(writer.add_file("report.html", "<p>é</p>").ok());
    EXPECT_TRUE(writer.add_file("saved_model/saved_model.pb", std::string("\0x", 2)).ok());
    return writer;
  }
  std::string error_of_opening() const {
    const auto bundle = open_bundle(path());
    return bundle.ok() ? "no error" : bundle.error().message();
  }
  std::filesystem::path folder_;
};

TEST_F(BundleFolder, WritesAndOpens) {
  ASSERT_TRUE(writer().publish(path(), false).ok());
  const auto bundle = open_bundle(path());
  ASSERT_TRUE(bundle.ok()) << bundle.error().message();
  EXPECT_EQ(first_difference(bundle->model(), test_model()).value_or("equal"), "equal");
  const Manifest& manifest = bundle->manifest();
  EXPECT_EQ(manifest.name, "fraud");
  EXPECT_EQ(manifest.version, 1);
  EXPECT_EQ(manifest.created, 1'700'000'000'000'000);
  EXPECT_EQ(manifest.positive_class, "yes");
  EXPECT_EQ(manifest.inputs[1].unit, "USD");
  EXPECT_EQ(manifest.inputs[1].minimum, 0.1F);
  EXPECT_EQ(manifest.id_columns, std::vector<std::string>{"transaction_id"});
  EXPECT_EQ(manifest.column_types.at("é"), "time %d.%m.%Y");
  EXPECT_EQ(manifest.threshold->threshold, 0.3);
  EXPECT_EQ(manifest.threshold->method, "maximise f1");
  EXPECT_EQ(manifest.lineage.seed, 42);
  EXPECT_EQ(manifest.notes.at("purpose"), "a test");
  EXPECT_EQ(manifest.files.size(), 3);
  EXPECT_EQ(*bundle->read("report.html"), "<p>é</p>");
  EXPECT_EQ(bundle->read("saved_model/saved_model.pb")->size(), 2);
  EXPECT_THAT(bundle->read("report.htm").error().message(), HasSubstr("did you mean 'report.html'"));
  EXPECT_EQ(bundle->digest(), *sha256_file(path() / "manifest.json"));
}

TEST_F(BundleFolder, SameContentGivesTheSameDigest) {
  ASSERT_TRUE(writer().publish(path(), false).ok());
  const std::string first = open_bundle(path())->digest();
  ASSERT_TRUE(writer().publish(path(), true).ok());
  EXPECT_EQ(open_bundle(path())->digest(), first);
}

TEST_F(BundleFolder, PublishedBundlesAreNotOverwritten) {
  ASSERT_TRUE(writer().publish(path(), false).ok());
  BundleWriter other = writer();
  ASSERT_TRUE(other.add_file("extra", "x").ok());
  const Status status = other.publish(path(), false);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), ErrorCode::conflict);
  EXPECT_FALSE(open_bundle(path())->has("extra"));
  ASSERT_TRUE(other.publish(path(), true).ok());
  EXPECT_TRUE(open_bundle(path())->has("extra"));
}

TEST_F(BundleFolder, EveryMismatchIsNamed) {
  ASSERT_TRUE(writer().publish(path(), false).ok());
  ASSERT_TRUE(write_file(path() / "report.html", "<p>e</p>x").ok());  // same size, other content
  ASSERT_TRUE(write_file(path() / "saved_model/saved_model.pb", "").ok());
  const auto bundle = open_bundle(path());
  ASSERT_FALSE(bundle.ok());
  EXPECT_EQ(bundle.error().code(), ErrorCode::check_failed);
  EXPECT_THAT(bundle.error().message(), HasSubstr("report.html: digest"));
  EXPECT_THAT(bundle.error().message(), HasSubstr("saved_model.pb: 0 bytes, the manifest says 2"));
}

TEST_F(BundleFolder, WhatIsNoBundle) {
  EXPECT_THAT(error_of_opening(), HasSubstr("there is no such folder"));
  std::filesystem::create_directories(path());
  EXPECT_THAT(error_of_opening(), HasSubstr("it is no bundle"));
  for (const std::string text : {"", "{", "[]", "{\"format_version\": 2}", "{\"format_version\": 1}"}) {
    ASSERT_TRUE(write_file(path() / "manifest.json", text).ok());
    EXPECT_THAT(error_of_opening(), HasSubstr("manifest")) << text;
  }
}

TEST_F(BundleFolder, ManifestsCannotLeadOutside) {
  ASSERT_TRUE(writer().publish(path(), false).ok());
  std::string text = *read_file(path() / "manifest.json");
  text.replace(text.find("report.html"), 11, "../out.html");
  ASSERT_TRUE(write_file(path() / "manifest.json", text).ok());
  EXPECT_THAT(error_of_opening(), HasSubstr("leads out of the bundle"));
}

TEST_F(BundleFolder, ManifestAndModelMustAgree) {
  ASSERT_TRUE(writer().publish(path(), false).ok());
  std::string text = *read_file(path() / "manifest.json");
  text.replace(text.find("\"USD\""), 5, "\"EUR\"");
  ASSERT_TRUE(write_file(path() / "manifest.json", text).ok());
  EXPECT_THAT(error_of_opening(), HasSubstr("manifest and model differ in inputs[1].unit: 'EUR', 'USD'"));
}

TEST_F(BundleFolder, BadFileNamesAreRefused) {
  BundleWriter bundle = writer();
  for (const std::string name : {"", "/x", "../x", "a/../x", "a//x", "./x", "manifest.json", "a\\x", "x/"})
    EXPECT_FALSE(bundle.add_file(name, "").ok()) << name;
  EXPECT_EQ(bundle.add_file("report.html", "").error().code(), ErrorCode::conflict);
  EXPECT_FALSE(BundleWriter(Manifest{}).publish(path(), false).ok());
}

TEST(ManifestJson, ReadsBack) {
  Manifest manifest;
  manifest.name = "näme \"x\"";
  manifest.task = model::Task::regression;
  manifest.files["a"] = {"00", 5};
  const auto read = parse_manifest(manifest_json(manifest));
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(manifest_json(*read), manifest_json(manifest));
  EXPECT_EQ(read->version, std::nullopt);
}

}  // namespace
}  // namespace slipway::package
