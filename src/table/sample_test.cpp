#include <cmath>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/hash.hpp>
#include <slipway/table/sample.hpp>
#include <slipway/table/source.hpp>

#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::int64_t>& integers(const Table& table, std::string_view name) {
  return std::get<IntegerColumn>(table.find(name)->data).values;
}
const std::vector<float>& numbers(const Table& table, std::string_view name) {
  return std::get<NumberColumn>(table.find(name)->data).values;
}
const std::vector<std::int64_t>& times(const Table& table) {
  return std::get<TimeColumn>(table.find("timestamp")->data).values;
}

Table sample(std::int64_t rows, std::uint64_t seed = 1, double drift = 0) {
  return sample_fraud({.rows = rows, .seed = seed, .drift = drift}).value();
}

double share_missing(const Table& table, std::string_view name) {
  const Column& column = *table.find(name);
  double missing = 0;
  for (std::size_t i = 0; i < column.size(); ++i) missing += column.is_missing(i) ? 1 : 0;
  return missing / static_cast<double>(column.size());
}

std::map<std::string, double> shares(const Table& table, std::string_view name) {
  const Column& column = *table.find(name);
  std::map<std::string, double> found;
  for (std::size_t i = 0; i < column.size(); ++i)
    found[column.cell_text(i)] += 1.0 / static_cast<double>(column.size());
  return found;
}

double median_amount(const Table& table) {
  std::vector<float> present;
  for (const float amount : numbers(table, "amount"))
    if (!std::isnan(amount)) present.push_back(amount);
  std::nth_element(present.begin(), present.begin() + static_cast<std::ptrdiff_t>(present.size() / 2), present.end());
  return present[present.size() / 2];
}

TEST(Sample, HasTheColumnsOfABank) {
  const Table table = sample(1000);
  EXPECT_EQ(table.rows(), 1000u);
  EXPECT_THAT(table.names(),
              ElementsAre("transaction_id", "timestamp", "card_id", "amount", "num_transactions", "state", "channel",
                          "card_type", "merchant_category", "merchant_id", "is_fraud"));
  EXPECT_EQ(type_name(table.column(1).data), "time");
  EXPECT_EQ(type_name(table.column(3).data), "number");
}

TEST(Sample, GivesAnyNumberOfRows) {
  for (const std::int64_t rows : {1, 2, 10, 999, 20001}) EXPECT_EQ(sample(rows).rows(), static_cast<std::size_t>(rows));
}

TEST(Sample, FollowsItsOptionsOnly) {
  const Table first = sample(5000, 7), second = sample(5000, 7), other = sample(5000, 8);
  for (std::size_t j = 0; j < first.columns(); ++j)
    for (std::size_t i = 0; i < first.rows(); ++i)
      ASSERT_EQ(first.column(j).cell_text(i), second.column(j).cell_text(i)) << first.column(j).name << " " << i;
  EXPECT_NE(times(first), times(other));
}

// A digest of every cell, so that an example made with an older version can be made again.
std::string digest(const Table& table) {
  Sha256 digest;
  for (std::size_t i = 0; i < table.rows(); ++i)
    for (std::size_t j = 0; j < table.columns(); ++j) digest.update_framed(table.column(j).cell_text(i));
  return digest.hex().substr(0, 16);
}

TEST(Sample, StaysTheSameFromVersionToVersion) {
  EXPECT_EQ(digest(sample(999, 1)), "27cf5d52bf2d0900");
  EXPECT_EQ(digest(sample(20001, 7)), "d88cd159ae73ca1b");
  EXPECT_EQ(digest(sample(20001, 7, 1)), "5903d73b3998a904");
}

TEST(Sample, ComesInBlocksToo) {
  const Table whole = sample(3000, 5);
  std::string rows;
  std::vector<std::size_t> sizes;
  SLIPWAY_EXPECT_OK(sample_fraud({.rows = 3000, .seed = 5}, 1024, [&](const Table& block) -> Status {
    sizes.push_back(block.rows());
    for (std::size_t i = 0; i < block.rows(); ++i) rows += block.column(0).cell_text(i) + block.column(3).cell_text(i);
    return {};
  }));
  EXPECT_THAT(sizes, ElementsAre(1024u, 1024u, 952u));
  std::string expected;
  for (std::size_t i = 0; i < whole.rows(); ++i)
    expected += whole.column(0).cell_text(i) + whole.column(3).cell_text(i);
  EXPECT_EQ(rows, expected);
}

TEST(Sample, IsInOrderOfTimeWithinThirtyDays) {
  const Table table = sample(50000);
  const auto& at = times(table);
  EXPECT_TRUE(std::is_sorted(at.begin(), at.end()));
  EXPECT_GE(at.front(), parse_time("2026-01-01").value());
  EXPECT_LT(at.back(), parse_time("2026-02-01").value());
  EXPECT_NEAR(static_cast<double>(at.back() - at.front()) / 86'400e6, 30, 0.2);
}

TEST(Sample, CountsTheCardsRecentTransactions) {
  // Rows of the first day also count what came before the first row; later ones can be counted again from the table.
  SLIPWAY_VALUE(Database database, Database::open(2));
  TemporaryFolder folder;
  SLIPWAY_EXPECT_OK(write_table(sample(40000), folder.path("t.parquet"), 2));
  SLIPWAY_EXPECT_OK(database.load("t", folder.path("t.parquet")));
  SLIPWAY_VALUE(
      const Table wrong,
      database.fetch("SELECT count(*) FROM (SELECT *, count(*) OVER (PARTITION BY card_id ORDER BY timestamp "
                     "RANGE BETWEEN INTERVAL 24 HOURS PRECEDING AND CURRENT ROW) AS counted FROM (SELECT "
                     "DISTINCT ON (transaction_id) * FROM t)) WHERE counted <> num_transactions AND timestamp "
                     ">= TIMESTAMP '2026-01-02'"));
  EXPECT_EQ(integers(wrong, wrong.names()[0])[0], 0);
  const Table table = sample(40000);
  const auto& counts = integers(table, "num_transactions");
  EXPECT_GE(*std::max_element(counts.begin(), counts.end()), 10);
}

TEST(Sample, LabelsHalfAPercent) {
  for (const std::uint64_t seed : {1u, 2u}) {
    const auto labels = integers(sample(100000, seed), "is_fraud");
    EXPECT_NEAR(static_cast<double>(std::count(labels.begin(), labels.end(), 1)), 500, 15);
    EXPECT_EQ(std::count(labels.begin(), labels.end(), 0) + std::count(labels.begin(), labels.end(), 1), 100000);
  }
}

TEST(Sample, HasTheDirtOfRealFiles) {
  const Table table = sample(100000);
  EXPECT_NEAR(share_missing(table, "amount"), 0.01, 0.001);
  EXPECT_NEAR(share_missing(table, "state"), 0.01, 0.001);
  EXPECT_NEAR(share_missing(table, "merchant_category"), 0.01, 0.001);
  EXPECT_NEAR(share_missing(table, "channel"), 0.005, 0.001);
  EXPECT_NEAR(share_missing(table, "card_type"), 0.005, 0.001);
  EXPECT_EQ(share_missing(table, "num_transactions"), 0);
  const auto& amounts = numbers(table, "amount");
  const auto below = std::count_if(amounts.begin(), amounts.end(), [](float amount) { return amount <= 0; });
  EXPECT_NEAR(static_cast<double>(below), 300, 20);
  const auto absurd = std::count_if(amounts.begin(), amounts.end(), [](float amount) { return amount >= 1e6f; });
  EXPECT_GE(absurd, 1);
  EXPECT_LE(absurd, 5);
  const auto& ids = integers(table, "transaction_id");
  EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), 99700u);
}

TEST(Sample, NearDuplicatesFollowWithinSeconds) {
  const Table table = sample(100000);
  const auto& cards = integers(table, "card_id");
  const auto& merchants = integers(table, "merchant_id");
  const auto& ids = integers(table, "transaction_id");
  const auto& amounts = numbers(table, "amount");
  const auto& at = times(table);
  std::map<std::tuple<std::int64_t, std::int64_t, float>, std::size_t> last;
  int near = 0;
  for (std::size_t i = 0; i < cards.size(); ++i) {
    if (std::isnan(amounts[i])) continue;
    const auto [place, is_new] = last.emplace(std::tuple(cards[i], merchants[i], amounts[i]), i);
    if (!is_new && ids[i] != ids[place->second] && at[i] - at[place->second] <= 40'000'000) ++near;
    place->second = i;
  }
  EXPECT_NEAR(near, 200, 20);
}

TEST(Sample, SeedsDifferByChanceOnly) {
  const Table one = sample(40000, 1), two = sample(40000, 2);
  for (const char* name : {"state", "channel", "card_type", "merchant_category"}) {
    const auto first = shares(one, name), second = shares(two, name);
    for (const auto& [value, share] : first) {
      const double other = second.contains(value) ? second.at(value) : 0;
      // Five standard deviations of the difference of two shares, a little more for what comes in bursts.
      EXPECT_NEAR(share, other, 5 * std::sqrt(1.3 * 2 * share / 40000) + 1e-4) << name << " " << value;
    }
  }
  EXPECT_NEAR(median_amount(one) / median_amount(two), 1, 0.03);
}

TEST(Sample, LengthDoesNotChangeTheMix) {
  const auto large = shares(sample(200000, 3), "state"), small = shares(sample(20000, 3), "state");
  for (const char* state : {"CA", "TX", "FL", "OH"})
    EXPECT_NEAR(small.at(state), large.at(state), 5 * std::sqrt(1.3 * large.at(state) / 20000)) << state;
}

TEST(Sample, FraudStandsOutButNotEntirely) {
  const Table table = sample(100000);
  const auto& labels = integers(table, "is_fraud");
  const auto& amounts = numbers(table, "amount");
  const auto& counts = integers(table, "num_transactions");
  double fraud = 0, large_fraud = 0, large_ordinary = 0, busy_fraud = 0, busy_ordinary = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    (labels[i] == 1 ? fraud : large_ordinary) += labels[i] == 1 ? 1 : 0;
    if (amounts[i] > 500 && amounts[i] < 1e5f) (labels[i] == 1 ? large_fraud : large_ordinary) += 1;
    if (counts[i] > 4) (labels[i] == 1 ? busy_fraud : busy_ordinary) += 1;
  }
  EXPECT_GT(large_fraud / fraud, 0.3);
  EXPECT_LT(large_fraud / fraud, 0.8);
  EXPECT_GT(busy_fraud / fraud, 0.2);
  EXPECT_LT(busy_fraud / fraud, 0.7);
  EXPECT_GT(large_ordinary, fraud / 2);
  EXPECT_GT(busy_ordinary, fraud / 2);
}

TEST(Sample, DriftMovesAmountsChannelsStatesAndCardTypes) {
  const Table still = sample(40000, 1), moved = sample(40000, 1, 1);
  EXPECT_NEAR(median_amount(moved) / median_amount(still), 1.5, 0.15);
  EXPECT_GT(shares(moved, "channel").at("online"), shares(still, "channel").at("online") + 0.1);
  EXPECT_LT(shares(moved, "state").at("CA"), shares(still, "state").at("CA") - 0.01);
  EXPECT_GT(shares(moved, "card_type").at("credit"), shares(still, "card_type").at("credit") + 0.03);
  const auto labels = integers(moved, "is_fraud");
  EXPECT_NEAR(static_cast<double>(std::count(labels.begin(), labels.end(), 1)), 200, 10);
}

TEST(Sample, RefusesOptionsOutOfRange) {
  EXPECT_THAT(sample_fraud({.rows = 0}).error().message(), HasSubstr("rows is 0, expected 1"));
  EXPECT_THAT(sample_fraud({.drift = -1}).error().message(), HasSubstr("drift is -1"));
  EXPECT_FALSE(sample_fraud({.drift = std::numeric_limits<double>::quiet_NaN()}).ok());
}

TEST(SampleOptions, AreReadByName) {
  SampleOptions options;
  const auto read = params::read_options<SampleOptions>(
      options, sample_options, params::parse_yaml("{rows: 50, seed: 9, drift: 0.5}", "x.yaml").value(), "sample");
  EXPECT_EQ(options.rows, 50);
  EXPECT_EQ(options.drift, 0.5);
  EXPECT_EQ(options.seed, 9u);
  EXPECT_TRUE(read.ok());
}

}  // namespace
}  // namespace slipway::table
