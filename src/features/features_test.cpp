#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include <slipway/features/features.hpp>
#include <slipway/model/interpreter.hpp>

namespace slipway::features {
namespace {

using table::Column;
using table::Table;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

std::vector<std::uint32_t> all_rows(const Table& table) {
  std::vector<std::uint32_t> rows(table.rows());
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

// a a a a b b b c c (missing) ; y chosen by hand
Table shop() {
  return *Table::make({
      Column{"amount", table::NumberColumn{{1, 2, nan, 4, 5, 6, 7, 8, 100, 3}}},
      Column{"visits", table::IntegerColumn{{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}}},
      Column{"city", table::TextColumn{{0, 0, 0, 0, 1, 1, 1, 2, 2, -1}, {"oslo", "bonn", "nice"}}},
      Column{"when", table::TimeColumn{std::vector<std::int64_t>(10, *parse_time("2026-11-24T13:05:00Z"))}},
  });
}
const std::vector<std::int32_t> labels = {1, 0, 1, 1, 0, 0, 1, 0, 0, 1};
const TargetView target{model::Task::binary, 2, labels, {}};

struct Fit {
  model::ModelBuilder builder{"shop"};
  FittedFeatures fitted;
};
Result<Fit> run(const FeaturePlan& plan, const Table& table) {
  Fit fit;
  SLIPWAY_TRY(fit.fitted, features::fit(fit.builder, plan, table, all_rows(table), target, 7));
  return fit;
}
model::Block transform(const Fit& fit, const Table& table) {
  const model::Model& model = fit.builder.so_far();
  const auto rows = model::TableRows::from(model.inputs, table);
  EXPECT_TRUE(rows.ok()) << rows.error().message();
  return *model::evaluate_value(model.inputs, model.values, model.operators, rows->batch(), fit.fitted.value);
}

TEST(Features, NumbersPassOrAreFilled) {
  FeaturePlan plan;
  plan.numeric = {"amount", "visits"};
  auto plain = run(plan, shop());
  ASSERT_TRUE(plain.ok()) << plain.error().message();
  EXPECT_TRUE(std::isnan(plain->fitted.training.at(2, 0)));
  EXPECT_EQ(plain->fitted.training.at(8, 1), 5);

  plan.options.impute = "median";
  plan.options.missing_indicator = true;
  auto filled = run(plan, shop());
  ASSERT_TRUE(filled.ok()) << filled.error().message();
  EXPECT_EQ(filled->fitted.training.width, 3u);    // visits had no missing value
  EXPECT_EQ(filled->fitted.training.at(2, 0), 5);  // of 1 2 3 4 5 6 7 8 100
  EXPECT_EQ(filled->fitted.training.at(2, 1), 1);
  EXPECT_EQ(filled->fitted.training.at(1, 1), 0);
  EXPECT_EQ(filled->builder.value(filled->fitted.value).columns[1], "amount=missing");
  plan.options.impute = "most_frequent";
  EXPECT_EQ(run(plan, shop())->fitted.training.at(2, 0), 1);
}

TEST(Features, OneHotKnowsUnseenAndMissing) {
  FeaturePlan plan;
  plan.categorical = {"city"};
  auto fit = run(plan, shop());
  ASSERT_TRUE(fit.ok()) << fit.error().message();
  EXPECT_EQ(fit->builder.value(fit->fitted.value).columns,
            (std::vector<std::string>{"city=bonn", "city=nice", "city=oslo", "city=missing"}));
  const auto block = transform(*fit, *Table::make({Column{"city", table::TextColumn{{0, 1, -1}, {"nice", "rome"}}}}));
  const float expected[3][4] = {{0, 1, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 1}};
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t column = 0; column < 4; ++column) EXPECT_EQ(block.at(row, column), expected[row][column]);
}

TEST(Features, TargetEncodingEqualsScikitLearn) {
  FeaturePlan plan;
  plan.categorical = {"city"};
  plan.options.encode = "target";
  auto fit = run(plan, shop());
  ASSERT_TRUE(fit.ok()) << fit.error().message();
  const auto block = transform(
      *fit, *Table::make({Column{"city", table::TextColumn{{0, 1, 2, 3, -1}, {"oslo", "bonn", "nice", "rome"}}}}));
  // scikit-learn 1.9 TargetEncoder(smooth="auto", target_type="binary").fit(city, y).encodings_
  const float expected[] = {0.71052632F, 0.37142857F, 0.0F, 0.5F, 1.0F};
  for (std::size_t row = 0; row < 5; ++row) EXPECT_NEAR(block.at(row, 0), expected[row], 1e-6) << row;
}

TEST(Features, TrainingRowsAreEncodedOutOfFold) {
  FeaturePlan plan;
  plan.categorical = {"city"};
  plan.options.encode = "target";
  auto fit = run(plan, shop());
  const auto plain = transform(*fit, shop());
  int different = 0;
  for (std::size_t row = 0; row < 10; ++row) different += fit->fitted.training.at(row, 0) != plain.at(row, 0);
  EXPECT_GT(different, 5);
  // The only missing city: its own fold has no other, so it is encoded by the mean of the other folds, not by its
  // label.
  EXPECT_GT(fit->fitted.training.at(9, 0), 0.3F);
  EXPECT_LT(fit->fitted.training.at(9, 0), 0.6F);
}

TEST(Features, DerivedReadsFilledNumbersAndTimes) {
  FeaturePlan plan;
  plan.numeric = {"amount"};
  plan.options.impute = "median";
  plan.derived = {{"ratio", "amount / (visits + 1)"}, {"hour_of", "hour(\"when\")"}};
  auto fit = run(plan, shop());
  ASSERT_TRUE(fit.ok()) << fit.error().message();
  EXPECT_EQ(fit->fitted.training.at(2, 1), 5.0F / 3.0F);
  EXPECT_EQ(fit->fitted.training.at(0, 2), 13);
  const auto sources = model::column_sources(fit->builder.so_far(), fit->fitted.value);
  EXPECT_EQ(sources[1], (std::vector<std::uint32_t>{0, 1}));
}

TEST(Features, TimeGivesHourAndWeekday) {
  FeaturePlan plan;
  plan.time = {"when"};
  auto fit = run(plan, shop());
  ASSERT_TRUE(fit.ok()) << fit.error().message();
  EXPECT_EQ(fit->fitted.training.at(0, 0), 13);
  EXPECT_EQ(fit->fitted.training.at(0, 1), 1);  // a Tuesday
}

TEST(Features, RareCategoriesAreMergedWithUnseen) {
  FeaturePlan plan;
  plan.categorical = {"city"};
  plan.options.rare_minimum = 3;
  auto fit = run(plan, shop());
  EXPECT_EQ(fit->builder.value(fit->fitted.value).columns,
            (std::vector<std::string>{"city=bonn", "city=oslo", "city=missing"}));
}

TEST(Features, SelectionLeavesOutAndSaysWhy) {
  Table table = shop();
  ASSERT_TRUE(table.add({"twice", table::NumberColumn{{2, 4, nan, 8, 10, 12, 14, 16, 200, 6}}}).ok());
  ASSERT_TRUE(table.add({"same", table::NumberColumn{std::vector<float>(10, 3)}}).ok());
  ASSERT_TRUE(table.add({"label", table::NumberColumn{{1, 0, 1, 1, 0, 0, 1, 0, 0, 1}}}).ok());
  FeaturePlan plan;
  plan.numeric = {"amount", "twice", "same", "visits", "label"};
  plan.categorical = {"city"};
  plan.select.variance = 0;
  plan.select.correlation = 0.99;
  auto fit = run(plan, table);
  ASSERT_TRUE(fit.ok()) << fit.error().message();
  ASSERT_EQ(fit->fitted.dropped.size(), 2u);
  EXPECT_EQ(fit->fitted.dropped[0].name, "same");
  EXPECT_EQ(fit->fitted.dropped[0].why, "the same value in every training row");
  EXPECT_EQ(fit->fitted.dropped[1].name, "twice");
  EXPECT_EQ(fit->fitted.dropped[1].why, "correlation 1.0000 with 'amount', above 0.99");
  // The model does not ask for what it does not use.
  std::vector<std::string> inputs;
  for (const auto& input : fit->builder.so_far().inputs) inputs.push_back(input.name);
  EXPECT_EQ(inputs, (std::vector<std::string>{"amount", "visits", "label", "city"}));
  const auto before = run(
      [] {
        FeaturePlan all;
        all.numeric = {"amount"};
        return all;
      }(),
      table);
  for (std::size_t row = 0; row < 10; ++row)
    EXPECT_TRUE(fit->fitted.training.at(row, 0) == before->fitted.training.at(row, 0) || row == 2);

  plan.numeric = {"visits", "label"};
  plan.select = {};
  plan.select.mutual_information = 1;
  fit = run(plan, table);
  ASSERT_TRUE(fit.ok()) << fit.error().message();
  EXPECT_EQ(fit->builder.value(fit->fitted.value).columns, (std::vector<std::string>{"label"}));
  // scikit-learn's mutual_info_score(visits, labels) is 0.2772589: visits 1, 3, 4 and 5 halve the labels, 2 has one.
  const auto visits = std::find_if(fit->fitted.dropped.begin(), fit->fitted.dropped.end(),
                                   [](const DroppedFeature& one) { return one.name == "visits"; });
  ASSERT_NE(visits, fit->fitted.dropped.end());
  EXPECT_NE(visits->why.find("tells 0.2773 nats of the target"), std::string::npos) << visits->why;
}

// The importance of a column is its value in the first row.
TEST(Features, RecursiveEliminationAsksTheLearnerEveryRound) {
  const Table table = *Table::make({
      Column{"a", table::NumberColumn{{5, 1}}},
      Column{"b", table::NumberColumn{{1, 2}}},
      Column{"c", table::NumberColumn{{1, 3}}},
      Column{"d", table::NumberColumn{{3, 4}}},
      Column{"e", table::NumberColumn{{4, 5}}},
  });
  std::vector<std::size_t> widths;
  const FeatureImportance first_row = [&](const model::Block& block, std::span<const std::int32_t> nominal,
                                          std::span<const double> variances) -> Result<std::vector<double>> {
    widths.push_back(block.width);
    EXPECT_EQ(nominal.size(), block.width);
    EXPECT_EQ(variances[0], 4);  // of 5 and 1
    std::vector<double> found;
    for (std::size_t i = 0; i < block.width; ++i) found.push_back(block.at(0, i));
    return found;
  };
  FeaturePlan plan;
  plan.numeric = {"a", "b", "c", "d", "e"};
  plan.select.recursive_step = 2;
  for (const double wanted : {2.0, 0.4}) {
    plan.select.recursive = wanted;
    model::ModelBuilder builder("eliminated");
    const TargetView labelled{model::Task::binary, 2, std::span(labels).first(2), {}};
    const auto fitted = features::fit(builder, plan, table, all_rows(table), labelled, 7, first_row);
    ASSERT_TRUE(fitted.ok()) << fitted.error().message();
    EXPECT_EQ(builder.value(fitted->value).columns, (std::vector<std::string>{"a", "e"}));
    std::vector<std::string> said;
    for (const DroppedFeature& one : fitted->dropped) said.push_back(one.name + ": " + one.why);
    EXPECT_EQ(said,
              (std::vector<std::string>{
                  "b: recursive elimination, rank 3: importance 1 in round 1, among the least of 5 features; 2 stay",
                  "c: recursive elimination, rank 3: importance 1 in round 1, among the least of 5 features; 2 stay",
                  "d: recursive elimination, rank 2: importance 3 in round 2, among the least of 3 features; 2 stay"}));
  }
  EXPECT_EQ(widths, (std::vector<std::size_t>{5, 3, 5, 3}));
  model::ModelBuilder builder("eliminated");
  const auto alone =
      features::fit(builder, plan, table, all_rows(table), {model::Task::binary, 2, std::span(labels).first(2), {}}, 7);
  ASSERT_FALSE(alone.ok());
  EXPECT_NE(alone.error().message().find("select: recursive: there is no learner"), std::string::npos)
      << alone.error().message();
}

TEST(Features, ErrorsNameTheColumn) {
  FeaturePlan plan;
  plan.numeric = {"amuont"};
  EXPECT_NE(run(plan, shop()).error().message().find("did you mean 'amount'"), std::string::npos);
  plan.numeric = {"city"};
  EXPECT_NE(run(plan, shop()).error().message().find("city"), std::string::npos);
  plan = {};
  plan.derived = {{"x", "amount / (visits +"}};
  EXPECT_NE(run(plan, shop()).error().message().find("derived feature 'x'"), std::string::npos);
  EXPECT_FALSE(run(FeaturePlan{}, shop()).ok());
}

TEST(Features, PinRangesAndCategories) {
  FeaturePlan plan;
  plan.numeric = {"amount"};
  plan.categorical = {"city"};
  auto fit = run(plan, shop());
  const auto& inputs = fit->builder.so_far().inputs;
  EXPECT_EQ(inputs[0].minimum, 1.0F);
  EXPECT_EQ(inputs[0].maximum, 100.0F);
  EXPECT_EQ(inputs[1].categories, (std::vector<std::string>{"bonn", "nice", "oslo"}));
}

}  // namespace
}  // namespace slipway::features
