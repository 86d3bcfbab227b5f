#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;
using table::Column;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

table::Table one(table::ColumnData data) { return *table::Table::make({Column{"y", std::move(data)}}); }
Schema schema(const std::string& positive = "") {
  Schema schema;
  schema.target = "y";
  schema.positive = positive;
  return schema;
}

TEST(Target, PositiveClassIsOneTrueYesOrTheRarer) {
  EXPECT_EQ(resolve_target(one(table::IntegerColumn{{1, 1, 1, 0}}), schema())->classes,
            (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(resolve_target(one(table::TextColumn{{0, 0, 1}, {"Yes", "no"}}), schema())->classes,
            (std::vector<std::string>{"no", "Yes"}));
  EXPECT_EQ(resolve_target(one(table::TextColumn{{0, 0, 1}, {">50K", "<=50K"}}), schema())->classes,
            (std::vector<std::string>{">50K", "<=50K"}));
  const auto chosen = resolve_target(one(table::TextColumn{{0, 0, 1}, {"a", "b"}}), schema("a"));
  EXPECT_EQ(chosen->classes, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(chosen->labels, (std::vector<std::int32_t>{1, 1, 0}));
  EXPECT_NE(resolve_target(one(table::TextColumn{{0, 1}, {"a", "b"}}), schema("c")).error().message().find("'c'"),
            std::string::npos);
}

TEST(Target, TaskFollowsTheValues) {
  EXPECT_EQ(resolve_target(one(table::NumberColumn{{0.5, 1, 2}}), schema())->task, model::Task::regression);
  EXPECT_EQ(resolve_target(one(table::IntegerColumn{{0, 1, 2}}), schema())->task, model::Task::multiclass);
  EXPECT_EQ(resolve_target(one(table::NumberColumn{{0, 1, nan}}), schema())->task, model::Task::binary);
  std::vector<std::int64_t> many;
  for (int i = 0; i < 30; ++i) many.push_back(i);
  EXPECT_EQ(resolve_target(one(table::IntegerColumn{many}), schema())->task, model::Task::regression);
  // Numbers are ordered as numbers, not as text.
  EXPECT_EQ(resolve_target(one(table::IntegerColumn{{10, 9, 2}}), schema())->classes,
            (std::vector<std::string>{"2", "9", "10"}));
}

TEST(Weights, AreNumbersThatAreNotNegative) {
  Schema given = schema();
  EXPECT_TRUE(read_weights(one(table::NumberColumn{{1, 2}}), given)->empty());
  given.weight = "y";
  EXPECT_EQ(*read_weights(one(table::IntegerColumn{{3, 0}}), given), (std::vector<float>{3, 0}));
  EXPECT_NE(read_weights(one(table::NumberColumn{{1, -2}}), given).error().message().find("holds -2 in row 2"),
            std::string::npos);
  EXPECT_NE(read_weights(one(table::NumberColumn{{nan}}), given).error().message().find("holds nothing in row 1"),
            std::string::npos);
  EXPECT_FALSE(read_weights(one(table::TextColumn{{0}, {"a"}}), given).ok());
  given.weight = "z";
  EXPECT_NE(read_weights(one(table::NumberColumn{{1}}), given).error().message().find("weight"), std::string::npos);
}

TEST(Target, MissingLabelsAreMarked) {
  EXPECT_EQ(resolve_target(one(table::TextColumn{{0, -1, 1}, {"a", "b"}}), schema())->labels[1], -1);
}

TEST(Target, OneClassSaysSo) {
  const auto target = resolve_target(one(table::IntegerColumn{{0, 0, 0}}), schema());
  ASSERT_FALSE(target.ok());
  EXPECT_EQ(target.error().message(), "target: column 'y' has one class only ('0' in all 3 rows); two are needed");
}

class DatasetFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / "slipway_dataset";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream file(folder_ / "data.csv");
    file << "user_id,city,amount,constant,y\n";
    for (int i = 0; i < 200; ++i)
      file << i % 50 << "," << (i % 3 == 0 ? "oslo" : "bonn") << "," << (i % 10 == 0 ? -1 : i * 0.5) << ",7,"
           << (i % 4 == 0 ? 1 : 0) << "\n";
  }
  Configuration configuration(const std::string& yaml) {
    auto read = parse_configuration(yaml, "slipway.yaml", folder_);
    EXPECT_TRUE(read.ok()) << read.error().message();
    return *read;
  }
  fs::path folder_;
};

TEST_F(DatasetFile, CleansSplitsAndSetsColumnsAside) {
  const auto settings = configuration("source: data.csv\nschema: {target: y}\nprepare: [{keep: amount > 0}]\n");
  auto prepared = prepare(settings, folder_ / "cache", 1, silent_progress());
  ASSERT_TRUE(prepared.ok()) << prepared.error().message();
  EXPECT_EQ(prepared->table.rows(), 180u);
  EXPECT_EQ(prepared->dropped.rows(), 20u);
  EXPECT_EQ(prepared->cleaning[0].rows_in, 200);
  const std::string key = prepared->key;
  auto dataset = make_dataset(settings, std::move(*prepared), silent_progress());
  ASSERT_TRUE(dataset.ok()) << dataset.error().message();
  EXPECT_EQ(dataset->split.test.size(), 36u);
  EXPECT_EQ(dataset->plan.numeric, std::vector<std::string>{"amount"});
  EXPECT_EQ(dataset->plan.categorical, std::vector<std::string>{"city"});
  EXPECT_EQ(dataset->set_aside.size(), 2u);

  const auto again = prepare(settings, folder_ / "cache", 2, silent_progress());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->key, key);
  EXPECT_EQ(again->table.rows(), 180u);
  EXPECT_EQ(again->dropped.rows(), 20u);
  EXPECT_EQ(again->cleaning[0].step, dataset->prepared.cleaning[0].step);
}

TEST_F(DatasetFile, ChangedDataHasAnotherKey) {
  const auto settings = configuration("source: data.csv\nschema: {target: y}\n");
  const auto before = prepare(settings, {}, 1, silent_progress());
  std::ofstream(folder_ / "data.csv", std::ios::app) << "1,oslo,2,7,1\n";
  const auto after = prepare(settings, {}, 1, silent_progress());
  EXPECT_NE(before->key, after->key);
  EXPECT_NE(before->data_digest, after->data_digest);
}

TEST_F(DatasetFile, ErrorsBeforeWork) {
  auto settings = configuration("source: data.csv\nschema: {target: amuont}\n");
  auto prepared = prepare(settings, {}, 1, silent_progress());
  EXPECT_NE(
      make_dataset(settings, std::move(*prepared), silent_progress()).error().message().find("did you mean 'amount'"),
      std::string::npos);
  settings = configuration("source: data.csv\nschema: {target: y}\nprepare: [{keep: amount > 1e9}]\n");
  EXPECT_NE(prepare(settings, {}, 1, silent_progress()).error().message().find("no row is left"), std::string::npos);
}

TEST_F(DatasetFile, ErrorNamesAnAbsentFile) {
  const auto settings = configuration("source: absent.csv\nschema: {target: y}\n");
  const auto prepared = prepare(settings, {}, 1, silent_progress());
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.error().code(), ErrorCode::not_found);
  EXPECT_NE(prepared.error().message().find("absent.csv"), std::string::npos);
}

}  // namespace
}  // namespace slipway::pipeline
