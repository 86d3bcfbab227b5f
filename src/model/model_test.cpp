#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/time.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/compare.hpp>
#include <slipway/model/model.hpp>

namespace slipway::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ValueId none = 0;

Trees stump(ValueId input, std::int32_t feature) {
  Trees trees{input, none, 1, Trees::Aggregate::sum, {}, {0}};
  trees.feature = {feature, -1, -1};
  trees.threshold = {0.5F, 9, 9};
  trees.left = {1, 1, 0};
  trees.right = {2, 7, 7};
  trees.missing_left = {1, 1, 1};
  trees.leaf_values = {0.75F, 0.25F};
  return trees;
}

// state (text), amount: one-hot of two columns beside the amount; a stump on one column; sigmoid; label.
ModelBuilder fraud(std::int32_t feature = 2) {
  ModelBuilder builder("fraud");
  const ValueId state = builder.input({.name = "state", .kind = InputKind::text, .categories = {"CA", "NY"}});
  const ValueId amount = builder.input({.name = "amount", .unit = "USD", .minimum = 0, .maximum = 1e4F});
  const ValueId hot = builder.add(Lookup{state, none, {"CA", "NY"}, {1, 0, 0, 1}, {0, 0}, {0, 0}}, "hot", {"CA", "NY"});
  const ValueId all =
      builder.add(Join{{hot, amount}, none, Join::Kind::concatenate, {}}, "all", {"CA", "NY", "amount"});
  const ValueId margin = builder.add(stump(all, feature), "margin", {"margin"});
  const ValueId scores = builder.add(Link{margin, none, Link::Kind::sigmoid}, "scores", {"0", "1"});
  const ValueId label = builder.add(Decide{scores, none, 0.6F}, "label", {"label"});
  builder.set_task(Task::binary, "is_fraud", {"0", "1"});
  builder.set_outputs(scores, label);
  builder.set_metadata("created by", "test");
  return builder;
}

std::string error_of(ModelBuilder builder) {
  const auto built = std::move(builder).build();
  return built.ok() ? "no error" : built.error().message();
}

TEST(ModelBuilder, BuildsAValidModel) {
  const auto model = fraud().build();
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_TRUE(validate(*model).ok());
  EXPECT_EQ(model->values.size(), 7);
  EXPECT_EQ(model->score_width(), 2);
  EXPECT_EQ(operator_output(model->operators[2]), 4);
  EXPECT_EQ(operator_name(model->operators[2]), "Trees");
  EXPECT_THAT(operator_inputs(model->operators[1]), ElementsAre(2, 1));
}

TEST(ModelBuilder, BringsTreesIntoOneForm) {
  const auto model = fraud().build();
  const auto& trees = std::get<Trees>(model->operators[2]);
  EXPECT_THAT(trees.leaf_values, ElementsAre(0.25F, 0.75F));
  EXPECT_THAT(trees.left, ElementsAre(1, 0, 1));
  EXPECT_THAT(trees.right, ElementsAre(2, 0, 0));
  EXPECT_THAT(trees.threshold, ElementsAre(0.5F, 0, 0));
  EXPECT_THAT(trees.missing_left, ElementsAre(1, 0, 0));
  EXPECT_THAT(trees.cover, ElementsAre(0, 0, 0));
}

TEST(ModelBuilder, KeepsTheFirstError) {
  ModelBuilder builder = fraud();
  builder.add(Affine{99, none, {1}, {0}}, "bad", {"x"});
  builder.add(Affine{1, none, {1, 2}, {0}}, "worse", {"x"});
  EXPECT_EQ(error_of(std::move(builder)),
            "building model 'fraud': Affine 'bad': reads value 99, but only 7 are made before it");
}

template <class Change>
std::string operator_error(Change change) {
  ModelBuilder builder = fraud();
  change(builder);
  return error_of(std::move(builder));
}

TEST(ModelBuilder, RefusesWrongOperators) {
  const auto add = [](Operator op, std::vector<std::string> columns) {
    return operator_error([&](ModelBuilder& builder) { builder.add(op, "bad", columns); });
  };
  EXPECT_THAT(add(Fill{1, none, {1, 2}}, {"x"}), HasSubstr("replacement has 2 entries, expected 1"));
  EXPECT_THAT(add(Fill{1, none, {NAN}}, {"x"}), HasSubstr("replacement[0] is nan"));
  EXPECT_THAT(add(Fill{0, none, {1}}, {"x"}), HasSubstr("reads 'state', which is text, as numbers"));
  EXPECT_THAT(add(Fill{1, none, {1}, true}, {"x"}), HasSubstr("makes 2 columns, but 1 names"));
  EXPECT_THAT(add(Lookup{1, none, {}, {}, {1}, {1}}, {"x"}), HasSubstr("'amount', which is not text"));
  EXPECT_THAT(add(Lookup{0, none, {"b", "a"}, {1, 2}, {1}, {1}}, {"x"}), HasSubstr("sorted and distinct"));
  EXPECT_THAT(add(Lookup{0, none, {"a", "a"}, {1, 2}, {1}, {1}}, {"x"}), HasSubstr("sorted and distinct"));
  EXPECT_THAT(add(Lookup{0, none, {""}, {1}, {1}, {1}}, {"x"}), HasSubstr("counts as missing"));
  EXPECT_THAT(add(Lookup{0, none, {"\xff"}, {1}, {1}, {1}}, {"x"}), HasSubstr("UTF-8"));
  EXPECT_THAT(add(Lookup{0, none, {"a"}, {INFINITY}, {1}, {1}}, {"x"}), HasSubstr("rows[0] is inf"));
  EXPECT_THAT(add(Piecewise{1, none, Piecewise::Kind::step, {1, 1}, {1, 2}}, {"x"}), HasSubstr("at must ascend"));
  EXPECT_THAT(add(Piecewise{1, none, Piecewise::Kind::step, {-3e38F, 3e38F}, {1, 2}}, {"x"}),
              HasSubstr("too far apart"));
  EXPECT_THAT(add(Piecewise{1, none, Piecewise::Kind::step, {}, {}}, {"x"}), HasSubstr("at is empty"));
  EXPECT_THAT(add(Dense{3, none, {1, 2}, {0}}, {"x"}), HasSubstr("weights has 2 entries, expected 3"));
  EXPECT_THAT(add(Join{{}, none}, {"x"}), HasSubstr("nothing to join"));
  EXPECT_THAT(add(Join{{1, 3}, none, Join::Kind::weighted_sum, {1, 1}}, {"x"}), HasSubstr("a weighted sum of"));
  EXPECT_THAT(add(Link{3, none, Link::Kind::sigmoid}, {"x"}), HasSubstr("takes one column"));
  EXPECT_THAT(add(Decide{1, none}, {"x"}), HasSubstr("a column per class"));
  EXPECT_THAT(add(Terms{0, none, Terms::Unit::word, 2, 1, {"a"}, {1}}, {"x"}), HasSubstr("lengths 2 to 1"));
  EXPECT_THAT(add(Expression{{0}, none, {{ExpressionNode::Op::column}}, ""}, {"x"}), HasSubstr("'state' is text"));
  EXPECT_THAT(add(Expression{{1}, none, {{ExpressionNode::Op::hour}}, ""}, {"x"}), HasSubstr("as a time"));
  EXPECT_THAT(add(Expression{{1}, none, {{ExpressionNode::Op::column, 0, 0, 1}}, ""}, {"x"}),
              HasSubstr("column 1 of 'amount'"));
  EXPECT_THAT(add(Affine{1, none, {1}, {0}}, {}), HasSubstr("has no columns"));
}

TEST(ModelBuilder, RefusesWrongTrees) {
  const auto change = [](auto edit) {
    Trees trees = stump(3, 0);
    edit(trees);
    return operator_error([&](ModelBuilder& builder) { builder.add(trees, "bad", {"x"}); });
  };
  EXPECT_EQ(change([](Trees&) {}), "no error");
  EXPECT_THAT(change([](Trees& t) { t.feature[0] = 3; }), HasSubstr("tree 0: node 0 tests column 3 of 3"));
  EXPECT_THAT(change([](Trees& t) { t.feature[0] = -2; }), HasSubstr("tests column -2"));
  EXPECT_THAT(change([](Trees& t) { t.threshold[0] = NAN; }), HasSubstr("threshold nan"));
  EXPECT_THAT(change([](Trees& t) { t.threshold[0] = -INFINITY; }), HasSubstr("threshold -inf"));
  EXPECT_THAT(change([](Trees& t) { t.left[0] = 0; }), HasSubstr("has child 0"));
  EXPECT_THAT(change([](Trees& t) { t.right[0] = 1; }), HasSubstr("two parents"));
  EXPECT_THAT(change([](Trees& t) { t.right[0] = 3; }), HasSubstr("has child 3"));
  EXPECT_THAT(change([](Trees& t) { t.left[1] = 2; }), HasSubstr("leaf 1 has row 2 of 2"));
  EXPECT_THAT(change([](Trees& t) { t.roots = {0, 1}; }), HasSubstr("has child 1"));
  EXPECT_THAT(change([](Trees& t) { t.roots = {}; }), HasSubstr("roots must begin"));
  EXPECT_THAT(change([](Trees& t) { t.roots = {0, 3}; }), HasSubstr("last root is node 3"));
  EXPECT_THAT(change([](Trees& t) {
                t.feature[0] = -1;
                t.left[0] = 0;
              }),
              HasSubstr("node 1 has no parent"));
  EXPECT_THAT(change([](Trees& t) { t.cover = {1, 2}; }), HasSubstr("cover has 2 entries"));
  EXPECT_THAT(change([](Trees& t) { t.cover = {1, -2, 3}; }), HasSubstr("cover -2"));
  EXPECT_THAT(change([](Trees& t) { t.base = {1, 2}; }), HasSubstr("base has 2 entries"));
  EXPECT_THAT(change([](Trees& t) { t.outputs = 0; }), HasSubstr("outputs is 0"));
}

TEST(ModelBuilder, RefusesWrongInputsAndOutputs) {
  EXPECT_THAT(operator_error([](ModelBuilder& b) { b.set_outputs(5, 5); }), HasSubstr("is not made by Decide"));
  EXPECT_THAT(operator_error([](ModelBuilder& b) { b.set_outputs(50, 6); }), HasSubstr("outputs are not set"));
  EXPECT_THAT(operator_error([](ModelBuilder& b) { b.set_outputs(3, 6); }), HasSubstr("3 columns for 2 classes"));
  EXPECT_THAT(operator_error([](ModelBuilder& b) { b.set_task(Task::binary, "y", {"a"}); }),
              HasSubstr("1 classes for a binary"));
  EXPECT_THAT(operator_error([](ModelBuilder& b) {
                b.set_task(Task::binary, "y", {"a", "a"});
              }),
              HasSubstr("class 'a' stands twice"));
  EXPECT_THAT(operator_error([](ModelBuilder& b) { b.set_task(Task::regression, "y", {}); }), HasSubstr("one score"));
  EXPECT_THAT(operator_error([](ModelBuilder& b) { b.set_metadata("slipway.x", "y"); }), HasSubstr("not allowed"));
  ModelBuilder twice("m");
  twice.input({.name = "a"});
  twice.input({.name = "a"});
  EXPECT_THAT(error_of(std::move(twice)), HasSubstr("input 'a' stands twice"));
  ModelBuilder range("m");
  range.input({.name = "a", .minimum = 2, .maximum = 1});
  EXPECT_THAT(error_of(std::move(range)), HasSubstr("minimum is above"));
  EXPECT_THAT(error_of(ModelBuilder("m")), HasSubstr("no inputs"));
}

TEST(Validate, FindsChangesMadeBehindTheBuilder) {
  const Model good = *fraud().build();
  Model model = good;
  std::get<Affine>(model.operators.emplace_back(Affine{1, 9, {1}, {0}})).output = 9;
  EXPECT_FALSE(validate(model).ok());
  model = good;
  std::get<Join>(model.operators[1]).inputs[0] = 4;
  EXPECT_THAT(validate(model).error().message(), HasSubstr("only 3 are made before it"));
  model = good;
  model.values[1].name = "other";
  EXPECT_THAT(validate(model).error().message(), HasSubstr("does not fit input 'amount'"));
}

TEST(ColumnSources, FollowColumnsToInputs) {
  const Model model = *fraud(2).build();
  EXPECT_THAT(column_sources(model, 1), ElementsAre(ElementsAre(1)));
  EXPECT_THAT(column_sources(model, 3), ElementsAre(ElementsAre(0), ElementsAre(0), ElementsAre(1)));
  EXPECT_THAT(column_sources(model, 4), ElementsAre(ElementsAre(1)));  // the stump tests only the amount
  EXPECT_THAT(column_sources(*fraud(0).build(), 5), ElementsAre(ElementsAre(0), ElementsAre(0)));
  EXPECT_THAT(column_sources(model, 99), IsEmpty());
}

TEST(FirstDifference, NamesThePlace) {
  const Model model = *fraud().build();
  EXPECT_EQ(first_difference(model, model), std::nullopt);
  Model other = model;
  std::get<Trees>(other.operators[2]).leaf_values[1] = -0.0F;
  EXPECT_EQ(first_difference(model, other), "operators[2].Trees.leaf_values[1]: 0.75, -0");
  other = model;
  other.inputs[1].maximum.reset();
  EXPECT_EQ(first_difference(model, other), "inputs[1].maximum: set, none");
}

TEST(TableRows, ConvertsColumns) {
  const std::vector<Input> inputs = {
      {.name = "n"}, {.name = "t", .kind = InputKind::text}, {.name = "when", .kind = InputKind::time}};
  const auto table = table::Table::make({{"when", table::TimeColumn{{-1, 1'999'999, missing_time}}},
                                         {"t", table::IntegerColumn{{5, table::IntegerColumn::missing, 5}}},
                                         {"n", table::TextColumn{{0, -1, 1}, {" 1.5", ""}}}});
  ASSERT_TRUE(table.ok());
  const auto rows = TableRows::from(inputs, *table);
  ASSERT_TRUE(rows.ok()) << rows.error().message();
  const TableRows moved = std::move(const_cast<TableRows&>(*rows));
  const RowBatch part = moved.slice(1, 3);
  EXPECT_TRUE(check_batch(inputs, part).ok());
  const auto numbers = std::get<NumberView>(moved.batch().columns[0]);
  EXPECT_EQ(numbers[0], 1.5F);
  EXPECT_TRUE(std::isnan(numbers[1]) && std::isnan(numbers[2]));
  EXPECT_THAT(std::get<TimeView>(part.columns[2]), ElementsAre(1, missing_time));
  const auto text = std::get<TextView>(moved.batch().columns[1]);
  EXPECT_EQ(text.dictionary[static_cast<std::size_t>(text.codes[2])], "5");
  EXPECT_EQ(text.codes[1], -1);
}

TEST(TableRows, ErrorsNameColumnRowAndValue) {
  const std::vector<Input> inputs = {{.name = "amount"}};
  const auto absent = table::Table::make({{"amuont", table::NumberColumn{{1}}}});
  EXPECT_THAT(TableRows::from(inputs, *absent).error().message(), HasSubstr("did you mean 'amuont'"));
  const auto text = table::Table::make({{"amount", table::TextColumn{{0, 1}, {"1", "much"}}}});
  EXPECT_EQ(TableRows::from(inputs, *text).error().message(), "column 'amount', row 2: 'much' is not a number");
  const std::vector<Input> time = {{.name = "amount", .kind = InputKind::time}};
  const auto number = table::Table::make({{"amount", table::NumberColumn{{1}}}});
  EXPECT_EQ(TableRows::from(time, *number).error().message(), "column 'amount' holds numbers, expected times");
}

}  // namespace
}  // namespace slipway::model
