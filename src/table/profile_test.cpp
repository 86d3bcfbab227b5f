#include <cmath>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/table/profile.hpp>

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

ColumnProfile profile_of(ColumnData data) {
  return profile_table(Table::make({{"x", std::move(data)}}).value()).columns.at(0);
}

TEST(Profile, DescribesNumbers) {
  const ColumnProfile profile = profile_of(NumberColumn{{4, 1, missing, 3, 2, 2}});
  EXPECT_EQ(profile.name, "x");
  EXPECT_EQ(profile.type, "number");
  EXPECT_EQ(profile.rows, 6);
  EXPECT_EQ(profile.missing, 1);
  EXPECT_EQ(profile.distinct, 4);
  EXPECT_EQ(profile.minimum, 1);
  EXPECT_EQ(profile.maximum, 4);
  EXPECT_DOUBLE_EQ(profile.mean, 2.4);
  // Squared deviations 2.56 + 1.96 + .36 + .16 + .16 = 5.2 over 4.
  EXPECT_DOUBLE_EQ(profile.standard_deviation, std::sqrt(1.3));
  // Positions 0.04, 0.2, 1, 2, 3, 3.8, 3.96 in 1 2 2 3 4.
  const double expected[] = {1.04, 1.2, 2, 2, 3, 3.8, 3.96};
  ASSERT_EQ(profile.quantiles.size(), 7u);
  for (std::size_t i = 0; i < 7; ++i) EXPECT_NEAR(profile.quantiles[i], expected[i], 1e-12) << i;
  EXPECT_FALSE(profile.constant);
  EXPECT_FALSE(profile.id_like);
  EXPECT_THAT(profile.most_frequent, IsEmpty());
}

TEST(Profile, HistogramCountsEveryPresentRow) {
  std::vector<float> values(1001);
  std::iota(values.begin(), values.end(), 0.0f);  // 0 to 1000: quantiles at 5 and 995, bins 19.8 wide
  values.push_back(missing);
  const ColumnProfile profile = profile_of(NumberColumn{values});
  ASSERT_EQ(profile.histogram_edges.size(), 51u);
  ASSERT_EQ(profile.histogram_counts.size(), 50u);
  EXPECT_DOUBLE_EQ(profile.histogram_edges.front(), 5);
  EXPECT_DOUBLE_EQ(profile.histogram_edges.back(), 995);
  EXPECT_NEAR(profile.histogram_edges[1], 24.8, 1e-9);
  EXPECT_EQ(profile.histogram_counts[0], 25);   // 0 to 24
  EXPECT_EQ(profile.histogram_counts[1], 20);   // 25 to 44
  EXPECT_EQ(profile.histogram_counts[49], 25);  // 976 to 1000
  EXPECT_EQ(std::accumulate(profile.histogram_counts.begin(), profile.histogram_counts.end(), std::int64_t{0}), 1001);
}

TEST(Profile, SortsNegativeAndLargeIntegers) {
  const ColumnProfile profile = profile_of(IntegerColumn{{5, -7, 4'000'000'000'000, IntegerColumn::missing, -7}});
  EXPECT_EQ(profile.minimum, -7);
  EXPECT_EQ(profile.maximum, 4e12);
  EXPECT_EQ(profile.distinct, 3);
  EXPECT_EQ(profile.quantiles[3], -1);  // half way between -7 and 5
}

TEST(Profile, DescribesConstantColumns) {
  const ColumnProfile profile = profile_of(NumberColumn{{0.1f, 0.1f, 0.1f}});
  EXPECT_TRUE(profile.constant);
  EXPECT_EQ(profile.standard_deviation, 0);
  EXPECT_EQ(profile.distinct, 1);
  EXPECT_THAT(profile.histogram_edges, ElementsAre(0.1f, 0.1f));
  EXPECT_THAT(profile.histogram_counts, ElementsAre(3));
  EXPECT_FALSE(profile_of(NumberColumn{{1, missing}}).constant);
  EXPECT_TRUE(profile_of(TextColumn{{0, 0}, {"a", "unused"}}).constant);
}

TEST(Profile, DescribesColumnsWithoutValues) {
  const ColumnProfile all_missing = profile_of(NumberColumn{{missing, missing}});
  EXPECT_EQ(all_missing.missing, 2);
  EXPECT_EQ(all_missing.distinct, 0);
  EXPECT_TRUE(std::isnan(all_missing.minimum));
  EXPECT_TRUE(std::isnan(all_missing.mean));
  EXPECT_THAT(all_missing.quantiles, IsEmpty());
  EXPECT_THAT(all_missing.histogram_counts, IsEmpty());
  EXPECT_TRUE(all_missing.constant);
  const ColumnProfile no_rows = profile_of(IntegerColumn{});
  EXPECT_EQ(no_rows.rows, 0);
  EXPECT_FALSE(no_rows.constant);
  EXPECT_TRUE(std::isnan(no_rows.maximum));
  const ColumnProfile no_text = profile_of(TextColumn{{-1, -1}, {}});
  EXPECT_EQ(no_text.missing, 2);
  EXPECT_THAT(no_text.most_frequent, IsEmpty());
}

TEST(Profile, OneRowHasDefinedAnswers) {
  const ColumnProfile profile = profile_of(NumberColumn{{3}});
  EXPECT_EQ(profile.standard_deviation, 0);
  EXPECT_THAT(profile.quantiles, ElementsAre(3, 3, 3, 3, 3, 3, 3));
}

TEST(Profile, InfiniteValuesDoNotSpoilTheRest) {
  const ColumnProfile profile = profile_of(NumberColumn{{1, 3, infinite, infinite}});
  EXPECT_EQ(profile.maximum, infinite);
  EXPECT_EQ(profile.mean, 2);
  EXPECT_DOUBLE_EQ(profile.standard_deviation, std::sqrt(2.0));
  for (const double quantile : profile.quantiles) EXPECT_FALSE(std::isnan(quantile));
  EXPECT_THAT(profile.histogram_counts, ElementsAre(4));
}

TEST(Profile, CountsTextByFrequencyThenValue) {
  const ColumnProfile profile = profile_of(TextColumn{{0, 1, 1, 2, 0, -1, 3}, {"b", "a", "é", "c", "unused"}});
  ASSERT_EQ(profile.most_frequent.size(), 4u);
  EXPECT_EQ(profile.most_frequent[0].value, "a");
  EXPECT_EQ(profile.most_frequent[0].count, 2);
  EXPECT_EQ(profile.most_frequent[1].value, "b");
  EXPECT_EQ(profile.most_frequent[2].value, "c");
  EXPECT_EQ(profile.most_frequent[3].value, "é");
  EXPECT_EQ(profile.distinct, 4);
  EXPECT_EQ(profile.missing, 1);
}

TEST(Profile, ShowsTwentyOfManyTexts) {
  TextColumn text;
  for (std::int32_t i = 0; i < 30; ++i) {
    text.dictionary.push_back("value" + std::to_string(i));
    text.codes.insert(text.codes.end(), static_cast<std::size_t>(30 - i), i);
  }
  const ColumnProfile profile = profile_of(text);
  ASSERT_EQ(profile.most_frequent.size(), 20u);
  EXPECT_EQ(profile.most_frequent[19].count, 11);
}

TEST(Profile, GivesTimesInSeconds) {
  const ColumnProfile profile = profile_of(TimeColumn{{2'500'000, missing_time, 500'000}});
  EXPECT_EQ(profile.minimum, 0.5);
  EXPECT_EQ(profile.maximum, 2.5);
  EXPECT_EQ(profile.missing, 1);
}

TEST(Profile, SpotsIdentifiers) {
  IntegerColumn ids, repeated;
  for (std::int64_t i = 0; i < 1000; ++i) {
    ids.values.push_back(i / 2 * 2 == 500 ? 500 : i);  // one pair of equals among 1000
    repeated.values.push_back(i % 900);
  }
  EXPECT_TRUE(profile_of(ids).id_like);
  EXPECT_FALSE(profile_of(repeated).id_like);
  EXPECT_FALSE(profile_of(IntegerColumn{{1, 2, 3}}).id_like);
}

TEST(Profile, CountsRowsThatRepeatAnEarlierOne) {
  const Table table = Table::make({{"a", NumberColumn{{1, 1, missing, missing, 0.0f, -0.0f, 1}}},
                                   {"b", TextColumn{{0, 0, -1, -1, 1, 1, 1}, {"x", "y"}}}})
                          .value();
  EXPECT_EQ(profile_table(table).duplicate_rows, 3);
  EXPECT_EQ(profile_table(Table()).duplicate_rows, 0);
}

}  // namespace
}  // namespace slipway::table
