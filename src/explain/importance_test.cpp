#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/explain/dependence.hpp>
#include <slipway/explain/importance.hpp>
#include <slipway/explain/reasons.hpp>

namespace slipway::explain {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// amount, count, state: score = amount + 2 * (state == "NY"), missing amount counts -1.
struct Fixture {
  std::vector<model::Input> inputs = {
      {.name = "amount"}, {.name = "count"}, {.name = "state", .kind = model::InputKind::text}};
  std::vector<float> amounts, counts, targets;
  std::vector<std::int32_t> codes;
  std::vector<std::string_view> dictionary = {"CA", "NY", "TX"};
  model::RowBatch batch;

  explicit Fixture(std::size_t rows) {
    Random random(1);
    for (std::size_t i = 0; i < rows; ++i) {
      amounts.push_back(static_cast<float>(random.below(1000)) / 100);
      counts.push_back(static_cast<float>(random.below(5)));
      codes.push_back(static_cast<std::int32_t>(i % 10 == 0 ? -1 : i % 3 == 0 ? 2 : i % 2));
    }
    batch = {rows, {model::NumberView(amounts), model::NumberView(counts), model::TextView{codes, dictionary}}};
    targets = *score(batch);
  }
  static Result<std::vector<float>> score(const model::RowBatch& rows) {
    const auto& amount = std::get<model::NumberView>(rows.columns[0]);
    const auto& state = std::get<model::TextView>(rows.columns[2]);
    std::vector<float> scores(rows.rows);
    for (std::size_t i = 0; i < rows.rows; ++i) {
      const bool new_york = state.codes[i] >= 0 && state.dictionary[state.codes[i]] == "NY";
      scores[i] = (std::isnan(amount[i]) ? -1 : amount[i]) + (new_york ? 2.0F : 0.0F);
    }
    return scores;
  }
  MetricOfRows mean_squared_error() const {
    return [this](std::span<const float> scores, std::span<const std::uint32_t> rows) -> Result<double> {
      double sum = 0;
      for (std::size_t i = 0; i < rows.size(); ++i) sum += std::pow(double(scores[i]) - targets[rows[i]], 2);
      return sum / double(rows.size());
    };
  }
};

TEST(PermutationImportance, FindsWhatTheScoresRestOn) {
  const Fixture data(4000);
  const ImportanceOptions options{.repeats = 3, .max_rows = 1000, .higher_is_better = false};
  const auto one =
      permutation_importance(data.inputs, data.batch, Fixture::score, data.mean_squared_error(), options, Threads(1));
  ASSERT_TRUE(one.ok()) << one.error().message();
  EXPECT_EQ(one->rows, 1000);
  EXPECT_EQ(one->metric, 0);
  ASSERT_EQ(one->inputs.size(), 3);
  EXPECT_EQ(one->inputs[0].input, "amount");
  // Shuffling x against itself costs 2 var(x): amount is uniform on [0, 10), var 100 / 12; NY has a share of 1 / 3.
  EXPECT_NEAR(one->inputs[0].mean, 2 * 100 / 12.0, 1.5);
  EXPECT_GT(one->inputs[0].standard_deviation, 0);
  // Student's t of two degrees of freedom: 4.3027 standard errors.
  EXPECT_NEAR(one->inputs[0].high - one->inputs[0].mean, 4.30265 * one->inputs[0].standard_deviation / std::sqrt(3.0),
              1e-4);
  EXPECT_NEAR(one->inputs[0].low + one->inputs[0].high, 2 * one->inputs[0].mean, 1e-9);
  EXPECT_EQ(one->inputs[1].input, "state");
  EXPECT_NEAR(one->inputs[1].mean, 2 * 4 / 3.0 * 2 / 3.0, 0.3);
  EXPECT_EQ(one->inputs[2].input, "count");
  EXPECT_THAT(one->inputs[2].repeats, Each(0));
  const auto three =
      permutation_importance(data.inputs, data.batch, Fixture::score, data.mean_squared_error(), options, Threads(3));
  ASSERT_TRUE(three.ok());
  EXPECT_EQ(to_json(*one), to_json(*three));
}

TEST(PermutationImportance, PassesErrorsUp) {
  const Fixture data(10);
  const Scorer broken = [](const model::RowBatch&) -> Result<std::vector<float>> { return unavailable("no engine"); };
  const auto failed =
      permutation_importance(data.inputs, data.batch, broken, data.mean_squared_error(), {}, Threads(1));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message(), "no engine");
  const Fixture one_row(1);
  EXPECT_FALSE(permutation_importance(one_row.inputs, one_row.batch, Fixture::score, one_row.mean_squared_error(), {},
                                      Threads(1))
                   .ok());
}

TEST(PartialDependence, AveragesOverTheRows) {
  const Fixture data(3000);
  const auto number = partial_dependence(data.inputs, data.batch, "amount", Fixture::score, {.grid = 11}, Threads(2));
  ASSERT_TRUE(number.ok()) << number.error().message();
  ASSERT_EQ(number->numbers.size(), 11);
  EXPECT_EQ(number->rows, 1000);
  EXPECT_NEAR(number->numbers.front(), 0.1, 0.05);
  EXPECT_NEAR(number->numbers.back(), 9.9, 0.05);
  for (std::size_t i = 0; i < 11; ++i) {
    EXPECT_NEAR(number->mean[i], number->numbers[i] + 2 / 3.0, 0.1);
    EXPECT_NEAR(number->low[i], number->numbers[i], 1e-5);
    EXPECT_NEAR(number->high[i], number->numbers[i] + 2, 1e-5);
  }
  const auto few = partial_dependence(data.inputs, data.batch, "count", Fixture::score, {}, Threads(1));
  ASSERT_TRUE(few.ok());
  EXPECT_THAT(few->numbers, ElementsAre(0, 1, 2, 3, 4));
  const auto text = partial_dependence(data.inputs, data.batch, "state", Fixture::score, {}, Threads(1));
  ASSERT_TRUE(text.ok());
  // Of 30 rows 10 are NY, 9 TX, 8 CA and 3 missing.
  EXPECT_THAT(text->categories, ElementsAre("NY", "TX", "CA", ""));
  EXPECT_TRUE(text->missing);
  EXPECT_NEAR(text->mean[0] - text->mean[1], 2, 1e-4);
  EXPECT_NEAR(text->mean[3], text->mean[2], 1e-6);
  EXPECT_TRUE(to_json(*text)["grid"].back().is_null());
}

TEST(PartialDependence, KeepsCurvesOfSomeRows) {
  const Fixture data(100);
  const auto found = partial_dependence(data.inputs, data.batch, "count", Fixture::score, {.curves = 3}, Threads(1));
  ASSERT_TRUE(found.ok()) << found.error().message();
  EXPECT_EQ(found->curve_rows, 3);
  ASSERT_EQ(found->curves.size(), 3 * found->grid_size());
  // The score does not depend on the count: every row's own curve is flat, and no two rows have the same amount.
  for (std::size_t row = 0; row < 3; ++row)
    for (std::size_t point = 0; point < found->grid_size(); ++point)
      EXPECT_EQ(found->curves[row * found->grid_size() + point], found->curves[row * found->grid_size()]);
  EXPECT_NE(found->curves[0], found->curves[found->grid_size()]);
  EXPECT_EQ(to_json(*found)["curves"].size(), 3);
}

TEST(PairDependence, TellsWhatActsTogether) {
  const Fixture data(2000);
  const auto apart =
      pair_dependence(data.inputs, data.batch, "amount", "state", Fixture::score, {.grid = 5}, Threads(2));
  ASSERT_TRUE(apart.ok()) << apart.error().message();
  ASSERT_EQ(apart->mean.size(), 5 * 4);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < 4; ++j)
      EXPECT_NEAR(apart->mean[i * 4 + j], apart->first.numbers[i] + (apart->second.categories[j] == "NY" ? 2 : 0),
                  1e-5);
  EXPECT_NEAR(apart->interaction[0], 0, 1e-9);
  const Scorer product = [](const model::RowBatch& rows) -> Result<std::vector<float>> {
    std::vector<float> scores(rows.rows);
    for (std::size_t i = 0; i < rows.rows; ++i)
      scores[i] =
          (std::get<model::NumberView>(rows.columns[0])[i] - 5) * (std::get<model::NumberView>(rows.columns[1])[i] - 2);
    return scores;
  };
  const auto together = pair_dependence(data.inputs, data.batch, "amount", "count", product, {.grid = 5}, Threads(1));
  ASSERT_TRUE(together.ok());
  EXPECT_GT(together->interaction[0], 0.95);
  EXPECT_EQ(to_json(*together)["second"]["grid"], nlohmann::json({0.0, 1.0, 2.0, 3.0, 4.0}));
  EXPECT_FALSE(pair_dependence(data.inputs, data.batch, "count", "count", product, {}, Threads(1)).ok());
  const auto unknown = pair_dependence(data.inputs, data.batch, "count", "stat", product, {}, Threads(1));
  EXPECT_THAT(unknown.error().message(), HasSubstr("did you mean 'state'"));
}

TEST(PartialDependence, HasDefinedAnswersForOddInputs) {
  std::vector<float> nothing(5, missing);
  const std::vector<model::Input> inputs = {{.name = "x"}, {.name = "when", .kind = model::InputKind::time}};
  const std::vector<std::int64_t> times(5, 0);
  const model::RowBatch batch{5, {model::NumberView(nothing), model::TimeView(times)}};
  const Scorer zero = [](const model::RowBatch& rows) -> Result<std::vector<float>> {
    return std::vector<float>(rows.rows);
  };
  const auto empty = partial_dependence(inputs, batch, "x", zero, {}, Threads(1));
  ASSERT_TRUE(empty.ok());
  EXPECT_THAT(empty->mean, IsEmpty());
  EXPECT_FALSE(partial_dependence(inputs, batch, "when", zero, {}, Threads(1)).ok());
  const auto unknown = partial_dependence(inputs, batch, "wen", zero, {}, Threads(1));
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.error().message(), HasSubstr("did you mean 'when'"));
}

// Three inputs, one tree each: contributions are known by hand.
Result<model::Model> three_stumps() {
  model::ModelBuilder builder("stumps");
  const auto amount = builder.input({.name = "amount"});
  const auto count = builder.input({.name = "count"});
  const auto age = builder.input({.name = "age"});
  const auto all = builder.add(model::Join{{amount, count, age}, 0, model::Join::Kind::concatenate, {}}, "all",
                               {"amount", "count", "age"});
  model::Trees trees{};
  trees.input = all;
  trees.outputs = 1;
  trees.aggregate = model::Trees::Aggregate::mean;
  for (std::uint32_t t = 0; t < 3; ++t) {
    trees.roots.push_back(3 * t);
    trees.feature.insert(trees.feature.end(), {static_cast<std::int32_t>(t), -1, -1});
    trees.threshold.insert(trees.threshold.end(), {10, 0, 0});
    trees.left.insert(trees.left.end(), {3 * t + 1, 2 * t, 2 * t + 1});
    trees.right.insert(trees.right.end(), {3 * t + 2, 0, 0});
    trees.missing_left.insert(trees.missing_left.end(), {0, 0, 0});
    trees.cover.insert(trees.cover.end(), {4, 2, 2});
  }
  trees.leaf_values = {0, 0.6F, 0, 0.9F, 0.3F, 0};
  const auto p = builder.add(trees, "p", {"p"});
  const auto scores = builder.add(model::Link{p, 0, model::Link::Kind::complement}, "scores", {"0", "1"});
  const auto label = builder.add(model::Decide{scores, 0}, "label", {"label"});
  builder.set_task(model::Task::binary, "fraud", {"0", "1"});
  builder.set_outputs(scores, label);
  return std::move(builder).build();
}

TEST(Reasons, AreRankedAndWorded) {
  const auto model = three_stumps();
  ASSERT_TRUE(model.ok()) << model.error().message();
  const auto explainer = Explainer::make(*model);
  ASSERT_TRUE(explainer.ok()) << explainer.error().message();
  EXPECT_EQ(explainer->explained(), Explained::probability);
  const std::vector<float> amount = {0, 1203.5F}, count = {0, missing}, age = {0, 50};
  const model::RowBatch batch{2, {model::NumberView(amount), model::NumberView(count), model::NumberView(age)}};
  Contributions contributions;
  ASSERT_TRUE(explainer->explain(batch, contributions).ok());
  // Row 1 goes right three times: +0.3 / 3, +0.45 / 3, -0.15 / 3.
  const auto raising = rank_reasons(*explainer, contributions, batch, 1);
  ASSERT_TRUE(raising.ok()) << raising.error().message();
  ASSERT_EQ(raising->size(), 2);
  EXPECT_EQ((*raising)[0].text, "count missing raised the score by 0.15");
  EXPECT_EQ((*raising)[1].text, "amount 1203.5 raised the score by 0.1");
  EXPECT_NEAR((*raising)[1].contribution, 0.1, 1e-6);
  ReasonOptions options;
  options.direction = Direction::lowering;
  options.noun = "risk";
  const auto lowering = rank_reasons(*explainer, contributions, batch, 1, 0, options);
  ASSERT_TRUE(lowering.ok());
  ASSERT_EQ(lowering->size(), 1);
  EXPECT_EQ((*lowering)[0].text, "age 50 lowered the risk by 0.05");
  options.direction = Direction::both;
  options.count = 1;
  const auto catalogue = ReasonCatalogue::parse(
      "reasons:\n  - {input: count, code: R7, text: There is a count, missing: 'No count was given ({value})'}\n",
      "r.yaml", model->inputs);
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message();
  options.catalogue = std::make_shared<ReasonCatalogue>(*catalogue);
  const auto worded = rank_reasons(*explainer, contributions, batch, 1, 0, options);
  ASSERT_TRUE(worded.ok());
  ASSERT_EQ(worded->size(), 1);
  EXPECT_EQ((*worded)[0].text, "No count was given (missing)");
  EXPECT_EQ((*worded)[0].code, "R7");
  EXPECT_FALSE(rank_reasons(*explainer, contributions, batch, 2).ok());
  EXPECT_FALSE(rank_reasons(*explainer, contributions, batch, 0, 1).ok());

  const auto global = mean_contributions(*explainer, contributions);
  ASSERT_EQ(global.size(), 3);
  EXPECT_EQ(global[0].name, "count");
  EXPECT_NEAR(global[0].value, 0.15, 1e-6);
  EXPECT_EQ(global[2].name, "age");
}

TEST(ImpurityImportance, CountsWhatSplitsTakeAway) {
  const auto model = three_stumps();
  ASSERT_TRUE(model.ok());
  // Each tree of a forest counts alike.
  const auto forest = impurity_importance(*model);
  ASSERT_EQ(forest.size(), 3);
  for (const auto& entry : forest) EXPECT_NEAR(entry.value, 1 / 3.0, 1e-12);
  // Of a sum, by the squared distances 0.36, 0.81, 0.09.
  model::Model sum = *model;
  for (model::Operator& op : sum.operators)
    if (auto* trees = std::get_if<model::Trees>(&op)) trees->aggregate = model::Trees::Aggregate::sum;
  const auto boosted = impurity_importance(sum);
  EXPECT_EQ(boosted[0].name, "count");
  EXPECT_NEAR(boosted[0].value, 0.81 / 1.26, 1e-6);
  EXPECT_NEAR(boosted[2].value, 0.09 / 1.26, 1e-6);
}

TEST(ReasonCatalogue, GroupsWordsAndHides) {
  const auto model = three_stumps();
  const auto explainer = Explainer::make(*model);
  const std::vector<float> amount = {1203.5F}, count = {20}, age = {50};
  const model::RowBatch batch{1, {model::NumberView(amount), model::NumberView(count), model::NumberView(age)}};
  Contributions contributions;
  ASSERT_TRUE(explainer->explain(batch, contributions).ok());
  const auto catalogue = ReasonCatalogue::parse(
      "text: '{input} {direction} it'\n"
      "reasons:\n"
      "  - {inputs: [amount, count], code: R01, raised: 'Unusual spending ({value})', lowered: 'Usual spending'}\n"
      "  - {input: age, hidden: true}\n",
      "reasons.yaml", model->inputs);
  ASSERT_TRUE(catalogue.ok()) << catalogue.error().message();
  ReasonOptions options;
  options.direction = Direction::both;
  options.catalogue = std::make_shared<ReasonCatalogue>(*catalogue);
  const auto reasons = rank_reasons(*explainer, contributions, batch, 0, 0, options);
  ASSERT_TRUE(reasons.ok()) << reasons.error().message();
  ASSERT_EQ(reasons->size(), 1);
  EXPECT_EQ((*reasons)[0].text, "Unusual spending (1203.5, 20)");
  EXPECT_EQ((*reasons)[0].code, "R01");
  EXPECT_EQ((*reasons)[0].input, "amount, count");
  EXPECT_NEAR((*reasons)[0].contribution, 0.25, 1e-6);
  // Inputs without an entry get the file's wording.
  const auto plain = ReasonCatalogue::parse("text: '{input} {direction} it'", "r.yaml", model->inputs);
  options.catalogue = std::make_shared<ReasonCatalogue>(*plain);
  EXPECT_EQ((*rank_reasons(*explainer, contributions, batch, 0, 0, options))[0].text, "count raised it");
  // What init writes is a catalogue.
  const auto start = ReasonCatalogue::parse(starting_catalogue(model->inputs), "r.yaml", model->inputs);
  ASSERT_TRUE(start.ok()) << start.error().message();
  EXPECT_EQ(start->entries()[1].code, "R02");
}

TEST(ReasonCatalogue, NamesWhatIsWrongAndWhere) {
  const std::vector<model::Input> inputs = {{.name = "amount"}, {.name = "state"}};
  const auto message = [&](std::string_view yaml) {
    const auto parsed = ReasonCatalogue::parse(yaml, "reasons.yaml", inputs);
    return parsed.ok() ? std::string() : parsed.error().message();
  };
  EXPECT_THAT(message("reasons:\n  - {input: amont}"), HasSubstr("reasons.yaml:2:"));
  EXPECT_THAT(message("reasons:\n  - {input: amont}"), HasSubstr("did you mean 'amount'"));
  EXPECT_THAT(message("reasons:\n  - {input: state, raisd: x}"), HasSubstr("raised"));
  EXPECT_THAT(message("reasons:\n  - {input: state, text: 'by {valeu}'}"), HasSubstr("did you mean 'value'"));
  EXPECT_THAT(message("reasons:\n  - {input: state, text: 'by {value'}"), HasSubstr("not closed"));
  EXPECT_THAT(message("reasons:\n  - {input: state}\n  - {inputs: [amount, state]}"), HasSubstr("a reason already"));
  EXPECT_THAT(message("reasons:\n  - {code: R1}"), HasSubstr("either `input` or `inputs`"));
  EXPECT_THAT(message("reasons: 5"), HasSubstr("list"));
  EXPECT_EQ(message(""), "");
}

TEST(Reasons, WriteCellsAsPeopleDo) {
  const std::vector<std::int64_t> times = {0, missing_time};
  EXPECT_EQ(cell_text(model::TimeView(times), 0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(cell_text(model::TimeView(times), 1), "missing");
  const std::vector<std::int32_t> codes = {0, -1};
  const std::vector<std::string_view> dictionary = {"Zürich"};
  EXPECT_EQ(cell_text(model::TextView{codes, dictionary}, 0), "Zürich");
  EXPECT_EQ(cell_text(model::TextView{codes, dictionary}, 1), "missing");
}

}  // namespace
}  // namespace slipway::explain
