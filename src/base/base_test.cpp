#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include <slipway/base/chain.hpp>
#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/parallel.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/result.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>

namespace slipway {
namespace {

namespace fs = std::filesystem;

fs::path scratch(const std::string& name) {
  const fs::path folder = fs::path(testing::TempDir()) / ("slipway_base_" + name);
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

Result<int> half(int x) {
  if (x % 2 != 0) return invalid_input("odd");
  return x / 2;
}
Result<int> quarter(int x) {
  SLIPWAY_TRY(const int once, half(x));
  SLIPWAY_TRY(const int twice, half(once).with_context("second half"));
  return twice;
}

TEST(Result, PassesErrorsUpWithContext) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(3).error().message(), "odd");
  EXPECT_EQ(quarter(6).error().message(), "second half: odd");
  EXPECT_EQ(quarter(6).error().code(), ErrorCode::invalid_input);
}

// The digests are Python's hashlib's.
TEST(Chain, LinesAreTakenApartAndChained) {
  Sha256 digest;
  const std::string first = next_chain(digest, chain_start, R"({"a":1)");
  EXPECT_EQ(first, "fc6cee09194dd2578bd7664604fcb72a539066fd34544cea0009c43eb6cdc289");
  const std::string line = R"({"a":1)" + chain_member(first);
  ASSERT_EQ(line.back(), '\n');
  const std::string_view whole = std::string_view(line).substr(0, line.size() - 1);
  const auto parts = split_chained_line(whole);
  ASSERT_TRUE(parts.has_value());
  EXPECT_EQ(parts->before, R"({"a":1)");
  EXPECT_EQ(parts->chain, first);
  EXPECT_EQ(next_chain(digest, first, R"({"a":2)"), "9f09bc9f60e84a1897821cfe915aed5b6eafe1039173747db10bae160b96cd9c");
  EXPECT_FALSE(split_chained_line(whole.substr(1, 20)).has_value());
  EXPECT_FALSE(split_chained_line(line).has_value());
  std::string no_digit(whole);
  no_digit[whole.size() - 3] = 'G';
  EXPECT_FALSE(split_chained_line(no_digit).has_value());
}

TEST(Sha256, MatchesTheStandard) {  // FIPS 180-4 example
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_NE(Sha256().update_framed("ab").update_framed("c").hex(),
            Sha256().update_framed("a").update_framed("bc").hex());
}

TEST(Files, AreWrittenWholeOrNotAtAll) {
  const fs::path folder = scratch("files");
  ASSERT_TRUE(write_file(folder / "deep" / "a.txt", "one").ok());
  ASSERT_TRUE(write_file(folder / "deep" / "a.txt", "two").ok());
  EXPECT_EQ(*read_file(folder / "deep" / "a.txt"), "two");
  EXPECT_EQ(entries(folder / "deep"), 1u);
  fs::create_directory(folder / "b");
  std::ofstream(folder / "b" / "kept") << "x";
  EXPECT_FALSE(write_file(folder / "b", "a folder stands here").ok());
  EXPECT_TRUE(fs::exists(folder / "b" / "kept"));
  EXPECT_EQ(entries(folder), 2u);
  EXPECT_EQ(read_file(folder / "absent").error().code(), ErrorCode::not_found);
  EXPECT_FALSE(read_file(folder).ok());
}

TEST(Folders, ArePublishedAtOnce) {
  const fs::path folder = scratch("folders");
  {
    auto unfinished = FolderInProgress::beside(folder / "bundle");
    std::ofstream(unfinished->path() / "half") << "x";
  }
  EXPECT_EQ(entries(folder), 0u);
  for (const char* content : {"one", "two"}) {
    auto work = FolderInProgress::beside(folder / "bundle");
    ASSERT_TRUE(work.ok());
    std::ofstream(work->path() / "file") << content;
    ASSERT_TRUE(work->publish(true).ok());
    EXPECT_EQ(*read_file(folder / "bundle" / "file"), content);
  }
  auto refused = FolderInProgress::beside(folder / "bundle/");
  EXPECT_EQ(refused->publish(false).error().code(), ErrorCode::conflict);
  EXPECT_EQ(*read_file(folder / "bundle" / "file"), "two");
  EXPECT_EQ(entries(folder), 2u);  // the refused work still stands until its destructor runs
}

TEST(Threads, CoverEveryIndexOnce) {
  for (int count : {1, 2, 5}) {
    const Threads threads(count);
    std::vector<int> visits(1000);
    threads.for_each(visits.size(), [&](std::size_t i) { ++visits[i]; });
    threads.for_ranges(visits.size(), 7, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) ++visits[i];
    });
    EXPECT_EQ(std::set<int>(visits.begin(), visits.end()), std::set<int>{2});
  }
}

TEST(Random, DistributionsHaveTheirMoments) {
  Random random(random_key({1, 2, 3}));
  const int n = 200'000;
  double normal_sum = 0, normal_squares = 0, exponential_sum = 0, poisson_sum = 0, large_poisson_sum = 0;
  for (int i = 0; i < n; ++i) {
    const double z = random.normal();
    normal_sum += z;
    normal_squares += z * z;
    exponential_sum += random.exponential();
    poisson_sum += static_cast<double>(random.poisson(3.5));
    large_poisson_sum += static_cast<double>(random.poisson(80));
  }
  EXPECT_NEAR(normal_sum / n, 0, 0.01);
  EXPECT_NEAR(normal_squares / n, 1, 0.02);
  EXPECT_NEAR(exponential_sum / n, 1, 0.01);
  EXPECT_NEAR(poisson_sum / n, 3.5, 0.02);
  EXPECT_NEAR(large_poisson_sum / n, 80, 0.1);
  EXPECT_NE(random_key({1, 2}), random_key({2, 1}));
}

TEST(Text, NearestName) {
  const std::vector<std::string> names = {"amount", "num_transactions", "state"};
  EXPECT_EQ(nearest_name("amuont", names), "amount");
  EXPECT_EQ(nearest_name("STATE", names), "state");
  EXPECT_EQ(nearest_name("zebra", names), std::nullopt);
  EXPECT_EQ(suggestion("amont", names), " (did you mean 'amount'?)");
}

TEST(Text, NumbersRoundTrip) {
  EXPECT_EQ(format_number(0.1F), "0.1");
  EXPECT_EQ(parse_number(" 1e3 "), 1000.0);
  EXPECT_EQ(parse_number("+2"), 2.0);
  EXPECT_EQ(parse_number("1,5"), std::nullopt);
  EXPECT_EQ(parse_number(""), std::nullopt);
  EXPECT_EQ(parse_number("1e999"), std::numeric_limits<double>::infinity());
}

TEST(Time, ParsesAndFormats) {
  EXPECT_EQ(parse_time("1970-01-01"), 0);
  EXPECT_EQ(parse_time("2026-11-24T13:05:59Z"), 1795525559000000);
  EXPECT_EQ(parse_time("2026-11-24 13:05:59.5"), 1795525559500000);
  EXPECT_EQ(parse_time("2026-11-24T14:05:59+01:00"), 1795525559000000);
  EXPECT_EQ(parse_time("2023-02-29"), std::nullopt);
  EXPECT_EQ(parse_time("2024-02-29").has_value(), true);
  EXPECT_EQ(parse_time("noon"), std::nullopt);
  EXPECT_EQ(format_time(1795525559500000), "2026-11-24T13:05:59.500000Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999999Z");
  for (std::int64_t day = -800'000; day < 800'000; day += 37) {
    EXPECT_EQ(days_from_civil(civil_from_days(day)), day);
  }
}

}  // namespace
}  // namespace slipway
