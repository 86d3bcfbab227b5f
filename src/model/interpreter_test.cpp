#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/model/interpreter.hpp>
#include <slipway/model/terms.hpp>

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::NanSensitiveFloatEq;
using ::testing::Pointwise;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr ValueId none = 0;

// Runs one operator over a block of number inputs given column by column; text goes to a text input instead.
class OneOperator : public ::testing::Test {
 protected:
  static std::vector<float> run(Operator op, const std::vector<std::vector<float>>& columns, std::size_t width) {
    ModelBuilder builder("test");
    Join join{{}, none, Join::Kind::concatenate, {}};
    RowBatch batch{columns[0].size(), {}};
    for (std::size_t i = 0; i < columns.size(); ++i) {
      join.inputs.push_back(builder.input({.name = "x" + std::to_string(i)}));
      batch.columns.push_back(NumberView(columns[i]));
    }
    const ValueId block = builder.add(join, "block", std::vector<std::string>(columns.size(), "x"));
    std::visit(
        [block](auto& one) {
          if constexpr (requires { one.input; })
            one.input = block;
          else
            one.inputs = {block};
        },
        op);
    return finish(std::move(builder), std::move(op), batch, width);
  }

  static std::vector<float> run_text(Operator op, const std::vector<std::string_view>& dictionary,
                                     const std::vector<std::int32_t>& codes, std::size_t width) {
    ModelBuilder builder("test");
    builder.input({.name = "text", .kind = InputKind::text});
    std::visit(
        [](auto& one) {
          if constexpr (requires { one.input; }) one.input = 0;
        },
        op);
    return finish(std::move(builder), std::move(op), {codes.size(), {TextView{codes, dictionary}}}, width);
  }

 private:
  static std::vector<float> finish(ModelBuilder builder, Operator op, const RowBatch& batch, std::size_t width) {
    const ValueId out = builder.add(std::move(op), "out", std::vector<std::string>(width, "y"));
    const Model& model = builder.so_far();
    const auto block = evaluate_value(model.inputs, model.values, model.operators, batch, out);
    EXPECT_TRUE(block.ok()) << block.error().message();
    // The builder keeps the first error to itself until build(): a wrong operator must not pass for a right one here.
    builder.set_task(Task::regression, "y", {});
    const ValueId first = builder.add(Dense{out, none, std::vector<float>(width, 0.0F), {0.0F}}, "sum", {"y"});
    builder.set_outputs(first, first);
    const auto built = std::move(builder).build();
    EXPECT_TRUE(built.ok()) << built.error().message();
    return block->values;
  }
};

#define EXPECT_FLOATS(found, ...) EXPECT_THAT(found, Pointwise(NanSensitiveFloatEq(), std::vector<float>{__VA_ARGS__}))

TEST_F(OneOperator, Fill) {
  EXPECT_FLOATS(run(Fill{none, none, {7, 8}}, {{1, nan, -infinity}, {nan, 2, 0}}, 2), 1, 7, -infinity, 8, 2, 0);
  EXPECT_FLOATS(run(Fill{none, none, {7}, true}, {{1, nan}}, 2), 1, 7, 0, 1);
}

TEST_F(OneOperator, Lookup) {
  const Lookup lookup{none, none, {"a", "b", "é"}, {1, 10, 2, 20, 3, 30}, {4, 40}, {nan, 50}};
  EXPECT_FLOATS(run_text(lookup, {"b", "zz", "", "é", "a"}, {0, 1, 2, 3, 4, -1}, 2), 2, 4, nan, 3, 1, nan, 20, 40, 50,
                30, 10, 50);
}

TEST_F(OneOperator, Affine) {
  EXPECT_FLOATS(run(Affine{none, none, {2, -1}, {1, 0.5}}, {{3, nan}, {0, infinity}}, 2), 7, nan, 0.5, -infinity);
}

TEST_F(OneOperator, PiecewiseStep) {
  const Piecewise step{none, none, Piecewise::Kind::step, {0, 1, 5}, {10, 20, 30}};
  EXPECT_FLOATS(run(step, {{-infinity, -1, -0.0F, 0.5, 1, 4.9F, 5, infinity, nan}}, 1), 10, 10, 10, 10, 20, 20, 30, 30,
                nan);
}

TEST_F(OneOperator, PiecewiseLinear) {
  const Piecewise linear{none, none, Piecewise::Kind::linear, {0, 1, 5}, {10, 20, 0}};
  EXPECT_FLOATS(run(linear, {{-infinity, -1, 0, 0.5, 1, 2, 5, infinity, nan}}, 1), 10, 10, 10, 15, 20, 15, 0, 0, nan);
  EXPECT_FLOATS(run(Piecewise{none, none, Piecewise::Kind::linear, {3}, {2}}, {{-1, 3, infinity, nan}}, 1), 2, 2, 2,
                nan);
}

TEST_F(OneOperator, Expression) {
  using Op = ExpressionNode::Op;
  const Expression ratio{{none}, none, {{Op::column, 0, 0, 0}, {Op::column, 0, 0, 1}, {Op::divide}}, "x0 / x1"};
  EXPECT_FLOATS(run(ratio, {{1, 1, 0, nan}, {4, 0, 0, 1}}, 1), 0.25, infinity, nan, nan);
}

TEST_F(OneOperator, Dense) {
  const std::vector<float> weights = {1, 2, 3, 4};  // 2 x 2
  using Activation = Dense::Activation;
  EXPECT_FLOATS(run(Dense{none, none, weights, {0.5, -10}}, {{1, 0}, {2, nan}}, 2), 7.5, nan, 0, nan);
  EXPECT_FLOATS(run(Dense{none, none, weights, {0.5, -20}, Activation::relu}, {{1, 0}, {2, nan}}, 2), 7.5, nan, 0, nan);
  EXPECT_FLOATS(run(Dense{none, none, {1}, {0}, Activation::sigmoid}, {{0, -200, 200, 1}}, 1), 0.5, 0, 1, 0.7310586F);
  EXPECT_FLOATS(run(Dense{none, none, {1}, {0}, Activation::tanh}, {{0, 1, -infinity}}, 1), 0, 0.7615942F, -1);
}

// Tree 0: x0 <= 1 ? 10 : (x1 <= 0 ? 20 : 30), missing x0 right, missing x1 left. Tree 1: one leaf, 5.
Trees two_trees(Trees::Aggregate aggregate) {
  Trees trees{none, none, 1, aggregate, {0.5}, {0, 5}};
  trees.feature = {0, -1, 1, -1, -1, -1};
  trees.threshold = {1, 0, 0, 0, 0, 0};
  trees.left = {1, 2, 3, 1, 0, 3};
  trees.right = {2, 0, 4, 0, 0, 0};
  trees.missing_left = {0, 0, 1, 0, 0, 0};
  trees.leaf_values = {30, 20, 10, 5};
  return trees;
}

TEST_F(OneOperator, Trees) {
  const std::vector<std::vector<float>> x = {{1, 1.0000001F, 2, nan, infinity}, {9, 0, 1, nan, -infinity}};
  EXPECT_FLOATS(run(two_trees(Trees::Aggregate::sum), x, 1), 15.5, 25.5, 35.5, 25.5, 25.5);
  EXPECT_FLOATS(run(two_trees(Trees::Aggregate::mean), x, 1), 8, 13, 18, 13, 13);
}

TEST_F(OneOperator, InfiniteThresholdSplitsOffMissing) {
  Trees trees{none, none, 2, Trees::Aggregate::sum, {}, {0}};
  trees.feature = {0, -1, -1};
  trees.threshold = {infinity, 0, 0};
  trees.left = {1, 0, 1};
  trees.right = {2, 0, 0};
  trees.missing_left = {0, 0, 0};
  trees.leaf_values = {1, 2, 3, 4};
  EXPECT_FLOATS(run(trees, {{infinity, 0, nan}}, 2), 1, 1, 3, 2, 2, 4);
}

TEST_F(OneOperator, Link) {
  using Kind = Link::Kind;
  EXPECT_FLOATS(run(Link{none, none, Kind::complement}, {{0.25, nan}}, 2), 0.75, nan, 0.25, nan);
  EXPECT_FLOATS(run(Link{none, none, Kind::sigmoid}, {{0, 1}}, 2), 0.5, 0.26894143F, 0.5, 0.7310586F);
  EXPECT_FLOATS(run(Link{none, none, Kind::softmax}, {{1, 1000}, {1, 0}, {1, 0}}, 3), 1 / 3.0F, 1, 1 / 3.0F, 0,
                1 / 3.0F, 0);
  EXPECT_FLOATS(run(Link{none, none, Kind::exponential}, {{0, 1}}, 1), 1, 2.7182817F);
  EXPECT_FLOATS(run(Link{none, none, Kind::normalise}, {{1, 0}, {3, 0}}, 2), 0.25, nan, 0.75, nan);
  EXPECT_FLOATS(run(Link{none, none, Kind::identity}, {{1}, {3}}, 2), 1, 3);
}

TEST_F(OneOperator, Decide) {
  EXPECT_FLOATS(run(Decide{none, none, 0.3F}, {{0.9F, 0.7F, 0.7F, nan}, {0.1F, 0.3F, 0.31F, nan}}, 1), 0, 1, 1, 0);
  EXPECT_FLOATS(run(Decide{none, none}, {{1, 2, nan, nan}, {1, 3, 1, nan}, {0, 3, 2, nan}}, 1), 0, 1, 2, 0);
}

TEST_F(OneOperator, Terms) {
  const Terms words{none, none, Terms::Unit::word, 1, 2, {"fraud", "no fraud", "é"}, {2, 3, 1}, Terms::Norm::none};
  EXPECT_FLOATS(run_text(words, {"No fraud, FRAUD!", "é é_é", ""}, {0, 1, 2, -1}, 3), 4, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0,
                0);
  Terms runs{none, none, Terms::Unit::character, 2, 2, {"a ", "aa"}, {3, 2}, Terms::Norm::l2};
  EXPECT_FLOATS(run_text(runs, {"Aaa b", "zz"}, {0, 1}, 2), 0.6F, 0, 0.8F, 0);
  runs.norm = Terms::Norm::l1;
  EXPECT_FLOATS(run_text(runs, {"Aaa b"}, {0}, 2), 3 / 7.0F, 4 / 7.0F);
  Terms pairs{none, none, Terms::Unit::word, 2, 2, {"ab cd", "é cd"}, {2, 1}, Terms::Norm::none};
  EXPECT_FLOATS(run_text(pairs, {"ab x cd, AB cd é cd"}, {0}, 2), 2, 1);
  pairs.shortest_word = 2;
  EXPECT_FLOATS(run_text(pairs, {"ab x cd, AB cd é cd"}, {0}, 2), 4, 0);
  pairs.sublinear = true;
  EXPECT_FLOATS(run_text(pairs, {"ab x cd, AB cd é cd"}, {0}, 2), 2 * (1 + std::log(2.0F)), 0);
}

TEST(ForEachTerm, OrderAndRepeats) {
  std::vector<std::string> found;
  const auto keep = [&found](std::string_view term) { found.emplace_back(term); };
  for_each_term("Über-uns 2x", {.unit = Terms::Unit::word, .maximum_length = 2}, keep);
  EXPECT_THAT(found, ElementsAre("Über", "uns", "2x", "Über uns", "uns 2x"));
  found.clear();
  for_each_term("éa", {.unit = Terms::Unit::character, .maximum_length = 3}, keep);
  EXPECT_THAT(found, ElementsAre("é", "a", "éa"));
}

TEST(Join, ConcatenatesAndSums) {
  ModelBuilder builder("joins");
  const ValueId a = builder.input({.name = "a"}), b = builder.input({.name = "b"});
  const ValueId both = builder.add(Join{{b, a, b}, none, Join::Kind::concatenate, {}}, "both", {"b", "a", "b"});
  const ValueId sum = builder.add(Join{{a, b}, none, Join::Kind::weighted_sum, {2, -1}}, "sum", {"s"});
  const std::vector<float> x = {1, 2}, y = {5, nan};
  const RowBatch batch{2, {NumberView(x), NumberView(y)}};
  const Model& model = builder.so_far();
  EXPECT_FLOATS(evaluate_value(model.inputs, model.values, model.operators, batch, both)->values, 5, nan, 1, 2, 5, nan);
  EXPECT_FLOATS(evaluate_value(model.inputs, model.values, model.operators, batch, sum)->values, -3, nan);
}

TEST(Interpret, WrongBatchesAreErrors) {
  ModelBuilder builder("m");
  const ValueId a = builder.input({.name = "a"});
  const ValueId y = builder.add(Affine{a, none, {1}, {0}}, "y", {"y"});
  builder.input({.name = "late"});
  EXPECT_FALSE(ModelBuilder(builder).build().ok());
  ModelBuilder good("m");
  good.input({.name = "a"});
  good.add(Affine{a, none, {1}, {0}}, "y", {"y"});
  good.set_task(Task::regression, "y", {});
  good.set_outputs(y, y);
  const Model model = *std::move(good).build();
  const std::vector<float> x = {1, 2};
  const std::vector<std::int64_t> times = {1, 2};
  EXPECT_TRUE(interpret(model, {2, {NumberView(x)}}).ok());
  EXPECT_TRUE(interpret(model, {0, {NumberView()}}).ok());
  EXPECT_FALSE(interpret(model, {3, {NumberView(x)}}).ok());
  EXPECT_FALSE(interpret(model, {2, {TimeView(times)}}).ok());
  EXPECT_FALSE(interpret(model, {2, {}}).ok());
  EXPECT_FALSE(evaluate_value(model, {2, {NumberView(x)}}, 7).ok());
}

}  // namespace
}  // namespace slipway::model
