#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/monitor/reference.hpp>

#include "monitor_test_data.hpp"

namespace slipway::monitor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float infinity = std::numeric_limits<float>::infinity();

Reference reference_of(table::Column column, FeatureKind kind) {
  const std::vector<Feature> features = {{column.name, kind}};
  auto reference = build_reference(table_of({std::move(column)}), {features, {}, {}, {}});
  EXPECT_TRUE(reference.ok()) << reference.error().message();
  return *std::move(reference);
}

TEST(Reference, CutsNumbersIntoTenEqualParts) {
  std::vector<float> values;
  for (int i = 1; i <= 1000; ++i) values.push_back(static_cast<float>((i * 7919) % 1000 + 1));
  values.push_back(missing_number);
  const FeatureReference x = reference_of(number_column("x", values), FeatureKind::number).features[0];
  EXPECT_THAT(x.edges, ElementsAre(100, 200, 300, 400, 500, 600, 700, 800, 900));
  EXPECT_THAT(x.counts, ElementsAre(1, 0, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 0));
  EXPECT_EQ(x.minimum, 1);
  EXPECT_EQ(x.maximum, 1000);
  EXPECT_EQ(x.median, 500.5);
  EXPECT_EQ(x.bin_name(0), "missing");
  EXPECT_EQ(x.bin_name(1), "below 1");
  EXPECT_EQ(x.bin_name(2), "1 to 100");
  EXPECT_EQ(x.bin_name(12), "above 1000");
}

TEST(Reference, GivesFewValuesABinEachAndTiesOne) {
  const FeatureReference few =
      reference_of(number_column("x", {2, 0, 0, 0, 5, infinity, -infinity}), FeatureKind::number).features[0];
  EXPECT_THAT(few.edges, ElementsAre(0, 2));
  EXPECT_THAT(few.counts, ElementsAre(0, 1, 3, 1, 1, 1));
  std::vector<float> mostly_zero(100, 0);
  for (int i = 0; i < 30; ++i) mostly_zero[i] = static_cast<float>(i + 1);
  const FeatureReference ties = reference_of(number_column("x", mostly_zero), FeatureKind::number).features[0];
  EXPECT_EQ(ties.edges.front(), 0);
  EXPECT_EQ(ties.counts[2], 70);
  EXPECT_GT(ties.counts[ties.bins() - 2], 0);
}

TEST(Reference, KeepsTheMostFrequentCategories) {
  std::vector<std::string> cells;
  for (int i = 0; i < 60; ++i)
    for (int k = 0; k < (i < 50 ? 3 : i < 55 ? 2 : 1); ++k) cells.push_back("c" + std::to_string(100 + i));
  cells.push_back("");
  const FeatureReference x = reference_of(text_column("x", cells), FeatureKind::text).features[0];
  EXPECT_EQ(x.categories.size(), 50);
  EXPECT_EQ(x.categories[0], "c100");
  EXPECT_EQ(x.others.size(), 10);
  EXPECT_EQ(x.singletons, 5);
  EXPECT_EQ(x.counts[missing_bin], 1);
  EXPECT_EQ(x.counts[unseen_bin], 0);
  EXPECT_EQ(x.counts[other_bin], 15);
  EXPECT_EQ(x.bin_name(3), "c100");
}

TEST(Reference, CountsByDayAndLeavesStubsOut) {
  constexpr std::int64_t day = 86'400'000'000;
  std::vector<float> values;
  std::vector<std::int64_t> times;
  for (int d = -2; d < 3; ++d)
    for (int i = 0; i < (d == 2 ? 1 : 20); ++i) {  // the last day has just begun
      values.push_back(static_cast<float>(i % 2));
      times.push_back(d * day + i);
    }
  values.push_back(1);
  times.push_back(missing_time);
  const std::vector<Feature> features = {{"x", FeatureKind::number}};
  std::vector<float> scores(values.size(), 0.5F);
  scores[0] = missing_number;
  const auto reference = build_reference(table_of({number_column("x", values)}), {features, scores, times, {}});
  ASSERT_TRUE(reference.ok());
  ASSERT_EQ(reference->features[0].day_counts.size(), 4);
  EXPECT_THAT(reference->features[0].day_counts[0], ElementsAre(0, 0, 10, 10, 0));
  ASSERT_TRUE(reference->score);
  EXPECT_EQ(reference->score->rows, 81);
  EXPECT_EQ(reference->score->name, "score");
}

TEST(Reference, MeasuresTheEffectOfGroups) {
  // Groups of 10 equal rows carry the information of one row.
  std::vector<float> values;
  std::vector<std::int64_t> groups, alone;
  Random random(3);
  for (int g = 0; g < 500; ++g) {
    const auto value = static_cast<float>(random.normal());
    for (int i = 0; i < 10; ++i) {
      values.push_back(value);
      groups.push_back(g % 7 * 1000 + g);
      alone.push_back(10 * g + i);
    }
  }
  const std::vector<Feature> features = {{"x", FeatureKind::number}};
  const table::Table table = table_of({number_column("x", values)});
  EXPECT_NEAR(build_reference(table, {features, {}, {}, groups})->features[0].design_effect, 10, 1e-9);
  EXPECT_NEAR(build_reference(table, {features, {}, {}, alone})->features[0].design_effect, 1, 1e-9);
}

TEST(Reference, SurvivesOddColumns) {
  const FeatureReference nothing =
      reference_of(number_column("x", {missing_number, missing_number}), FeatureKind::number).features[0];
  EXPECT_THAT(nothing.counts, ElementsAre(2, 0, 0, 0));
  EXPECT_FALSE(nothing.minimum);
  EXPECT_EQ(nothing.bin_name(2), "any number");
  const FeatureReference constant = reference_of(number_column("x", {4, 4, 4}), FeatureKind::number).features[0];
  EXPECT_THAT(constant.counts, ElementsAre(0, 0, 3, 0));
  const FeatureReference no_rows = reference_of(text_column("x", {}), FeatureKind::text).features[0];
  EXPECT_THAT(no_rows.counts, ElementsAre(0, 0, 0));
  const std::vector<Feature> features = {{"amont", FeatureKind::number}};
  const auto absent = build_reference(table_of({number_column("amount", {1})}), {features, {}, {}, {}});
  ASSERT_FALSE(absent.ok());
  EXPECT_THAT(absent.error().message(), HasSubstr("amount"));
  const std::vector<float> scores = {1, 2};
  EXPECT_FALSE(build_reference(table_of({number_column("amount", {1})}), {{}, scores, {}, {}}).ok());
}

TEST(Reference, ComesBackFromJson) {
  std::vector<std::int64_t> times;
  for (int i = 0; i < 300; ++i) times.push_back(std::int64_t{i % 10} * 86'400'000'000);
  const std::vector<float> scores(300, 0.25F);
  const std::vector<Feature> features = mixed_features(5);
  const auto reference = build_reference(mixed_table(300, 1, 5), {features, scores, times, {}});
  ASSERT_TRUE(reference.ok());
  const nlohmann::json json = to_json(*reference);
  const auto again = reference_from_json(nlohmann::json::parse(json.dump()));
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(to_json(*again), json);
  EXPECT_EQ(again->features[0].edges, reference->features[0].edges);
  EXPECT_EQ(again->features[4].day_counts.size(), 10);

  nlohmann::json bad = json;
  bad["features"][1]["counts"].erase(0);
  const auto refused = reference_from_json(bad);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("feature 'f1' of the reference: 'counts'"));
  for (const char* text : {"{}", "[]", "7", R"({"format": 2, "rows": 1, "features": []})",
                           R"({"format": 1, "rows": 1, "features": [{"name": 7}]})"})
    EXPECT_FALSE(reference_from_json(nlohmann::json::parse(text)).ok()) << text;
}

}  // namespace
}  // namespace slipway::monitor
