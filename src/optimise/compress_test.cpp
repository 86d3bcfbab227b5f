#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/model/interpreter.hpp>
#include <slipway/optimise/compress.hpp>

namespace slipway::optimise {
namespace {

using namespace model;
using ::testing::HasSubstr;

constexpr std::size_t columns = 4;

// Complete random trees over [0, 1] with leaves around `centre`.
Trees random_trees(ValueId input, std::size_t count, int depth, std::uint32_t outputs, Trees::Aggregate aggregate) {
  Random random(5);
  Trees trees{.input = input, .outputs = outputs, .aggregate = aggregate};
  for (std::size_t tree = 0; tree < count; ++tree) {
    const auto root = static_cast<std::uint32_t>(trees.node_count());
    trees.roots.push_back(root);
    const std::uint32_t inner = (1U << depth) - 1;
    for (std::uint32_t i = 0; i < 2 * inner + 1; ++i) {
      const bool leaf = i >= inner;
      trees.feature.push_back(leaf ? Trees::leaf : static_cast<std::int32_t>(random.below(columns)));
      trees.threshold.push_back(leaf ? 0 : static_cast<float>(random.uniform()));
      trees.left.push_back(leaf ? static_cast<std::uint32_t>(trees.leaf_values.size() / outputs) : root + 2 * i + 1);
      trees.right.push_back(leaf ? 0 : root + 2 * i + 2);
      trees.missing_left.push_back(leaf ? 0 : static_cast<std::uint8_t>(random.below(2)));
      trees.cover.push_back(static_cast<float>(1 + random.below(50)));
      for (std::uint32_t k = 0; leaf && k < outputs; ++k)
        trees.leaf_values.push_back(static_cast<float>(std::floor(random.uniform() * 64) / 64));
    }
  }
  return trees;
}

enum class Shape { mean_probability, sigmoid_of_sum, softmax_of_sums, regression, exponential };

Model model_of(Shape shape) {
  ModelBuilder builder("compressed");
  Join join;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < columns; ++i) {
    names.push_back("x" + std::to_string(i));
    join.inputs.push_back(builder.input({.name = names.back()}));
  }
  const ValueId all = builder.add(join, "all", names);
  const std::uint32_t outputs = shape == Shape::softmax_of_sums ? 3 : 1;
  const auto aggregate = shape == Shape::mean_probability ? Trees::Aggregate::mean : Trees::Aggregate::sum;
  const std::vector<std::string> sums =
      outputs == 3 ? std::vector<std::string>{"a", "b", "c"} : std::vector<std::string>{"y"};
  const ValueId trees = builder.add(random_trees(all, 20, 5, outputs, aggregate), "trees", sums);
  if (shape == Shape::regression || shape == Shape::exponential) {
    const ValueId out =
        shape == Shape::regression ? trees : builder.add(Link{trees, 0, Link::Kind::exponential}, "scores", {"y"});
    builder.set_task(Task::regression, "y", {});
    builder.set_outputs(out, out);
  } else {
    const auto kind = shape == Shape::mean_probability ? Link::Kind::complement
                      : shape == Shape::sigmoid_of_sum ? Link::Kind::sigmoid
                                                       : Link::Kind::softmax;
    const std::vector<std::string> classes = outputs == 3 ? sums : std::vector<std::string>{"no", "yes"};
    const ValueId scores = builder.add(Link{trees, 0, kind}, "scores", classes);
    builder.set_task(outputs == 3 ? Task::multiclass : Task::binary, "y", classes);
    builder.set_outputs(scores, builder.add(Decide{scores, 0}, "label", {"label"}));
  }
  auto model = std::move(builder).build();
  EXPECT_TRUE(model.ok()) << model.error().message();
  return *std::move(model);
}

double largest_difference(const Model& left, const Model& right) {
  Random random(9);
  std::vector<std::vector<float>> rows(columns);
  RowBatch batch{.rows = 2000, .columns = {}};
  for (auto& column : rows) {
    for (std::size_t r = 0; r < batch.rows; ++r)
      column.push_back(random.below(10) == 0 ? std::numeric_limits<float>::quiet_NaN()
                                             : static_cast<float>(random.uniform()));
    batch.columns.emplace_back(NumberView(column));
  }
  const auto a = interpret(left, batch), b = interpret(right, batch);
  EXPECT_TRUE(a.ok() && b.ok());
  double most = 0;
  for (std::size_t i = 0; i < a->scores.values.size(); ++i)
    most = std::max(most, std::abs(double{a->scores.values[i]} - double{b->scores.values[i]}));
  return most;
}

class Compress : public ::testing::TestWithParam<Shape> {};

TEST_P(Compress, ScoresMoveByNoMoreThanTheBound) {
  const Model model = model_of(GetParam());
  std::size_t before = std::get<Trees>(model.operators[1]).node_count() + 1;
  for (const double bound : {0.0, 0.001, 0.01, 0.1, 1.0}) {
    const auto made = compress(model, {.largest_difference = bound});
    ASSERT_TRUE(made.ok()) << made.error().message();
    EXPECT_LE(largest_difference(model, made->model), bound);
    EXPECT_LE(made->bound, bound);
    EXPECT_LE(made->nodes_after, before);
    before = made->nodes_after;
    if (bound == 1) {
      if (GetParam() != Shape::softmax_of_sums) {
        EXPECT_LT(made->nodes_after, made->nodes_before);
      }
      EXPECT_LT(made->leaves_after, made->leaves_before);
      EXPECT_GT(largest_difference(model, made->model), 0) << "the budget is not used";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Compress,
                         ::testing::Values(Shape::mean_probability, Shape::sigmoid_of_sum, Shape::softmax_of_sums,
                                           Shape::regression));

TEST(Compress, WithoutABoundOnlyWhatChangesNothing) {
  const Model model = model_of(Shape::exponential);
  const auto lossless = compress(model, {});
  ASSERT_TRUE(lossless.ok());
  EXPECT_EQ(largest_difference(model, lossless->model), 0);
  EXPECT_LT(lossless->nodes_after, lossless->nodes_before);
  const auto refused = compress(model, {.largest_difference = 0.01});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("no bound can be given for 'trees'"));
  EXPECT_THAT(compress(model, {.largest_difference = -1}).error().message(), HasSubstr("expected 0 or more"));
}

}  // namespace
}  // namespace slipway::optimise
