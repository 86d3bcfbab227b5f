#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/table/split.hpp>

#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SplitOptions options(std::string method, double test = 0.2, std::uint64_t seed = 42) {
  SplitOptions made;
  made.method = std::move(method);
  made.test = test;
  made.seed = seed;
  return made;
}

void expect_partition(const Split& split, std::size_t rows) {
  EXPECT_TRUE(std::is_sorted(split.train.begin(), split.train.end()));
  EXPECT_TRUE(std::is_sorted(split.test.begin(), split.test.end()));
  std::vector<std::uint32_t> all = split.train;
  all.insert(all.end(), split.test.begin(), split.test.end());
  std::sort(all.begin(), all.end());
  std::vector<std::uint32_t> expected(rows);
  std::iota(expected.begin(), expected.end(), 0u);
  EXPECT_EQ(all, expected);
}

TEST(Split, StratifiedKeepsEachClassesShare) {
  // 1000 rows of class 0, 50 of class 1, 3 of class 7: 200, 10 and round(0.6) = 1 of them are for the test.
  std::vector<std::int32_t> classes(1053, 0);
  for (int i = 0; i < 50; ++i) classes[static_cast<std::size_t>(i) * 20] = 1;
  for (std::size_t i = 1050; i < 1053; ++i) classes[i] = 7;
  SLIPWAY_VALUE(const Split split, split_rows({.rows = 1053, .classes = classes}, options("stratified")));
  expect_partition(split, 1053);
  std::map<std::int32_t, int> tested;
  for (const std::uint32_t row : split.test) ++tested[classes[row]];
  EXPECT_EQ(tested, (std::map<std::int32_t, int>{{0, 200}, {1, 10}, {7, 1}}));
}

TEST(Split, ValidationPartComesOutOfTheTrainingRows) {
  // 1000 rows of two classes in groups of ten, an hour apart, the latest first.
  constexpr std::size_t rows = 1000;
  std::vector<std::int32_t> classes(rows), groups(rows);
  std::vector<std::int64_t> times(rows);
  std::vector<std::uint64_t> ids(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    classes[i] = i % 10 == 0 ? 1 : 0;
    groups[i] = static_cast<std::int32_t>(i / 10);
    times[i] = static_cast<std::int64_t>(rows - i) * 3'600'000'000;
    ids[i] = 7 * i + 1;
  }
  const SplitInput input{.rows = rows, .classes = classes, .groups = groups, .times = times, .ids = ids};
  for (const char* method : {"random", "stratified", "grouped", "time"}) {
    SCOPED_TRACE(method);
    SplitOptions chosen = options(method, 0.2);
    SLIPWAY_VALUE(const Split two, split_rows(input, chosen));
    EXPECT_TRUE(two.validation.empty() && two.fitting.empty());
    chosen.validation = 0.1;
    SLIPWAY_VALUE(const Split three, split_rows(input, chosen));
    EXPECT_EQ(three.test, two.test);
    EXPECT_EQ(three.train, two.train);
    EXPECT_EQ(three.validation.size(), 100u);
    EXPECT_EQ(three.fitting.size(), 700u);
    std::vector<std::uint32_t> all = three.fitting;
    all.insert(all.end(), three.validation.begin(), three.validation.end());
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, three.train);
  }
  SplitOptions stratified = options("stratified", 0.2);
  stratified.validation = 0.1;
  SLIPWAY_VALUE(const Split by_class, split_rows(input, stratified));
  EXPECT_EQ(std::count_if(by_class.validation.begin(), by_class.validation.end(),
                          [&](std::uint32_t row) { return classes[row] == 1; }),
            10);
  SplitOptions grouped = options("grouped", 0.2);
  grouped.validation = 0.1;
  SLIPWAY_VALUE(const Split by_group, split_rows(input, grouped));
  std::map<std::int32_t, std::set<int>> parts_of_group;
  for (const std::uint32_t row : by_group.fitting) parts_of_group[groups[row]].insert(0);
  for (const std::uint32_t row : by_group.validation) parts_of_group[groups[row]].insert(1);
  for (const std::uint32_t row : by_group.test) parts_of_group[groups[row]].insert(2);
  for (const auto& [group, parts] : parts_of_group) EXPECT_EQ(parts.size(), 1u) << group;
}

TEST(Split, ValidationByTimeLiesBetweenWithGapsOnBothSides) {
  // One row an hour for 100 hours. The test has the last 20; of the 80 before it 10 are for validation. A gap of two
  // hours: of the later part, what is at most two hours after the last earlier row is left out.
  std::vector<std::int64_t> times(100);
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = static_cast<std::int64_t>(i) * 3'600'000'000;
  SplitOptions by_time = options("time", 0.2);
  by_time.validation = 0.1;
  by_time.gap_days = 2.0 / 24;
  SLIPWAY_VALUE(const Split split, split_rows({.rows = 100, .times = times}, by_time));
  const auto range = [](std::uint32_t first, std::uint32_t last) {
    std::vector<std::uint32_t> rows(last - first + 1);
    std::iota(rows.begin(), rows.end(), first);
    return rows;
  };
  EXPECT_EQ(split.train, range(0, 79));
  EXPECT_EQ(split.fitting, range(0, 69));
  EXPECT_EQ(split.validation, range(72, 79));
  EXPECT_EQ(split.test, range(82, 99));
}

TEST(Split, ValidationShareMustLeaveTrainingRows) {
  SplitOptions chosen = options("random", 0.5);
  chosen.validation = 0.5;
  const auto split = split_rows({.rows = 100}, chosen);
  ASSERT_FALSE(split.ok());
  EXPECT_THAT(split.error().message(), HasSubstr("the validation share is 0.5 and the test share 0.5"));
}

TEST(Split, FollowsTheSeedAndNothingElse) {
  const SplitInput input{.rows = 500};
  SLIPWAY_VALUE(const Split first, split_rows(input, options("random")));
  SLIPWAY_VALUE(const Split second, split_rows(input, options("random")));
  SLIPWAY_VALUE(const Split other, split_rows(input, options("random", 0.2, 43)));
  EXPECT_EQ(first.test, second.test);
  EXPECT_NE(first.test, other.test);
  EXPECT_EQ(first.test.size(), 100u);
}

TEST(Split, DoesNotDependOnTheOrderOfRowsThatHaveIds) {
  constexpr std::size_t rows = 400;
  std::vector<std::uint64_t> ids(rows), reversed(rows);
  for (std::size_t i = 0; i < rows; ++i) ids[i] = reversed[rows - 1 - i] = 1000 + i;
  std::vector<std::int32_t> groups(rows), reversed_groups(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    groups[i] = static_cast<std::int32_t>(i / 7);
    reversed_groups[rows - 1 - i] = 900 - static_cast<std::int32_t>(i / 7);  // other codes for the same groups
  }
  const auto ids_of = [](const Split& split, const std::vector<std::uint64_t>& keys) {
    std::set<std::uint64_t> found;
    for (const std::uint32_t row : split.test) found.insert(keys[row]);
    return found;
  };
  SLIPWAY_VALUE(const Split a, split_rows({.rows = rows, .ids = ids}, options("random")));
  SLIPWAY_VALUE(const Split b, split_rows({.rows = rows, .ids = reversed}, options("random")));
  EXPECT_EQ(ids_of(a, ids), ids_of(b, reversed));
  SLIPWAY_VALUE(const Split c, split_rows({.rows = rows, .groups = groups, .ids = ids}, options("grouped")));
  SLIPWAY_VALUE(const Split d,
                split_rows({.rows = rows, .groups = reversed_groups, .ids = reversed}, options("grouped")));
  EXPECT_EQ(ids_of(c, ids), ids_of(d, reversed));
}

TEST(Split, GroupedKeepsGroupsWhole) {
  constexpr std::size_t rows = 1000;
  std::vector<std::int32_t> groups(rows);
  for (std::size_t i = 0; i < rows; ++i) groups[i] = static_cast<std::int32_t>(i % 83);
  for (std::size_t i = 0; i < 100; ++i) groups[i] = 500;  // one large group
  SLIPWAY_VALUE(const Split split, split_rows({.rows = rows, .groups = groups}, options("grouped")));
  expect_partition(split, rows);
  std::set<std::int32_t> train, test;
  for (const std::uint32_t row : split.train) train.insert(groups[row]);
  for (const std::uint32_t row : split.test) test.insert(groups[row]);
  for (const std::int32_t group : test) EXPECT_FALSE(train.contains(group)) << group;
  EXPECT_NEAR(static_cast<double>(split.test.size()), 200, 6);  // ordinary groups have 11 rows
}

TEST(Split, GroupedLeavesNeitherPartEmpty) {
  const std::vector<std::int32_t> groups = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (const double test : {0.01, 0.5, 0.99}) {
      SLIPWAY_VALUE(const Split split, split_rows({.rows = 10, .groups = groups}, options("grouped", test, seed)));
      EXPECT_FALSE(split.test.empty());
      EXPECT_FALSE(split.train.empty());
    }
}

TEST(Split, RowsWithoutAGroupAreOnTheirOwn) {
  const std::vector<std::int32_t> groups(100, -1);
  SLIPWAY_VALUE(const Split split, split_rows({.rows = 100, .groups = groups}, options("grouped", 0.3)));
  EXPECT_EQ(split.test.size(), 30u);
}

TEST(Split, TimeTakesTheLatestRows) {
  const std::vector<std::int64_t> times = {50, 10, 40, 20, 30, 60, 70, 80, 90, 100};
  SLIPWAY_VALUE(const Split split, split_rows({.rows = 10, .times = times}, options("time", 0.3)));
  EXPECT_THAT(split.test, ElementsAre(7, 8, 9));
  EXPECT_THAT(split.train, ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST(Split, TimeKeepsOneInstantTogether) {
  const std::vector<std::int64_t> times = {1, 2, 3, 4, 4, 4};
  SLIPWAY_VALUE(const Split split, split_rows({.rows = 6, .times = times}, options("time", 0.2)));
  EXPECT_THAT(split.test, ElementsAre(3, 4, 5));
  const std::vector<std::int64_t> same(6, 4);
  EXPECT_FALSE(split_rows({.rows = 6, .times = same}, options("time", 0.2)).ok());
}

TEST(Split, GapLeavesOutWhatFollowsTheTraining) {
  constexpr std::int64_t day = 86'400'000'000;
  const std::vector<std::int64_t> times = {0, day, 2 * day, 3 * day, 4 * day, 5 * day};
  SplitOptions with_gap = options("time", 0.5);
  with_gap.gap_days = 1;
  SLIPWAY_VALUE(const Split split, split_rows({.rows = 6, .times = times}, with_gap));
  EXPECT_THAT(split.train, ElementsAre(0, 1, 2));
  EXPECT_THAT(split.test, ElementsAre(4, 5));
  with_gap.gap_days = 3;
  const auto none = split_rows({.rows = 6, .times = times}, with_gap);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("a gap of 3 days leaves no rows"));
}

TEST(Split, SaysWhatIsWrong) {
  const auto message = [](const SplitInput& input, const SplitOptions& chosen) {
    const auto split = split_rows(input, chosen);
    return split.ok() ? std::string("no error") : split.error().message();
  };
  EXPECT_THAT(message({.rows = 10}, options("stratifed")), HasSubstr("did you mean 'stratified'?"));
  EXPECT_THAT(message({.rows = 10}, options("random", 1.0)), HasSubstr("the test share is 1, expected"));
  EXPECT_THAT(message({.rows = 0}, options("random")), HasSubstr("no rows"));
  EXPECT_THAT(message({.rows = 1}, options("random")), HasSubstr("1 row"));
  EXPECT_THAT(message({.rows = 2}, options("random")), HasSubstr("leaves no rows for the test"));
  EXPECT_THAT(message({.rows = 10}, options("grouped")), HasSubstr("group column"));
  EXPECT_THAT(message({.rows = 10}, options("time")), HasSubstr("time column"));
  const std::vector<std::int64_t> times = {1, missing_time, 3};
  EXPECT_THAT(message({.rows = 3, .times = times}, options("time")), HasSubstr("row 2 has no time"));
  const std::vector<std::int32_t> one_group(10, 3);
  EXPECT_THAT(message({.rows = 10, .groups = one_group}, options("grouped")), HasSubstr("one group"));
}

TEST(Folds, StratifiedDealsEachClassEvenly) {
  std::vector<std::int32_t> classes(103, 0);
  for (std::size_t i = 0; i < 12; ++i) classes[i * 8] = 1;
  SLIPWAY_VALUE(const auto folds, assign_folds({.rows = 103, .classes = classes}, SplitMethod::stratified, 5, 1));
  std::vector<int> sizes(5, 0), positives(5, 0);
  for (std::size_t i = 0; i < folds.size(); ++i) {
    ASSERT_LT(folds[i], 5);
    ++sizes[folds[i]];
    positives[folds[i]] += classes[i];
  }
  for (const int size : sizes) EXPECT_TRUE(size == 20 || size == 21) << size;
  for (const int count : positives) EXPECT_TRUE(count == 2 || count == 3) << count;
}

TEST(Folds, AreNotTheSplitAgain) {
  const SplitInput input{.rows = 1000};
  SLIPWAY_VALUE(const Split split, split_rows(input, options("random", 0.5, 7)));
  SLIPWAY_VALUE(const auto folds, assign_folds(input, SplitMethod::random, 2, 7));
  int same = 0;
  for (const std::uint32_t row : split.test) same += folds[row] == 0 ? 1 : 0;
  EXPECT_NEAR(same, 250, 60);
}

TEST(Folds, GroupedKeepsGroupsWholeAndSizesEven) {
  std::vector<std::int32_t> groups;
  for (std::int32_t group = 0; group < 40; ++group)
    groups.insert(groups.end(), static_cast<std::size_t>(1 + group % 9), group);
  SLIPWAY_VALUE(const auto folds, assign_folds({.rows = groups.size(), .groups = groups}, SplitMethod::grouped, 4, 1));
  std::map<std::int32_t, std::uint8_t> fold_of_group;
  std::vector<std::size_t> sizes(4, 0);
  for (std::size_t i = 0; i < folds.size(); ++i) {
    EXPECT_EQ(fold_of_group.emplace(groups[i], folds[i]).first->second, folds[i]);
    ++sizes[folds[i]];
  }
  const auto [smallest, largest] = std::minmax_element(sizes.begin(), sizes.end());
  EXPECT_LE(*largest - *smallest, 2u);
}

TEST(Folds, TimeGivesBlocksInOrder) {
  const std::vector<std::int64_t> times = {9, 8, 7, 6, 5, 5, 3, 2, 1};
  SLIPWAY_VALUE(const auto folds, assign_folds({.rows = 9, .times = times}, SplitMethod::time, 3, 1));
  // In time order the rows of time 5 are the fourth and fifth: both belong to the second block.
  EXPECT_THAT(folds, ElementsAre(2, 2, 2, 1, 1, 1, 0, 0, 0));
}

TEST(Folds, SaysWhatIsWrong) {
  EXPECT_THAT(assign_folds({.rows = 10}, SplitMethod::random, 1, 1).error().message(), HasSubstr("2 to 255"));
  EXPECT_THAT(assign_folds({.rows = 3}, SplitMethod::random, 5, 1).error().message(), HasSubstr("3 rows for 5 folds"));
  const std::vector<std::int32_t> groups = {1, 1, 1, 2, 2, 2};
  EXPECT_THAT(assign_folds({.rows = 6, .groups = groups}, SplitMethod::grouped, 3, 1).error().message(),
              HasSubstr("2 groups for 3 folds"));
}

TEST(RowKeys, DependOnTheValueOnly) {
  const auto first = row_keys({"id", TextColumn{{0, 1, -1}, {"a", "b"}}});
  const auto second = row_keys({"id", TextColumn{{1, 0, -1}, {"b", "a"}}});
  EXPECT_EQ(first, second);
  EXPECT_NE(first[0], first[1]);
  const auto numbers = row_keys({"id", IntegerColumn{{5, 6, 5, IntegerColumn::missing}}});
  EXPECT_EQ(numbers[0], numbers[2]);
  EXPECT_NE(numbers[0], numbers[1]);
  EXPECT_EQ(numbers[3], first[2]);
}

}  // namespace
}  // namespace slipway::table
