#include <bit>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/explain/explainer.hpp>

#include "ensemble.hpp"
#include "interventional.hpp"
#include "kernels.hpp"
#include "random_trees.hpp"
#include "shap_example.hpp"

namespace slipway::explain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(GaussLegendre, IsExactForPolynomialsToItsDegree) {
  for (int points = 1; points <= 30; ++points) {
    const QuadratureRule rule = gauss_legendre(points);
    for (int degree = 0; degree <= 2 * points - 1; ++degree) {
      double sum = 0;
      for (int i = 0; i < points; ++i) sum += rule.weight[i] * std::pow(rule.at[i], degree);
      EXPECT_NEAR(sum, 1.0 / (degree + 1), 1e-14) << points << " points, degree " << degree;
    }
  }
}

TEST(Explainer, EqualsBruteForceShapleyValues) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const int features = 1 + static_cast<int>(seed % 7);
    model::Trees trees = random_trees(seed, 1 + static_cast<int>(seed % 4), 8, features);
    trees.base = {0.25F};
    if (seed % 2 == 0) trees.aggregate = model::Trees::Aggregate::mean;
    const auto model = regression_of(trees, features);
    ASSERT_TRUE(model.ok()) << model.error().message();
    const auto explainer = Explainer::make(*model);
    ASSERT_TRUE(explainer.ok()) << explainer.error().message();
    EXPECT_EQ(explainer->explained(), Explained::value);
    for (std::size_t rows : {3, 40}) {  // the one-row kernel, the rows kernel
      const model::Block block = random_block(seed, rows, features);
      Contributions out;
      ASSERT_TRUE(explainer->explain(block, out).ok());
      EXPECT_NEAR(out.base[0], conditional_total(trees, row_of(block, 0), 0, 0), 1e-6);
      for (std::size_t row = 0; row < rows; ++row) {
        const std::vector<double> expected = brute_force(trees, row_of(block, row), 0);
        for (int f = 0; f < features; ++f)
          ASSERT_NEAR(out.column(0, f, row), expected[f], 1e-6)
              << "seed " << seed << " row " << row << " feature " << f;
        EXPECT_NEAR(out.total(0, row), conditional_total(trees, row_of(block, row), ~0U, 0), 1e-6);
      }
    }
  }
}

TEST(Explainer, IsExactBeyondSixteenFeaturesOnAPath) {
  // A chain of 18 different features: 9 points, two walks.
  constexpr int features = 18;
  model::Trees trees = empty_trees(1, model::Trees::Aggregate::sum);
  trees.roots = {0};
  for (int i = 0; i < features; ++i) {
    const auto id = static_cast<std::uint32_t>(2 * i);
    trees.feature.insert(trees.feature.end(), {i, -1});
    trees.threshold.insert(trees.threshold.end(), {0, 0});
    trees.left.insert(trees.left.end(), {id + 1, static_cast<std::uint32_t>(i)});
    trees.right.insert(trees.right.end(), {id + 2, 0});
    trees.missing_left.insert(trees.missing_left.end(), {0, 0});
    trees.cover.insert(trees.cover.end(), {1000.0F - 40 * i, 40});
    trees.leaf_values.push_back(i % 3 == 0 ? 1.0F : -0.5F * i);
  }
  trees.feature.push_back(-1);
  trees.threshold.push_back(0);
  trees.left.push_back(features);
  trees.right.push_back(0);
  trees.missing_left.push_back(0);
  trees.cover.push_back(1000.0F - 40 * features);
  trees.leaf_values.push_back(8);
  const auto model = regression_of(trees, features);
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok());
  model::Block block(13, features);
  for (std::size_t r = 0; r < block.rows; ++r)
    for (int f = 0; f < features; ++f) block.column(f)[r] = r == 0 || std::size_t(f) != 3 + r ? 1.0F : -1.0F;
  Contributions out;
  ASSERT_TRUE(explainer->explain(block, out).ok());
  for (std::size_t row : {0, 5, 12}) {
    const std::vector<double> expected = brute_force(trees, row_of(block, row), 0);
    for (int f = 0; f < features; ++f) EXPECT_NEAR(out.column(0, f, row), expected[f], 3e-6) << row << " " << f;
  }
}

TEST(Explainer, EqualsTheShapPackage) {
  const auto model = model_of(shap_example_trees(), 4, [](model::ModelBuilder& builder, model::ValueId out) {
    const auto label = builder.add(model::Decide{out, 0}, "label", {"label"});
    builder.set_task(model::Task::multiclass, "y", {"a", "b", "c"});
    builder.set_outputs(out, label);
  });
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok()) << explainer.error().message();
  EXPECT_EQ(explainer->explained(), Explained::probability);
  EXPECT_THAT(explainer->outputs(), ElementsAre("a", "b", "c"));
  for (std::size_t repeats : {1, 20}) {
    model::Block block(3 * repeats, 4);
    for (std::size_t r = 0; r < block.rows; ++r)
      for (int c = 0; c < 4; ++c) block.column(c)[r] = shap_example_rows[r % 3][c];
    Contributions out;
    ASSERT_TRUE(explainer->explain(block, out).ok());
    for (int o = 0; o < 3; ++o) {
      EXPECT_NEAR(out.base[o], shap_example_base[o], 1e-8);
      for (std::size_t r = 0; r < block.rows; ++r)
        for (int c = 0; c < 4; ++c) EXPECT_NEAR(out.column(o, c, r), shap_example_values[r % 3][o][c], 1e-7);
    }
  }
}

TEST(Explainer, AddsUpToTheMarginOfALargeBoostedModel) {
  model::Trees trees = random_trees(5, 300, 6, 12);
  for (float& value : trees.leaf_values) value *= 0.1F;
  trees.base = {-2};
  const auto model = model_of(trees, 12, [](model::ModelBuilder& builder, model::ValueId out) {
    const auto scores = builder.add(model::Link{out, 0, model::Link::Kind::sigmoid}, "scores", {"0", "1"});
    const auto label = builder.add(model::Decide{scores, 0}, "label", {"label"});
    builder.set_task(model::Task::binary, "y", {"no", "yes"});
    builder.set_outputs(scores, label);
  });
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok()) << explainer.error().message();
  EXPECT_EQ(explainer->explained(), Explained::margin);
  EXPECT_THAT(explainer->outputs(), ElementsAre("yes"));
  for (std::size_t rows : {5, 700}) {
    const model::Block block = random_block(3, rows, 12);
    Contributions out;
    ASSERT_TRUE(explainer->explain(block, out).ok());
    for (std::size_t row = 0; row < rows; ++row)
      ASSERT_NEAR(out.total(0, row), conditional_total(trees, row_of(block, row), ~0U, 0), 1e-6);
  }
}

TEST(Explainer, ExplainsTheDifferenceOfTwoSoftmaxMargins) {
  const model::Trees trees = random_trees(8, 3, 4, 5, 2);
  const auto model = model_of(trees, 5, [](model::ModelBuilder& builder, model::ValueId out) {
    const auto scores = builder.add(model::Link{out, 0, model::Link::Kind::softmax}, "scores", {"0", "1"});
    const auto label = builder.add(model::Decide{scores, 0}, "label", {"label"});
    builder.set_task(model::Task::binary, "y", {"no", "yes"});
    builder.set_outputs(scores, label);
  });
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok());
  EXPECT_EQ(explainer->explained(), Explained::margin);
  const model::Block block = random_block(9, 2, 5);
  Contributions out;
  ASSERT_TRUE(explainer->explain(block, out).ok());
  const std::vector<float> row = row_of(block, 1);
  EXPECT_NEAR(out.total(0, 1), conditional_total(trees, row, ~0U, 1) - conditional_total(trees, row, ~0U, 0), 1e-6);
}

TEST(Explainer, GivesTheSameNumbersOnAnyNumberOfThreadsAndInstructions) {
  const model::Trees trees = random_trees(11, 20, 7, 9);
  const auto model = regression_of(trees, 9);
  ASSERT_TRUE(model.ok());
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok());
  const model::Block block = random_block(12, 1500, 9);
  Contributions one, three;
  ASSERT_TRUE(explainer->explain(block, one, Threads(1)).ok());
  ASSERT_TRUE(explainer->explain(block, three, Threads(3)).ok());
  EXPECT_EQ(one.by_column, three.by_column);

  Ensemble ensemble = lay_out(trees, {{1.0}});
  add_short_paths(ensemble);
  const std::size_t features = ensemble.features.size();
  ASSERT_EQ(features, 9);
  Scratch buffer, scratch;
  float* columns = buffer.aligned(features * block_rows);
  for (std::size_t f = 0; f < features; ++f) std::copy_n(block.column(f).data(), block_rows, columns + f * block_rows);
  const std::vector<float> row = row_of(block, 0);
  BaselineColumns baselines{11, 16, std::vector<float>(features * 16, 0)};
  for (std::size_t f = 0; f < features; ++f) std::copy_n(block.column(f).data() + 5, 11, &baselines.values[f * 16]);
  const PairTrees pairs(ensemble);
  const PairWeights weights(ensemble.most_distinct);
  const auto numbers = [&](Instructions most) {
    std::vector<std::vector<double>> sums = {std::vector<double>(features * block_rows), std::vector<double>(features),
                                             std::vector<double>(features)};
    explain_rows(ensemble, columns, block_rows, sums[0].data(), scratch, most);
    explain_one(ensemble, row.data(), sums[1].data(), scratch, most);
    explain_against(ensemble, pairs, weights, baselines, row.data(), sums[2].data(), scratch, most);
    return sums;
  };
  const auto portable = numbers(Instructions::portable);
  EXPECT_NE(portable[1], std::vector<double>(features));
  EXPECT_EQ(portable, numbers(Instructions::avx2));
  EXPECT_EQ(portable, numbers(Instructions::avx512));
}

TEST(Explainer, AddsColumnsBackToInputs) {
  // amount / count is shared by its two inputs; a one-hot pair belongs to its text.
  model::ModelBuilder builder("test");
  const auto amount = builder.input({.name = "amount"});
  const auto count = builder.input({.name = "count"});
  const auto state = builder.input({.name = "state", .kind = model::InputKind::text, .categories = {"CA", "NY"}});
  model::Expression ratio{{amount, count}, 0, {}, "amount / count"};
  using Op = model::ExpressionNode::Op;
  ratio.nodes = {{Op::column, 0, 0, 0}, {Op::column, 0, 1, 0}, {Op::divide}};
  const auto derived = builder.add(ratio, "ratio", {"ratio"});
  const auto hot =
      builder.add(model::Lookup{state, 0, {"CA", "NY"}, {1, 0, 0, 1}, {0, 0}, {0, 0}}, "hot", {"CA", "NY"});
  const auto all =
      builder.add(model::Join{{derived, hot}, 0, model::Join::Kind::concatenate, {}}, "all", {"ratio", "CA", "NY"});
  model::Trees trees = empty_trees(1, model::Trees::Aggregate::sum);
  trees.input = all;
  trees.roots = {0, 3, 6};
  for (std::uint32_t t = 0; t < 3; ++t) {
    trees.feature.insert(trees.feature.end(), {static_cast<std::int32_t>(t), -1, -1});
    trees.threshold.insert(trees.threshold.end(), {0.5F, 0, 0});
    trees.left.insert(trees.left.end(), {3 * t + 1, 2 * t, 2 * t + 1});
    trees.right.insert(trees.right.end(), {3 * t + 2, 0, 0});
    trees.missing_left.insert(trees.missing_left.end(), {1, 0, 0});
    trees.cover.insert(trees.cover.end(), {10, 5, 5});
  }
  trees.leaf_values = {0, 4, 0, 2, 0, 1};
  const auto out = builder.add(trees, "y", {"y"});
  builder.set_task(model::Task::regression, "y", {});
  builder.set_outputs(out, out);
  const auto model = std::move(builder).build();
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok());
  const std::vector<float> amounts = {4}, counts = {2};
  const std::vector<std::int32_t> codes = {0};
  const std::vector<std::string_view> dictionary = {"CA"};
  const model::RowBatch batch{
      1, {model::NumberView(amounts), model::NumberView(counts), model::TextView{codes, dictionary}}};
  Contributions contributions;
  const Status status = explainer->explain(batch, contributions);
  ASSERT_TRUE(status.ok()) << status.error().message();
  // ratio = 2: 4 against a mean of 2; CA = 1: 2 against 1; NY = 0: 0 against 0.5.
  EXPECT_DOUBLE_EQ(contributions.base[0], 3.5);
  EXPECT_NEAR(contributions.column(0, 0, 0), 2, 1e-6);
  EXPECT_NEAR(contributions.input(0, 0, 0), 1, 1e-6);
  EXPECT_NEAR(contributions.input(0, 1, 0), 1, 1e-6);
  EXPECT_NEAR(contributions.input(0, 2, 0), 0.5, 1e-6);
}

TEST(Explainer, ExplainsNoRowsAndTreesThatAreLeaves) {
  model::Trees trees = empty_trees(1, model::Trees::Aggregate::sum);
  trees.roots = {0};
  trees.feature = {-1};
  trees.threshold = {0};
  trees.left = trees.right = {0};
  trees.missing_left = {0};
  trees.cover = {10};
  trees.leaf_values = {7};
  const auto model = regression_of(trees, 2);
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok());
  Contributions out;
  ASSERT_TRUE(explainer->explain(model::Block(0, 2), out).ok());
  EXPECT_EQ(out.rows, 0);
  EXPECT_TRUE(out.by_input.empty());
  ASSERT_TRUE(explainer->explain(random_block(1, 30, 2), out).ok());
  EXPECT_EQ(out.total(0, 29), 7);
  EXPECT_EQ(out.column(0, 1, 3), 0);
}

TEST(Explainer, RefusesWhatItCannotExplain) {
  model::Trees no_cover = random_trees(1, 2, 3, 2);
  std::fill(no_cover.cover.begin(), no_cover.cover.end(), 0.0F);
  const auto uncovered = regression_of(no_cover, 2);
  ASSERT_TRUE(uncovered.ok()) << uncovered.error().message();
  const auto explainer = Explainer::make(*uncovered);
  ASSERT_FALSE(explainer.ok());
  EXPECT_THAT(explainer.error().message(), HasSubstr("cover"));

  model::ModelBuilder builder("linear");
  const auto x = builder.input({.name = "x"});
  const auto y = builder.add(model::Dense{x, 0, {2}, {1}}, "y", {"y"});
  builder.set_task(model::Task::regression, "y", {});
  builder.set_outputs(y, y);
  const auto linear = std::move(builder).build();
  ASSERT_TRUE(linear.ok()) << linear.error().message();
  const auto refused = Explainer::make(*linear);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("needs baselines"));

  const auto model = regression_of(random_trees(2, 2, 3, 3), 3);
  ASSERT_TRUE(model.ok());
  const auto good = Explainer::make(*model);
  ASSERT_TRUE(good.ok());
  Contributions out;
  const Status narrow = good->explain(model::Block(2, 2), out);
  ASSERT_FALSE(narrow.ok());
  EXPECT_THAT(narrow.error().message(), HasSubstr("2 columns"));
}

TEST(Explainer, ExplainsVeryDeepTreesWithoutRecursion) {
  // A chain of 5,000 tests of two features in turn.
  constexpr int depth = 5000;
  model::Trees trees = empty_trees(1, model::Trees::Aggregate::sum);
  trees.roots = {0};
  for (int i = 0; i < depth; ++i) {
    const auto id = static_cast<std::uint32_t>(2 * i);
    trees.feature.insert(trees.feature.end(), {i % 2, -1});
    trees.threshold.insert(trees.threshold.end(), {static_cast<float>(i) / depth, 0});
    trees.left.insert(trees.left.end(), {id + 1, static_cast<std::uint32_t>(i)});
    trees.right.insert(trees.right.end(), {id + 2, 0});
    trees.missing_left.insert(trees.missing_left.end(), {0, 0});
    trees.cover.insert(trees.cover.end(), {2.0F * depth - i, 1});
    trees.leaf_values.push_back(static_cast<float>(i % 5));
  }
  trees.feature.push_back(-1);
  trees.threshold.push_back(0);
  trees.left.push_back(depth);
  trees.right.push_back(0);
  trees.missing_left.push_back(0);
  trees.cover.push_back(depth);
  trees.leaf_values.push_back(3);
  const auto model = regression_of(trees, 2);
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok());
  model::Block block(40, 2);
  for (std::size_t r = 0; r < 40; ++r) block.column(0)[r] = block.column(1)[r] = static_cast<float>(r) / 30;
  Contributions out;
  ASSERT_TRUE(explainer->explain(block, out).ok());
  EXPECT_NEAR(out.total(0, 39), 3, 1e-5);
}

}  // namespace
}  // namespace slipway::explain
