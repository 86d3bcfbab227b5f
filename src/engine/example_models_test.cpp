#include "example_models.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include <slipway/base/time.hpp>
#include <slipway/model/expression.hpp>

namespace slipway::engine {

namespace {

using namespace model;
using Op = ExpressionNode::Op;

constexpr ValueId none = 0;
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

std::vector<std::string> names(std::string_view stem, std::size_t count) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(std::string(stem) + std::to_string(i));
  return all;
}

// Makes `value` the scores: the prediction of a regression, or class scores where it has several columns.
Model finish(ModelBuilder builder, ValueId value) {
  const std::size_t width = builder.value(value).width();
  if (width == 1) {
    builder.set_task(Task::regression, "target", {});
    builder.set_outputs(value, value);
  } else {
    const ValueId label = builder.add(Decide{value, none}, "label", {"label"});
    builder.set_task(width == 2 ? Task::binary : Task::multiclass, "target", names("class ", width));
    builder.set_outputs(value, label);
  }
  auto model = std::move(builder).build();
  EXPECT_TRUE(model.ok()) << model.error().message();
  return *std::move(model);
}

struct Numbers {
  ModelBuilder builder;
  ValueId block;
};
Numbers numbers(std::size_t count) {
  Numbers made{ModelBuilder("example"), 0};
  Join join{{}, none, Join::Kind::concatenate, {}};
  for (std::size_t i = 0; i < count; ++i) join.inputs.push_back(made.builder.input({.name = "x" + std::to_string(i)}));
  made.block = made.builder.add(join, "block", names("x", count));
  return made;
}

// One operator over `count` numbers side by side.
Model over_numbers(Operator op, std::size_t count, std::size_t width) {
  Numbers made = numbers(count);
  std::visit(
      [&](auto& one) {
        if constexpr (requires { one.input; })
          one.input = made.block;
        else
          one.inputs = {made.block};
      },
      op);
  const ValueId out = made.builder.add(std::move(op), "out", names("y", width));
  return finish(std::move(made.builder), out);
}

Model over_text(Operator op, std::vector<std::string> categories, std::size_t width) {
  ModelBuilder builder("text");
  std::sort(categories.begin(), categories.end());
  builder.input({.name = "state", .kind = InputKind::text, .categories = std::move(categories)});
  const ValueId out = builder.add(std::move(op), "out", names("y", width));
  return finish(std::move(builder), out);
}

// Every operation of formulas on its own, over columns a and b of one block and a time.
std::vector<Example> operations() {
  std::vector<Example> examples;
  for (int i = 0; i <= static_cast<int>(ExpressionNode::last_op); ++i) {
    const auto op = static_cast<Op>(i);
    ModelBuilder builder("operation");
    const ValueId time = builder.input({.name = "when", .kind = InputKind::time});
    const ValueId a = builder.input({.name = "a"}), b = builder.input({.name = "b"});
    const ValueId both = builder.add(Join{{a, b}, none, Join::Kind::concatenate, {}}, "both", {"a", "b"});
    const ExpressionNode columns[] = {{Op::column, 0, 1, 0}, {Op::column, 0, 1, 1}, {Op::column, 0, 2, 0}};
    std::vector<ExpressionNode> nodes(columns, columns + expression_op_arity(op));
    ExpressionNode last{op};
    if (op == Op::constant) {
      nodes = {columns[0], {Op::constant, 2.5F}, {Op::multiply}};
    } else if (op == Op::column) {
      nodes = {columns[1]};
    } else {
      nodes.push_back(last);
    }
    const ValueId out = builder.add(Expression{{time, both, a}, none, nodes, "test"}, "out", {"y"});
    examples.push_back({"operation_" + std::string(expression_op_name(op)), finish(std::move(builder), out)});
  }
  return examples;
}

Model formula(std::string_view text) {
  ModelBuilder builder("formula");
  std::vector<ExpressionColumn> columns;
  for (const std::string name : {"amount", "count", "odd name"}) {
    builder.input({.name = name});
    columns.push_back({name, ValueKind::numbers});
  }
  for (const std::string name : {"when", "later"}) {
    builder.input({.name = name, .kind = InputKind::time});
    columns.push_back({name, ValueKind::time});
  }
  builder.input(
      {.name = "state", .kind = InputKind::text, .categories = {"100%", "CA", "NY", "ZÜRICH", "Zürich", "c"}});
  columns.push_back({"state", ValueKind::text});
  const auto parsed = parse_expression(text, columns);
  EXPECT_TRUE(parsed.ok()) << parsed.error().message();
  std::vector<ValueId> operands;
  for (std::size_t i = 0; i < parsed->columns.size(); ++i)
    operands.push_back(parsed->tests[i] ? builder.add(text_test_operator(*parsed->tests[i], parsed->columns[i]),
                                                      parsed->tests[i]->source, {"test"})
                                        : parsed->columns[i]);
  const ValueId out = builder.add(Expression{operands, none, parsed->nodes, std::string(text)}, "out", {"y"});
  return finish(std::move(builder), out);
}

// Texts around the pattern's edges: every one tests it.
Model over_pattern(Match match) {
  return over_text(
      std::move(match),
      {"a", "ab", "abc",  "abd",  "abb",        "aB",       "AB",     "ax\ny",   "a%",     "a\\", "b", "A",     "é",
       "É", "éa", "東京", "\x7f", "\U0001F4B3", "K\u212Ak", "ſtraße", "STRASSE", "\u0130", "i",   "_", "aaaaab"},
      1);
}

// The reference case in small: everything from raw columns to a label.
Model fraud() {
  ModelBuilder builder("fraud");
  const ValueId amount = builder.input({.name = "amount",
                                        .unit = "USD",
                                        .minimum = 0.1F,
                                        .maximum = 25000,
                                        .missing_allowed = false,
                                        .out_of_range = OutOfRange::clamp});
  const ValueId count = builder.input({.name = "num_transactions"});
  const ValueId state = builder.input({.name = "state",
                                       .kind = InputKind::text,
                                       .categories = {"CA", "New York", "Zürich"},
                                       .out_of_range = OutOfRange::reject});
  const ValueId when = builder.input({.name = "timestamp", .kind = InputKind::time});
  const ValueId filled =
      builder.add(Fill{count, none, {3}, true}, "filled", {"num_transactions", "num_transactions missing"});
  const ValueId hot =
      builder.add(Lookup{state, none, {"CA", "New York", "Zürich"}, {1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}, {0, 0, 0}},
                  "hot", {"CA", "NY", "ZH"});
  const ValueId target = builder.add(Lookup{state, none, {"CA"}, {0.25F}, {0.1F}, {nan}}, "target", {"rate"});
  const ValueId ratio =
      builder.add(Expression{{amount, filled},
                             none,
                             {{Op::column, 0, 0, 0}, {Op::column, 0, 1, 0}, {Op::constant, 1}, {Op::add}, {Op::divide}},
                             "amount / (num_transactions + 1)"},
                  "ratio", {"ratio"});
  const ValueId hour =
      builder.add(Expression{{when}, none, {{Op::hour, 0, 0, 0}}, "hour(timestamp)"}, "hour", {"hour"});
  const ValueId all = builder.add(Join{{amount, filled, hot, target, ratio, hour}, none, Join::Kind::concatenate, {}},
                                  "all", names("f", 9));
  Random random(7);
  Trees trees = random_trees({.trees = 40, .features = 9, .depth = 7}, random);
  for (float& leaf : trees.leaf_values) leaf = std::fabs(leaf) / 4;
  trees.aggregate = Trees::Aggregate::mean;
  trees.input = all;
  const ValueId votes = builder.add(trees, "votes", {"p"});
  const ValueId boosted = builder.add(
      [&] {
        Trees more = random_trees({.trees = 20, .features = 9, .depth = 4}, random);
        more.input = all;
        more.base = {-1.5F};
        return more;
      }(),
      "margin", {"margin"});
  const ValueId pair = builder.add(Link{boosted, none, Link::Kind::sigmoid}, "boosted", {"0", "1"});
  const ValueId forest = builder.add(Link{votes, none, Link::Kind::complement}, "forest", {"0", "1"});
  const ValueId blend =
      builder.add(Join{{forest, pair}, none, Join::Kind::weighted_sum, {0.25F, 0.75F}}, "blend", {"0", "1"});
  const ValueId label = builder.add(Decide{blend, none, 0.37F}, "label", {"label"});
  builder.set_task(Task::binary, "is_fraud", {"no", "yes \"sure\""});
  builder.set_outputs(blend, label);
  builder.set_metadata("created by", "the conformance test");
  builder.set_metadata("schema digest", "0123");
  return *std::move(builder).build();
}

// Inputs with the names that the file would give to its own parts.
Model clashing_names() {
  ModelBuilder builder("");
  Join join{{}, none, Join::Kind::concatenate, {}};
  for (const std::string name :
       {"label", "probabilities", "label_output", "0/value/block", "_0/value/block", "output/scores", "ü"})
    join.inputs.push_back(builder.input({.name = name}));
  const ValueId block = builder.add(join, "block", names("c", 7));
  return finish(std::move(builder), builder.add(Affine{block, none, std::vector<float>(7, 2), std::vector<float>(7, 1)},
                                                "Affine/shifted", names("c", 7)));
}

Trees infinite_thresholds() {
  Trees trees{none, none, 1, Trees::Aggregate::sum, {}, {0, 3}};
  trees.feature = {0, -1, -1, 1, -1, -1};
  trees.threshold = {INFINITY, 0, 0, INFINITY, 0, 0};
  trees.left = {1, 0, 1, 4, 2, 3};
  trees.right = {2, 0, 0, 5, 0, 0};
  trees.missing_left = {0, 0, 0, 1, 0, 0};
  trees.cover = {10, 9, 1, 10, 9, 1};
  trees.leaf_values = {1, 2, 4, 8};
  return trees;
}

// One tree that is a chain of 2,000 nodes, beside one of a single leaf.
Trees chain() {
  Trees trees{none, none, 1, Trees::Aggregate::mean, {0.5F}, {0}};
  constexpr std::uint32_t length = 1000;
  for (std::uint32_t i = 0; i < length; ++i) {
    trees.feature.insert(trees.feature.end(), {0, -1});
    trees.threshold.insert(trees.threshold.end(), {static_cast<float>(i) / 100 - 5, 0});
    trees.left.insert(trees.left.end(), {2 * i + 1, i});
    trees.right.insert(trees.right.end(), {2 * i + 2, 0});
    trees.missing_left.insert(trees.missing_left.end(), {0, 0});
    trees.leaf_values.push_back(static_cast<float>(i));
  }
  for (int last = 0; last < 2; ++last) {
    trees.feature.push_back(-1);
    trees.threshold.push_back(0);
    trees.left.push_back(length + static_cast<std::uint32_t>(last));
    trees.right.push_back(0);
    trees.missing_left.push_back(0);
    trees.leaf_values.push_back(-3);
  }
  trees.roots.push_back(2 * length + 1);
  return trees;
}

}  // namespace

model::Trees random_trees(const ForestShape& shape, Random& random) {
  Trees trees{none, none, shape.outputs, shape.aggregate};
  const auto node = [&](auto&& self, int depth) -> std::uint32_t {
    const auto id = static_cast<std::uint32_t>(trees.feature.size());
    const bool leaf = depth == shape.depth || (depth > 0 && random.uniform() < shape.stop);
    trees.feature.push_back(leaf ? Trees::leaf : static_cast<std::int32_t>(random.below(shape.features)));
    trees.threshold.push_back(leaf ? 0.0F : static_cast<float>(static_cast<int>(random.below(41)) - 20) / 4);
    trees.left.push_back(0);
    trees.right.push_back(0);
    trees.missing_left.push_back(leaf ? 0 : static_cast<std::uint8_t>(random.below(2)));
    trees.cover.push_back(static_cast<float>(random.below(1000)));
    if (leaf) {
      trees.left[id] = static_cast<std::uint32_t>(trees.leaf_values.size() / shape.outputs);
      for (std::uint32_t k = 0; k < shape.outputs; ++k)
        trees.leaf_values.push_back(static_cast<float>(random.normal()) / 8);
    } else {
      const std::uint32_t left = self(self, depth + 1);
      const std::uint32_t right = self(self, depth + 1);
      trees.left[id] = left;
      trees.right[id] = right;
    }
    return id;
  };
  for (std::size_t tree = 0; tree < shape.trees; ++tree) {
    const std::uint32_t root = node(node, random.below(20) == 0 ? shape.depth : 0);
    trees.roots.push_back(root);
  }
  return trees;
}

model::Model forest_model(const ForestShape& shape, std::uint64_t seed) {
  Random random(seed);
  return over_numbers(random_trees(shape, random), shape.features, shape.outputs);
}

std::vector<Example> example_models() {
  using Aggregate = Trees::Aggregate;
  std::vector<Example> all = operations();
  const auto add = [&all](std::string name, Model model) { all.push_back({std::move(name), std::move(model)}); };
  add("fill", over_numbers(Fill{none, none, {1, -2}}, 2, 2));
  add("fill_indicator", over_numbers(Fill{none, none, {1, -2}, true}, 2, 4));
  add("lookup_one_hot",
      over_text(Lookup{0, none, {"CA", "NY", "é"}, {1, 0, 0, 1, 0, 0}, {0, 0}, {0.5F, 0.5F}}, {"CA", "NY", "é"}, 2));
  add("lookup_missing_stays_missing", over_text(Lookup{0, none, {"CA"}, {0.125F}, {0.5F}, {nan}}, {"CA"}, 1));
  add("lookup_without_keys", over_text(Lookup{0, none, {}, {}, {1, 2}, {3, 4}}, {}, 2));
  add("affine", over_numbers(Affine{none, none, {2, 0.1F, -1}, {1, 0.3F, 0}}, 3, 3));
  add("piecewise_step",
      over_numbers(Piecewise{none, none, Piecewise::Kind::step, {-1, 0, 0.25F, 3}, {1, 5, -2, 8}}, 1, 1));
  add("piecewise_linear",
      over_numbers(Piecewise{none, none, Piecewise::Kind::linear, {-1, 0, 0.25F, 3}, {1, 5, -2, 8}}, 1, 1));
  add("piecewise_one_point", over_numbers(Piecewise{none, none, Piecewise::Kind::linear, {1}, {7}}, 1, 1));
  add("piecewise_step_one_point", over_numbers(Piecewise{none, none, Piecewise::Kind::step, {1}, {7}}, 1, 1));
  add("formula_ratio", formula("amount / (count + 1)"));
  add("formula_case", formula("CASE WHEN hour(when) < 6 AND amount > 1 THEN 1 WHEN \"odd name\" IS NULL THEN 2 END + "
                              "least(amount, count, 3)"));
  add("formula_dates", formula("days_since_epoch(when) - 365 * (year(when) - 1970) + coalesce(month(when), day(when) % "
                               "3, minute(when), 0)"));
  add("formula_constant_branches", formula("CASE WHEN amount > 0 THEN 2 * 3 ELSE - 1 END"));
  add("formula_three_values",
      formula("(amount > 1 AND count < 2) + 2 * (amount > 1 OR NOT count < 2) + 4 * (count <> 3)"));
  add("formula_lists",
      formula("(count IN (1, -1, amount)) + 2 * (count NOT IN (1, NULL)) + 4 * (amount BETWEEN -2 AND count)"));
  add("formula_not_between",
      formula("CASE WHEN amount NOT BETWEEN count AND 3 AND NOT count IN (0, 1) THEN 1 ELSE 0 END"));
  add("formula_texts",
      formula("(state = 'CA') + 2 * (state IN ('NY', 'Zürich')) + 4 * (state NOT IN ('c', NULL)) + 8 * "
              "(state IS NULL) + 16 * (state <> 'NY')"));
  add("formula_patterns",
      formula("CASE WHEN state LIKE 'Z%' THEN 1 WHEN state ILIKE 'züri__' THEN 2 WHEN state NOT LIKE "
              "'10!%' ESCAPE '!' THEN 3 ELSE 4 END"));
  add("formula_text_order",
      formula("(state < 'NY') + 2 * (state <= 'NY') + 4 * (state > 'CA') + 8 * ('CA' <= state) + 16 "
              "* (state BETWEEN 'C' AND 'Z')"));
  for (const std::string unit : {"year", "quarter", "month", "week", "day", "hour", "minute", "second"})
    add("formula_date_diff_" + unit, formula("date_diff('" + unit + "', when, later) + second(when)"));
  for (const auto& [name, pattern] : {std::pair{"", ""},
                                      {"exact", "abc"},
                                      {"begin", "a%"},
                                      {"end", "%b"},
                                      {"inside", "%a%b%"},
                                      {"one", "a_"},
                                      {"ones", "__"},
                                      {"escaped", "a\\%"},
                                      {"backslash", "a\\\\"},
                                      {"letters", "%É%"},
                                      {"signs", "%[a.b]*$^+?(|)%"},
                                      {"runs", "a%a%a%b"},
                                      {"folds", "k%K"},
                                      {"dot", "\u0130"},
                                      {"long_s", "straße"}})
    for (const bool any_case : {false, true})
      add(std::string("match_like_") + name + (any_case ? "_any_case" : ""),
          over_pattern({.kind = Match::Kind::like, .pattern = pattern, .any_case = any_case}));
  for (const auto& [name, pattern] : {std::pair{"ab", "ab"},
                                      {"a", "a"},
                                      {"accent", "éa"},
                                      {"beyond", "\U0001F4B3"},
                                      {"private", "\ue000"},
                                      {"sign", "a%"}})
    for (const auto kind : {Match::Kind::less, Match::Kind::less_equal})
      add(std::string("match_") + (kind == Match::Kind::less ? "less_" : "less_equal_") + name,
          over_pattern({.kind = kind, .pattern = pattern}));
  const std::vector<float> weights = {0.5F, -1, 2, 0.25F, 1, 0.125F};  // 3 x 2
  for (const auto& [name, activation] : {std::pair{"dense", Dense::Activation::identity},
                                         {"dense_relu", Dense::Activation::relu},
                                         {"dense_tanh", Dense::Activation::tanh},
                                         {"dense_sigmoid", Dense::Activation::sigmoid}})
    add(name, over_numbers(Dense{none, none, weights, {0.1F, -0.2F}, activation}, 3, 2));
  add("trees_sum", forest_model({}, 1));
  add("trees_mean_classes", forest_model({.outputs = 3, .aggregate = Aggregate::mean}, 2));
  add("trees_two_outputs", forest_model({.trees = 3, .outputs = 2}, 3));
  add("trees_one_tree", forest_model({.trees = 1, .features = 1, .depth = 3}, 4));
  add("trees_many", forest_model({.trees = 100, .features = 20, .depth = 6}, 5));
  add("trees_deep", forest_model({.trees = 5, .features = 6, .depth = 40, .stop = 0.49}, 6));
  add("trees_infinite_thresholds", over_numbers(infinite_thresholds(), 2, 1));
  add("trees_chain", over_numbers(chain(), 1, 1));
  add("join_weighted", [] {
    Numbers made = numbers(2);
    const ValueId other = made.builder.add(Affine{made.block, none, {3, 4}, {0, 1}}, "other", {"a", "b"});
    const ValueId sum = made.builder.add(
        Join{{made.block, other, made.block}, none, Join::Kind::weighted_sum, {0.1F, 0.7F, -2}}, "sum", {"a", "b"});
    return finish(std::move(made.builder), sum);
  }());
  add("join_one", over_numbers(Join{{none}, none, Join::Kind::concatenate, {}}, 3, 3));
  using Kind = Link::Kind;
  add("link_identity", over_numbers(Link{none, none, Kind::identity}, 3, 3));
  add("link_complement", over_numbers(Link{none, none, Kind::complement}, 1, 2));
  add("link_sigmoid", over_numbers(Link{none, none, Kind::sigmoid}, 1, 2));
  add("link_softmax", over_numbers(Link{none, none, Kind::softmax}, 4, 4));
  add("link_exponential", over_numbers(Link{none, none, Kind::exponential}, 2, 2));
  add("link_normalise", over_numbers(Link{none, none, Kind::normalise}, 3, 3));
  add("terms", over_text(Terms{0, none, Terms::Unit::character, 1, 2, {"c", "ca", "é"}, {1, 2, 3}, Terms::Norm::l2},
                         {"CA", "NY", "é"}, 3));
  add("terms_with_blanks",
      over_text(Terms{0, none, Terms::Unit::character, 2, 3, {" c", "Xy", "a b", "b\t"}, {1, 4, 2, 3}, Terms::Norm::l1},
                {"A B", "a\tb\t", "a b c", "ab", "xy"}, 4));
  add("terms_words", over_text(Terms{0,
                                     none,
                                     Terms::Unit::word,
                                     1,
                                     2,
                                     {"a", "a bb", "bb", "bb a", "no way", "zürich"},
                                     {1, 2, 3, 0.5F, 2, 1},
                                     Terms::Norm::l2,
                                     true},
                               {"...", "A, a-bb!", "Zürich;zürich", "a\tbb\na  bb", "no way"}, 6));
  for (const Terms::Unit unit : {Terms::Unit::word, Terms::Unit::character})
    add(unit == Terms::Unit::word ? "terms_words_unicode" : "terms_characters_unicode",
        over_text(Terms{.unit = unit,
                        .maximum_length = 2,
                        .terms = {"i", "k", "été", "ñ", "ж ё", "жё", "ё"},
                        .weights = {1, 2, 3, 4, 5, 6, 7},
                        .unicode_case = true},
                  {"ÉTÉ été Été", "Ё ж Ё ЖЁ", "\u212A k K \u0130", "Ñ, ñÑ", "I i İ"}, 7));
  add("terms_long_words",
      over_text(Terms{0, none, Terms::Unit::word, 1, 1, {"a", "bbb"}, {1, 2}, Terms::Norm::none, false, 2},
                {"a", "a bbb bbb"}, 2));
  add("fraud", fraud());
  add("clashing_names", clashing_names());
  add("input_is_score", [] {
    ModelBuilder builder("");
    const ValueId x = builder.input({.name = "x"});
    return finish(std::move(builder), x);
  }());
  return all;
}

OddRows::OddRows(const model::Model& model, std::size_t rows, std::uint64_t seed) : OddRows(model, rows, seed, true) {}

OddRows OddRows::finite(const model::Model& model, std::size_t rows, std::uint64_t seed) {
  return {model, rows, seed, false};
}

OddRows::OddRows(const model::Model& model, std::size_t rows, std::uint64_t seed, bool infinities) {
  Random random(random_key({seed, rows}));
  constexpr float most = std::numeric_limits<float>::max();
  const float odd[] = {nan, -0.0F, std::numeric_limits<float>::denorm_min(), INFINITY, -INFINITY, most, -most};
  const std::int64_t odd_times[] = {missing_time, missing_time + 1, std::numeric_limits<std::int64_t>::max(), -1, 0,
                                    951782400 /* 2000-02-29 */};
  batch_.rows = rows;
  for (const model::Input& input : model.inputs) {
    if (input.kind == model::InputKind::number) {
      auto& values = numbers_.emplace_back(rows);
      for (float& value : values) {
        const std::uint64_t kind = random.below(10);
        value = kind == 0  ? odd[random.below(infinities ? 7 : 3)]
                : kind < 6 ? static_cast<float>(static_cast<int>(random.below(61)) - 30) / 4
                           : static_cast<float>(random.normal());
      }
      batch_.columns.push_back(model::NumberView(values));
    } else if (input.kind == model::InputKind::time) {
      auto& values = times_.emplace_back(rows);
      for (std::int64_t& value : values)
        value = random.below(8) == 0 ? odd_times[random.below(6)]
                                     : static_cast<std::int64_t>(random.below(1ull << 36)) - (1ll << 35);
      batch_.columns.push_back(model::TimeView(values));
    } else {
      auto& dictionary = dictionaries_.emplace_back();
      for (const std::string& category : input.categories) dictionary.push_back(texts_.emplace_back(category));
      for (const std::string text : {"", "never seen", "nan", "ca", "CA "})
        dictionary.push_back(texts_.emplace_back(text));
      auto& codes = codes_.emplace_back(rows);
      for (std::int32_t& code : codes) code = static_cast<std::int32_t>(random.below(dictionary.size() + 1)) - 1;
      batch_.columns.push_back(model::TextView{codes, dictionary});
    }
  }
}

}  // namespace slipway::engine
