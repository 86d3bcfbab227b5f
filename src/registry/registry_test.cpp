#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/registry/registry.hpp>

namespace slipway::registry {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RegistryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/registry_test_XXXXXX";
    root_ = ::mkdtemp(pattern);
  }
  void TearDown() override { fs::remove_all(root_); }

  Registry open() { return Registry::open(root_ / "models", true).value(); }
  // Publishes a bundle of one file that says its version.
  Result<Version> publish(const std::string& name, bool champion = false) {
    Publication publication;
    publication.reason = {"ann", "a test"};
    publication.gates = {{"average_precision >= 0.5", "0.61: passed"}};
    publication.champion = champion;
    return open().publish(name, publication, [](const fs::path& folder, std::int64_t version) {
      return write_file(folder / "manifest.json", std::to_string(version));
    });
  }
  std::string champion(const std::string& name) {
    const auto found = open().resolve(name);
    return found.ok() ? std::to_string(found->version) : found.error().message();
  }
  fs::path history() const { return root_ / "models" / "registry.jsonl"; }

  fs::path root_;
};

TEST_F(RegistryTest, VersionsCountUpAndTheFirstIsChampion) {
  const auto first = publish("fraud");
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(first->version, 1);
  EXPECT_EQ(first->path, root_ / "models/fraud/1");
  EXPECT_EQ(read_file(first->path / "manifest.json").value(), "1");
  EXPECT_THAT(first->aliases, ElementsAre("champion"));
  EXPECT_EQ(first->who, "ann");
  EXPECT_EQ(first->gates.at("average_precision >= 0.5"), "0.61: passed");
  EXPECT_EQ(first->digest, sha256_hex("1"));
  // Content: the names and the digests of the files, each behind its length in 8 bytes, little-endian.
  using std::string_literals::operator""s;
  EXPECT_EQ(first->content, sha256_hex("\x0d\0\0\0\0\0\0\0manifest.json"s + "\x40\0\0\0\0\0\0\0"s + sha256_hex("1")));
  EXPECT_EQ(publish("fraud")->version, 2);
  EXPECT_EQ(publish("churn")->version, 1);
  EXPECT_EQ(champion("fraud"), "1");
  EXPECT_EQ(publish("fraud", true)->version, 3);
  EXPECT_EQ(champion("fraud"), "3");
  EXPECT_THAT(open().names().value(), ElementsAre("churn", "fraud"));
  EXPECT_EQ(open().list()->size(), 4u);
  EXPECT_EQ(open().list("fraud")->size(), 3u);
}

TEST_F(RegistryTest, ReferencesResolve) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(publish("fraud").ok());
  const Registry models = open();
  ASSERT_TRUE(models.set_alias("fraud", "challenger", 2, {"bob", "try it"}).ok());
  EXPECT_EQ(models.resolve("fraud")->version, 1);
  EXPECT_EQ(models.resolve("fraud@challenger")->version, 2);
  EXPECT_EQ(models.resolve("fraud@champion")->version, 1);
  EXPECT_EQ(models.resolve("fraud/3")->version, 3);
  ASSERT_TRUE(models.remove_alias("fraud", "challenger", {"bob", "enough"}).ok());

  const auto message = [&](std::string_view reference) {
    const auto found = models.resolve(reference);
    return found.ok() ? "" : found.error().message();
  };
  EXPECT_THAT(message("frad"), HasSubstr("no model 'frad'"));
  EXPECT_THAT(message("frad"), HasSubstr("did you mean 'fraud'?"));
  EXPECT_THAT(message("fraud@champoin"), HasSubstr("did you mean 'champion'?"));
  EXPECT_THAT(message("fraud@challenger"), HasSubstr("no alias 'challenger'"));
  EXPECT_THAT(message("fraud/9"), HasSubstr("has no version 9; it has 1, 2, 3"));
  EXPECT_THAT(message("fraud/x"), HasSubstr("expected a version number"));
  EXPECT_THAT(message(""), HasSubstr("no model ''"));
  EXPECT_THAT(message("../fraud"), HasSubstr("no model '..'"));
}

TEST_F(RegistryTest, PromoteAndRollBackStepByStep) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(publish("fraud").ok());
  const Registry models = open();
  EXPECT_EQ(models.roll_back("fraud", {}).error().code(), ErrorCode::not_found);
  ASSERT_TRUE(models.promote("fraud", 2, {"ann", "better"}, {{"recall", "passed"}}).ok());
  ASSERT_TRUE(models.promote("fraud", 2, {"ann", "again"}).ok());  // changes nothing, enters nothing
  ASSERT_TRUE(models.promote("fraud", 3, {"ann", "best"}).ok());
  EXPECT_EQ(models.roll_back("fraud", {"ann", "alarms"})->version, 2);
  EXPECT_EQ(models.roll_back("fraud", {"ann", "alarms"})->version, 1);
  EXPECT_FALSE(models.roll_back("fraud", {"ann", "alarms"}).ok());
  ASSERT_TRUE(models.promote("fraud", 3, {"ann", "mended"}).ok());
  EXPECT_EQ(models.roll_back("fraud", {"ann", "no"})->version, 1);
  EXPECT_FALSE(models.promote("fraud", 7, {}).ok());
  EXPECT_FALSE(models.remove_alias("fraud", "champion", {}).ok());

  const auto events = models.history("fraud").value();
  std::vector<std::string> seen;
  for (const Event& event : events)
    seen.push_back(event.event + " " + std::to_string(event.version) + " after " + std::to_string(event.previous));
  EXPECT_THAT(seen, ElementsAre("register 1 after 0", "register 2 after 0", "register 3 after 0", "promote 2 after 1",
                                "promote 3 after 2", "roll back 2 after 3", "roll back 1 after 2", "promote 3 after 1",
                                "roll back 1 after 3"));
  EXPECT_EQ(events[3].gates.at("recall"), "passed");
  EXPECT_EQ(events[5].why, "alarms");
  EXPECT_THAT(models.history("fruad").error().message(), HasSubstr("did you mean 'fraud'?"));
  EXPECT_TRUE(models.verify().ok()) << models.verify().error().message();
}

TEST_F(RegistryTest, TamperingShows) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(publish("fraud").ok());
  ASSERT_TRUE(open().verify().ok());
  const std::string sound = read_file(history()).value();
  std::string changed = sound;
  changed.replace(changed.find("\"ann\""), 5, "\"eve\"");
  ASSERT_TRUE(write_file(history(), changed).ok());
  EXPECT_THAT(open().verify().error().message(), HasSubstr("registry.jsonl: line 1: the chain does not fit"));
  ASSERT_TRUE(write_file(history(), sound.substr(sound.find('\n') + 1)).ok());
  EXPECT_THAT(open().verify().error().message(), HasSubstr("line 1"));
  ASSERT_TRUE(write_file(history(), sound).ok());
  ASSERT_TRUE(write_file(root_ / "models/fraud/2/manifest.json", "9").ok());
  EXPECT_THAT(open().verify().error().message(), HasSubstr("fraud/2 was changed"));
  fs::remove_all(root_ / "models/fraud/2");
  EXPECT_THAT(open().verify().error().message(), HasSubstr("fraud/2 is registered but not there"));
}

TEST_F(RegistryTest, AFailedPublicationLeavesNothing) {
  ASSERT_TRUE(publish("fraud").ok());
  const auto failed = open().publish("fraud", {}, [](const fs::path& folder, std::int64_t) -> Status {
    SLIPWAY_CHECK(write_file(folder / "half", "x"));
    return unavailable("disk full");
  });
  EXPECT_THAT(failed.error().message(), HasSubstr("publishing fraud/2: disk full"));
  EXPECT_EQ(open().list("fraud")->size(), 1u);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "models/fraud"), fs::directory_iterator()), 1);
  EXPECT_EQ(publish("fraud")->version, 2);
}

TEST_F(RegistryTest, WhatAKilledWriterLeftIsSeenAndCanBeAdopted) {
  ASSERT_TRUE(publish("fraud").ok());
  // Killed between the rename and the event, in the middle of the event, and in the middle of the bundle.
  ASSERT_TRUE(write_file(root_ / "models/fraud/2/manifest.json", "2").ok());
  ASSERT_TRUE(write_file(root_ / "models/fraud/.3.part-99-0/manifest.json", "3").ok());
  const std::string sound = read_file(history()).value();
  ASSERT_TRUE(write_file(history(), sound + "{\"sequence\":2,\"time\":").ok());
  EXPECT_EQ(open().list("fraud")->size(), 1u);
  EXPECT_TRUE(open().verify().ok());
  EXPECT_FALSE(open().resolve("fraud/2").ok());
  ASSERT_EQ(open().unregistered()->size(), 1u);
  EXPECT_EQ(open().unregistered()->front().version, 2);
  EXPECT_EQ(publish("fraud")->version, 3);  // never the same number again
  EXPECT_FALSE(fs::exists(root_ / "models/fraud/.3.part-99-0"));
  EXPECT_EQ(read_file(history().string() + ".torn").value(), "{\"sequence\":2,\"time\":");
  EXPECT_EQ(open().adopt("fraud", 2, {"ann", "it is whole"})->version, 2);
  EXPECT_EQ(open().adopt("fraud", 2, {}).error().code(), ErrorCode::conflict);
  EXPECT_EQ(open().adopt("fraud", 8, {}).error().code(), ErrorCode::not_found);
  EXPECT_TRUE(open().unregistered()->empty());
  EXPECT_TRUE(open().verify().ok());
}

TEST_F(RegistryTest, AWriterKilledAtAnyMomentLeavesASoundRegistry) {
  ASSERT_TRUE(publish("fraud").ok());
  for (int round = 0; round < 12; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      while (publish("fraud", true).ok()) {
      }
      ::_exit(1);
    }
    ::usleep(static_cast<useconds_t>(2000 + 1700 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const Status sound = open().verify();
    ASSERT_TRUE(sound.ok()) << sound.error().message();
    const auto champion_now = open().resolve("fraud");
    ASSERT_TRUE(champion_now.ok());
    EXPECT_EQ(read_file(champion_now->path / "manifest.json").value(), std::to_string(champion_now->version));
  }
  ASSERT_TRUE(publish("fraud").ok());
  EXPECT_TRUE(open().verify().ok());
}

TEST_F(RegistryTest, ConcurrentWritersGetVersionsOfTheirOwn) {
  constexpr int threads = 4, rounds = 5;
  std::vector<std::thread> pool;
  std::atomic<int> failures = 0;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&] {
      for (int i = 0; i < rounds; ++i)
        if (!publish("fraud").ok()) ++failures;
    });
  for (std::thread& thread : pool) thread.join();
  EXPECT_EQ(failures, 0);
  const auto versions = open().list("fraud").value();
  ASSERT_EQ(versions.size(), 1u * threads * rounds);
  for (std::size_t i = 0; i < versions.size(); ++i) {
    EXPECT_EQ(versions[i].version, static_cast<std::int64_t>(i + 1));
    EXPECT_EQ(read_file(versions[i].path / "manifest.json").value(), std::to_string(i + 1));
  }
  EXPECT_TRUE(open().verify().ok());
}

TEST_F(RegistryTest, NamesAreChecked) {
  for (const char* name : {"", ".hidden", "a/b", "..", "caf\xc3\xa9", "a b"}) {
    const auto result = publish(name);
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_THAT(result.error().message(), HasSubstr("expected 1 to 128 letters"));
  }
  EXPECT_FALSE(publish(std::string(129, 'a')).ok());
  ASSERT_TRUE(publish(std::string(128, 'a')).ok());
  EXPECT_THAT(open().set_alias("x", "12", 1, {}).error().message(), HasSubstr("cannot be a number"));
}

TEST_F(RegistryTest, OddFolders) {
  EXPECT_EQ(Registry::open(root_ / "absent").error().code(), ErrorCode::not_found);
  EXPECT_FALSE(Registry::is_registry(root_));
  const Registry empty = open();
  EXPECT_TRUE(empty.list()->empty());
  EXPECT_TRUE(empty.history()->empty());
  EXPECT_THAT(empty.resolve("fraud").error().message(), HasSubstr("is empty"));
  EXPECT_EQ(empty.publish_copy("fraud", {}, root_ / "absent").error().code(), ErrorCode::not_found);
  ASSERT_TRUE(write_file(root_ / "bundle/deep/file", "x").ok());
  const auto copied = empty.publish_copy("fraud", {{"ann", "\"quoted\" \xc3\xa9"}, {}, false}, root_ / "bundle");
  ASSERT_TRUE(copied.ok()) << copied.error().message();
  EXPECT_EQ(read_file(copied->path / "deep/file").value(), "x");
  EXPECT_EQ(copied->why, "\"quoted\" \xc3\xa9");
  EXPECT_TRUE(Registry::is_registry(root_ / "models"));
}

}  // namespace
}  // namespace slipway::registry
