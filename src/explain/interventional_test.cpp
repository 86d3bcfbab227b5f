// Explanations against baselines: trees, linear parts, sums of both, and models explained from outside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/explain/explainer.hpp>
#include <slipway/model/interpreter.hpp>

#include "random_trees.hpp"

namespace slipway::explain {
namespace {

using ::testing::HasSubstr;

std::vector<std::vector<float>> columns_of(const model::Block& block) {
  std::vector<std::vector<float>> columns;
  for (std::size_t c = 0; c < block.width; ++c) columns.emplace_back(block.column(c).begin(), block.column(c).end());
  return columns;
}

model::RowBatch batch_of(const std::vector<std::vector<float>>& columns) {
  model::RowBatch batch;
  batch.rows = columns[0].size();
  for (const auto& column : columns) batch.columns.emplace_back(model::NumberView(column));
  return batch;
}

Baselines all_of(const model::RowBatch& batch) {
  std::vector<std::uint32_t> rows(batch.rows);
  for (std::uint32_t i = 0; i < rows.size(); ++i) rows[i] = i;
  return Baselines::copy(batch, rows);
}

// The mean over baselines of the output of `row` with the features outside `known` taken from the baseline.
template <class Output>
double mixed(const std::vector<float>& row, const model::Block& baselines, std::uint32_t known, Output output) {
  double sum = 0;
  for (std::size_t b = 0; b < baselines.rows; ++b) {
    std::vector<float> values = row_of(baselines, b);
    for (std::size_t f = 0; f < row.size(); ++f)
      if (known >> f & 1) values[f] = row[f];
    sum += output(values);
  }
  return sum / static_cast<double>(baselines.rows);
}

TEST(InterventionalTrees, EqualBruteForceShapleyValues) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const std::size_t features = 1 + seed % 6;
    model::Trees trees = random_trees(seed, 1 + static_cast<int>(seed % 4), 7, static_cast<int>(features));
    trees.base = {0.25F};
    if (seed % 2 == 0) trees.aggregate = model::Trees::Aggregate::mean;
    if (seed % 3 == 0) trees.cover.clear();  // not needed
    const auto model = regression_of(trees, features);
    ASSERT_TRUE(model.ok()) << model.error().message();
    // Pairs; lanes; lanes with a rest in lanes and with a rest in pairs.
    for (const std::size_t count : {1, 2, 5, 8, 9, 21}) {
      const model::Block background = random_block(seed + 50, count, features);
      const auto cells = columns_of(background);
      const auto explainer =
          Explainer::make(*model, {.method = Method::interventional, .baselines = all_of(batch_of(cells))});
      ASSERT_TRUE(explainer.ok()) << explainer.error().message();
      const model::Block block = random_block(seed, 4, features);
      Contributions out;
      ASSERT_TRUE(explainer->explain(block, out).ok());
      const auto output = [&](const std::vector<float>& row) { return conditional_total(trees, row, ~0U, 0); };
      for (std::size_t row = 0; row < block.rows; ++row) {
        const std::vector<float> values = row_of(block, row);
        const auto expected = shapley(features, [&](std::uint32_t s) { return mixed(values, background, s, output); });
        for (std::size_t f = 0; f < features; ++f)
          ASSERT_NEAR(out.column(0, f, row), expected[f], 1e-6) << "seed " << seed << " baselines " << count;
        EXPECT_NEAR(out.total(0, row), output(values), 2e-6);
      }
    }
  }
}

TEST(InterventionalTrees, CountTreesThatAreLeavesAndAllOutputs) {
  model::Trees trees = random_trees(3, 4, 4, 3, 3, model::Trees::Aggregate::mean);
  trees.roots.push_back(static_cast<std::uint32_t>(trees.node_count()));
  trees.feature.push_back(-1);
  trees.threshold.push_back(0);
  trees.left.push_back(static_cast<std::uint32_t>(trees.leaf_values.size() / 3));
  trees.right.push_back(0);
  trees.missing_left.push_back(0);
  trees.cover.push_back(1000);
  trees.leaf_values.insert(trees.leaf_values.end(), {1, 2, 3});
  const auto model = model_of(trees, 3, [](model::ModelBuilder& builder, model::ValueId out) {
    const auto label = builder.add(model::Decide{out, 0}, "label", {"label"});
    builder.set_task(model::Task::multiclass, "y", {"a", "b", "c"});
    builder.set_outputs(out, label);
  });
  ASSERT_TRUE(model.ok()) << model.error().message();
  const model::Block background = random_block(4, 9, 3), block = random_block(5, 30, 3);
  const auto cells = columns_of(background);
  const auto explainer =
      Explainer::make(*model, {.method = Method::interventional, .baselines = all_of(batch_of(cells))});
  ASSERT_TRUE(explainer.ok()) << explainer.error().message();
  Contributions out;
  ASSERT_TRUE(explainer->explain(block, out).ok());
  for (std::size_t o = 0; o < 3; ++o)
    for (std::size_t row = 0; row < block.rows; ++row)
      EXPECT_NEAR(out.total(o, row), conditional_total(trees, row_of(block, row), ~0U, o), 1e-6);
}

// 0.5 * (trees) + 0.5 * (2 a - b + 1): trees and a line in one sum; `nonlinear` puts a sigmoid around the line.
Result<model::Model> blend(const model::Trees& trees, bool nonlinear) {
  return model_of(trees, 3, [&](model::ModelBuilder& builder, model::ValueId out) {
    const model::ValueId all = builder.so_far().inputs.size();  // the join
    model::ValueId line = builder.add(model::Dense{all, 0, {2, -1, 0}, {1}}, "line", {"line"});
    if (nonlinear) {
      const auto pair = builder.add(model::Link{line, 0, model::Link::Kind::sigmoid}, "pair", {"0", "1"});
      line = builder.add(model::Dense{pair, 0, {0, 1}, {0}}, "second", {"second"});
    }
    const auto sum =
        builder.add(model::Join{{out, line}, 0, model::Join::Kind::weighted_sum, {0.5F, 0.5F}}, "sum", {"sum"});
    builder.set_task(model::Task::regression, "y", {});
    builder.set_outputs(sum, sum);
  });
}

TEST(Explainer, SumsOfTreesAndLinesAddUp) {
  const model::Trees trees = random_trees(7, 6, 4, 3);
  const auto model = blend(trees, false);
  ASSERT_TRUE(model.ok()) << model.error().message();
  model::Block background = random_block(8, 12, 3), block = random_block(9, 25, 3);
  for (model::Block* each : {&background, &block})
    for (float& value : each->values) value = std::isnan(value) ? 0.5F : value;
  const auto cells = columns_of(background);
  const auto output = [&](const std::vector<float>& row) {
    return 0.5 * conditional_total(trees, row, ~0U, 0) + 0.5 * (2.0 * row[0] - row[1] + 1);
  };
  for (const Method method : {Method::automatic, Method::interventional, Method::sampled}) {
    const auto explainer = Explainer::make(*model, {.method = method, .baselines = all_of(batch_of(cells))});
    ASSERT_TRUE(explainer.ok()) << explainer.error().message();
    EXPECT_EQ(explainer->method(), method == Method::automatic ? Method::path_dependent : method);
    const auto rows = columns_of(block);
    Contributions out;
    ASSERT_TRUE(explainer->explain(batch_of(rows), out).ok());
    for (std::size_t row = 0; row < block.rows; ++row) {
      const std::vector<float> values = row_of(block, row);
      EXPECT_NEAR(out.total(0, row), output(values), 2e-6);
      if (method == Method::automatic) continue;
      // Both are interventional: by parts, and from outside over all subsets.
      const auto expected = shapley(3, [&](std::uint32_t s) { return mixed(values, background, s, output); });
      for (std::size_t f = 0; f < 3; ++f) ASSERT_NEAR(out.input(0, f, row), expected[f], 2e-6);
    }
  }
  const auto none = Explainer::make(*model);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message(), HasSubstr("what is not trees needs baselines"));
}

TEST(Explainer, LinearModelsWeighTheDistanceFromTheMean) {
  model::ModelBuilder builder("logistic");
  const auto a = builder.input({.name = "a"}), b = builder.input({.name = "b"});
  const auto all = builder.add(model::Join{{a, b}, 0, model::Join::Kind::concatenate, {}}, "all", {"a", "b"});
  const auto scaled = builder.add(model::Affine{all, 0, {0.5F, 2}, {1, 0}}, "scaled", {"a", "b"});
  const auto margin = builder.add(model::Dense{scaled, 0, {3, -1}, {0.25F}}, "margin", {"margin"});
  const auto scores = builder.add(model::Link{margin, 0, model::Link::Kind::sigmoid}, "scores", {"0", "1"});
  builder.set_task(model::Task::binary, "y", {"no", "yes"});
  builder.set_outputs(scores, builder.add(model::Decide{scores, 0}, "label", {"label"}));
  const auto model = std::move(builder).build();
  ASSERT_TRUE(model.ok()) << model.error().message();
  const std::vector<std::vector<float>> background = {{0, 4}, {1, 3}}, rows = {{6}, {-2}};
  const auto explainer = Explainer::make(*model, {.baselines = all_of(batch_of(background))});
  ASSERT_TRUE(explainer.ok()) << explainer.error().message();
  EXPECT_EQ(explainer->explained(), Explained::margin);
  Contributions out;
  ASSERT_TRUE(explainer->explain(batch_of(rows), out).ok());
  EXPECT_NEAR(out.base[0], 3 * 2 - 4 + 0.25, 1e-6);
  EXPECT_NEAR(out.input(0, 0, 0), 1.5 * (6 - 2), 1e-6);
  EXPECT_NEAR(out.input(0, 1, 0), -2.0 * (-2 - 2), 1e-6);
}

TEST(Explainer, ExplainsAnyModelFromOutside) {
  // A sigmoid inside the sum: no sum of parts. Eight inputs: permutations, not all subsets.
  const auto small = blend(random_trees(17, 6, 4, 3), true);
  ASSERT_TRUE(small.ok()) << small.error().message();
  const auto refused = Explainer::make(*small, {.method = Method::path_dependent});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("Link"));

  const model::Trees trees = random_trees(18, 10, 6, 8);
  const auto model = model_of(trees, 8, [](model::ModelBuilder& builder, model::ValueId out) {
    const auto scores = builder.add(model::Link{out, 0, model::Link::Kind::sigmoid}, "scores", {"0", "1"});
    builder.set_task(model::Task::binary, "y", {"no", "yes"});
    builder.set_outputs(scores, builder.add(model::Decide{scores, 0}, "label", {"label"}));
  });
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto background = columns_of(random_block(19, 7, 8)), rows = columns_of(random_block(20, 6, 8));
  const auto explainer =
      Explainer::make(*model, {.method = Method::sampled, .baselines = all_of(batch_of(background))});
  ASSERT_TRUE(explainer.ok()) << explainer.error().message();
  EXPECT_EQ(explainer->explained(), Explained::probability);
  Contributions one, three;
  ASSERT_TRUE(explainer->explain(batch_of(rows), one, Threads(1)).ok());
  ASSERT_TRUE(explainer->explain(batch_of(rows), three, Threads(3)).ok());
  EXPECT_EQ(one.by_input, three.by_input);
  const auto scores = model::interpret(*model, batch_of(rows));
  const model::Block block = random_block(20, 6, 8), baselines = random_block(19, 7, 8);
  for (std::size_t row = 0; row < 6; ++row) {
    EXPECT_NEAR(one.total(0, row), scores->scores.at(row, 1), 1e-6);
    const auto expected = shapley(8, [&](std::uint32_t s) {
      return mixed(row_of(block, row), baselines, s, [&](const std::vector<float>& values) {
        return 1 / (1 + std::exp(-conditional_total(trees, values, ~0U, 0)));
      });
    });
    for (std::size_t f = 0; f < 8; ++f) EXPECT_NEAR(one.input(0, f, row), expected[f], 0.1);
  }
}

TEST(Baselines, TravelAsJsonAndKnowTheTypicalRow) {
  const std::vector<model::Input> inputs = {{.name = "x"},
                                            {.name = "state", .kind = model::InputKind::text},
                                            {.name = "when", .kind = model::InputKind::time}};
  const std::vector<float> x = {3, missing, 1, 2, std::numeric_limits<float>::infinity()};
  const std::vector<std::string_view> dictionary = {"CA", "NY"};
  const std::vector<std::int32_t> codes = {0, 1, 1, -1, 1};
  const std::vector<std::int64_t> when = {10, missing_time, 30, 20, 40};
  const model::RowBatch rows{5, {model::NumberView(x), model::TextView{codes, dictionary}, model::TimeView(when)}};
  const auto three = Baselines::choose(inputs, rows, 3, 1);
  ASSERT_TRUE(three.ok()) << three.error().message();
  EXPECT_EQ(three->rows().rows, 3);
  const auto all = Baselines::choose(inputs, rows, 9, 1);
  ASSERT_TRUE(all.ok());
  const nlohmann::json document = nlohmann::json::parse(all->to_json(inputs).dump());
  EXPECT_EQ(document["inputs"]["x"], nlohmann::json::parse(R"([3.0, null, 1.0, 2.0, "inf"])"));
  EXPECT_EQ(document["inputs"]["state"], nlohmann::json::parse(R"(["CA", "NY", "NY", null, "NY"])"));
  const auto again = Baselines::parse(document, inputs);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->to_json(inputs), document);

  const auto typical = Baselines::choose(inputs, rows, 1, 1);
  ASSERT_TRUE(typical.ok());
  EXPECT_EQ(typical->to_json(inputs)["inputs"],
            nlohmann::json::parse(R"({"x": [2.0], "state": ["NY"], "when": [20]})"));

  nlohmann::json broken = document;
  broken["inputs"]["when"][2] = "noon";
  const auto refused = Baselines::parse(broken, inputs);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("'when', row 2: expected whole seconds or null, got \"noon\""));
  broken["inputs"].erase("x");
  EXPECT_THAT(Baselines::parse(broken, inputs).error().message(), HasSubstr("5 values of input 'x'"));
  EXPECT_FALSE(Baselines::parse(nlohmann::json::array(), inputs).ok());
}

}  // namespace
}  // namespace slipway::explain
