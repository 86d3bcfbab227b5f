// Every feature, over odd training rows and odd rows afterwards: what the fit gave its training rows is what the file,
// read back and compiled as the server does, gives the same rows one by one, bit for bit; ONNX Runtime says the same.
#include <bit>
#include <numeric>

#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/features/features.hpp>
#include <slipway/model/compare.hpp>
#include <slipway/model/interpreter.hpp>
#include <slipway/package/onnx.hpp>

namespace slipway::features {
namespace {

using table::Column;
using table::Table;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

// Numbers of several shapes, with missing ones; a constant and an all-missing column; categories with rare, missing and
// non-ASCII ones; texts; times. With `later`, categories, texts and numbers that training never saw.
Table odd_table(std::size_t rows, std::uint64_t seed, bool later) {
  Random random(random_key({seed, rows, later ? 1u : 0u}));
  std::vector<float> amount(rows), skewed(rows), counts(rows), far(rows), holes(rows), positive(rows);
  std::vector<std::int64_t> whole(rows), when(rows);
  const auto text = [&](std::vector<std::string> words, bool missing) {
    table::TextColumn column{{}, std::move(words)};
    for (std::size_t i = 0; i < rows; ++i) {
      const auto size = column.dictionary.size();
      const std::size_t at = std::min(random.below(size), random.below(size));
      column.codes.push_back(missing && random.below(9) == 0 ? -1 : static_cast<std::int32_t>(at));
    }
    return column;
  };
  for (std::size_t i = 0; i < rows; ++i) {
    amount[i] = static_cast<float>(random.normal() * 3 + 1);
    skewed[i] = static_cast<float>(std::exp(random.normal() * 1.5) * (random.below(5) == 0 ? -1 : 1));
    counts[i] = static_cast<float>(random.below(6));
    far[i] = 1e6F + static_cast<float>(random.below(2000)) / 8;
    holes[i] = random.below(3) == 0 ? nan : static_cast<float>(random.uniform());
    positive[i] = static_cast<float>(std::exp(random.normal()));
    whole[i] = static_cast<std::int64_t>(random.below(50)) - 10;
    when[i] = random.below(10) == 0 ? missing_time
                                    : 1'000'000 * (static_cast<std::int64_t>(random.below(1ull << 31)) - (1ll << 29));
    if (later && random.below(6) == 0) {
      amount[i] = 1e20F;
      skewed[i] = -40;
      counts[i] = nan;
      far[i] = -3;
      positive[i] = -2;
    }
  }
  std::vector<std::string> cities = {"Oslo", "Zürich", "東京", "São Paulo", "Bonn", "b", "c", "d"};
  std::vector<std::string> notes = {"Pay now, pay less", "refund please",      "a b refund",
                                    "éclair été",        "the the the refund", "x"};
  if (later) {
    cities.insert(cities.end(), {"Atlantis", "oslo", "OSLO "});
    notes.insert(notes.end(), {"", "quite unknown", "REFUND refund now"});
  }
  return *Table::make({Column{"amount", table::NumberColumn{amount}}, Column{"skewed", table::NumberColumn{skewed}},
                       Column{"counts", table::NumberColumn{counts}}, Column{"far", table::NumberColumn{far}},
                       Column{"holes", table::NumberColumn{holes}}, Column{"positive", table::NumberColumn{positive}},
                       Column{"whole", table::IntegerColumn{whole}},
                       Column{"constant", table::NumberColumn{std::vector<float>(rows, later ? 8.0F : 7.0F)}},
                       Column{"empty", table::NumberColumn{std::vector<float>(rows, later ? 1.0F : nan)}},
                       Column{"city", text(cities, true)}, Column{"color", text({"red", "blue"}, later)},
                       Column{"void", table::TextColumn{std::vector<std::int32_t>(rows, -1), {}}},
                       Column{"note", text(notes, true)}, Column{"when", table::TimeColumn{when}}});
}

const std::vector<std::string> numbers = {"amount", "skewed", "counts", "far", "holes", "whole", "constant", "empty"};

struct Case {
  std::string name;
  FeaturePlan plan;
  bool has_onnx = true;
  double tolerance = 1e-5;  // of ONNX Runtime, relative to the larger of 1 and the value
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const std::string& name, auto&& change, bool has_onnx = true) {
    Case made{name, {}, has_onnx};
    change(made.plan);
    all.push_back(std::move(made));
  };
  for (const std::string impute : {"none", "median", "mean", "most_frequent", "constant"})
    add("impute_" + impute, [&](FeaturePlan& plan) {
      plan.numeric = numbers;
      plan.options.impute = impute;
      plan.options.impute_constant = -5;
      plan.options.missing_indicator = true;
    });
  for (const std::string scale :
       {"standard", "robust", "min_max", "max_abs", "quantile", "quantile_normal", "yeo_johnson"})
    for (const std::string impute : {"none", "mean"})
      add("scale_" + scale + "_impute_" + impute, [&](FeaturePlan& plan) {
        plan.numeric = numbers;
        plan.options.scale = scale;
        plan.options.impute = impute;
        plan.options.missing_indicator = true;
      });
  add("scale_box_cox", [](FeaturePlan& plan) {
    plan.numeric = {"positive"};
    plan.options.scale = "box_cox";
  });
  for (const std::string method : {"uniform", "quantile", "k_means"})
    for (const std::string encode : {"ordinal", "one_hot"})
      add("bins_" + method + "_" + encode, [&](FeaturePlan& plan) {
        plan.numeric = numbers;
        plan.options.bins = 4;
        plan.options.bin_method = method;
        plan.options.bin_encode = encode;
      });
  for (const std::string encode : {"one_hot", "ordinal", "target"})
    for (const std::string rare : {"unseen", "column"})
      add("encode_" + encode + "_rare_" + rare, [&](FeaturePlan& plan) {
        plan.categorical = {"city", "color", "void"};
        plan.options.encode = encode;
        plan.options.rare = rare;
        plan.options.rare_minimum = rare == "column" ? 8 : 1;
      });
  add("time_parts", [](FeaturePlan& plan) {
    plan.time = {"when"};
    plan.time_parts["when"] = time_part_names();
  });
  add("derived", [](FeaturePlan& plan) {
    plan.numeric = {"amount"};
    plan.options.impute = "median";
    plan.options.scale = "standard";
    plan.derived = {{"ratio", "amount / (counts + 1)"},
                    {"night", "CASE WHEN hour(\"when\") < 6 AND amount > 1 THEN log1p(abs(skewed)) END"}};
  });
  add("polynomial", [](FeaturePlan& plan) {
    plan.numeric = {"amount", "counts", "holes"};
    plan.options.impute = "mean";
    plan.polynomial = {"amount", "counts", "holes"};
    plan.polynomial_options.degree = 3;
  });
  add("pca", [](FeaturePlan& plan) {
    plan.numeric = numbers;
    plan.options.impute = "mean";
    plan.options.scale = "standard";
    plan.options.missing_indicator = true;
    plan.components.components = 1;
    plan.components.whiten = true;
  });
  add("mixed", [](FeaturePlan& plan) {
    plan.numeric = numbers;
    plan.categorical = {"city", "color"};
    plan.time = {"when"};
    plan.options.scale = "standard";
    plan.options.impute = "median";
    plan.column_options["skewed"] = plan.options;
    plan.column_options["skewed"].scale = "yeo_johnson";
    plan.column_options["counts"].bins = 3;
    plan.column_options["city"].encode = "target";
  });
  add("select", [](FeaturePlan& plan) {
    plan.numeric = numbers;
    plan.categorical = {"city", "color"};
    plan.time = {"when"};
    plan.options.impute = "mean";
    plan.options.scale = "standard";
    plan.options.missing_indicator = true;
    plan.column_options["city"].encode = "target";
    plan.derived = {{"twice", "amount * 2"}};
    plan.select.mutual_information = 9;
  });
  for (const std::string analyzer : {"word", "character"})
    add(
        "text_" + analyzer,
        [&](FeaturePlan& plan) {
          plan.text = {{"note", {}}};
          plan.text[0].second.analyzer = analyzer;
          plan.text[0].second.ngram_maximum = 2;
          plan.text[0].second.sublinear_tf = true;
        },
        false);
  return all;
}

const std::vector<Case>& all_cases() {
  static const std::vector<Case> all = cases();
  return all;
}

struct Fitted {
  model::Model model;
  FittedFeatures features;
};

// The features as a whole model: they are its scores.
Result<Fitted> fit_model(const FeaturePlan& plan, const Table& table, std::uint64_t seed) {
  std::vector<std::uint32_t> rows(table.rows());
  std::iota(rows.begin(), rows.end(), 0u);
  std::vector<std::int32_t> labels(rows.size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 3 == 0);
  model::ModelBuilder builder("features");
  Fitted fitted;
  SLIPWAY_TRY(fitted.features, fit(builder, plan, table, rows, {model::Task::binary, 2, labels, {}}, seed));
  const model::ValueId features = fitted.features.value;
  const std::vector<std::string> columns = builder.value(features).columns;
  if (columns.size() == 1) {
    builder.set_task(model::Task::regression, "y", {});
    builder.set_outputs(features, features);
  } else {
    builder.set_task(columns.size() == 2 ? model::Task::binary : model::Task::multiclass, "y", columns);
    builder.set_outputs(features, builder.add(model::Decide{.input = features}, "label", {"label"}));
  }
  SLIPWAY_TRY(fitted.model, std::move(builder).build());
  return fitted;
}

bool same_bits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

void expect_same(const model::Block& found, const model::Block& expected, const std::vector<std::string>& columns,
                 const std::string& where) {
  ASSERT_EQ(found.rows, expected.rows);
  ASSERT_EQ(found.width, expected.width);
  for (std::size_t c = 0; c < expected.width; ++c)
    for (std::size_t r = 0; r < expected.rows; ++r)
      ASSERT_TRUE(same_bits(found.at(r, c), expected.at(r, c)))
          << where << ", column " << columns[c] << ", row " << r << ": " << found.at(r, c) << ", expected "
          << expected.at(r, c);
}

class FeatureConformance : public ::testing::TestWithParam<std::size_t> {};

TEST_P(FeatureConformance, TrainingFileServerAndOnnxRuntimeAgree) {
  const Case& test = all_cases()[GetParam()];
  for (const std::size_t size : {std::size_t{1}, std::size_t{60}}) {
    const Table training = odd_table(size, 5, false);
    auto fitted = fit_model(test.plan, training, 3);
    ASSERT_TRUE(fitted.ok()) << fitted.error().message();
    const model::ValueId features = fitted->features.value;
    const std::vector<std::string> columns = fitted->model.values[features].columns;

    // Fitting again gives the same, and the file holds it.
    EXPECT_EQ(first_difference(fit_model(test.plan, training, 3)->model, fitted->model).value_or("equal"), "equal");
    model::Model read = fitted->model;
    std::string bytes;
    if (test.has_onnx) {
      const auto written = package::write_onnx(fitted->model);
      ASSERT_TRUE(written.ok()) << written.error().message();
      bytes = *written;
      const auto again = package::read_onnx(bytes);
      ASSERT_TRUE(again.ok()) << again.error().message();
      EXPECT_EQ(first_difference(*again, fitted->model).value_or("equal"), "equal");
      read = *again;
    }
    const auto predictor = engine::Predictor::compile(read);
    ASSERT_TRUE(predictor.ok()) << predictor.error().message();
    engine::Scratch scratch;

    for (const bool later : {false, true}) {
      const Table table = later ? odd_table(80, 6, true) : training;
      const auto rows = model::TableRows::from(read.inputs, table);
      ASSERT_TRUE(rows.ok()) << rows.error().message();
      model::Block expected = *model::evaluate_value(fitted->model, rows->batch(), features);
      model::Block found;
      ASSERT_TRUE(predictor->evaluate(rows->batch(), features, scratch, found).ok());
      expect_same(found, expected, columns, later ? "later rows" : "training rows");
      for (std::size_t r = 0; r < table.rows(); ++r) {
        model::Block alone;
        ASSERT_TRUE(predictor->evaluate(rows->slice(r, r + 1), features, scratch, alone).ok());
        for (std::size_t c = 0; c < expected.width; ++c)
          ASSERT_TRUE(same_bits(alone.at(0, c), expected.at(r, c))) << "row " << r << " alone, " << columns[c];
      }
      // Target encodings of training rows are out of fold on purpose; all else is what the learner saw.
      for (std::size_t c = 0; !later && c < expected.width; ++c) {
        if (columns[c].find("~target") != std::string::npos) continue;
        for (std::size_t r = 0; r < expected.rows; ++r)
          ASSERT_TRUE(same_bits(fitted->features.training.at(r, c), expected.at(r, c))) << columns[c];
      }
    }
    if (!test.has_onnx) continue;

    ASSERT_TRUE(engine::OnnxRuntime::available().ok()) << engine::OnnxRuntime::available().error().message();
    const auto session = engine::OnnxRuntime::open(bytes);
    ASSERT_TRUE(session.ok()) << session.error().message();
    const auto rows = model::TableRows::from(read.inputs, odd_table(200, 7, true));
    const model::Block expected = *model::evaluate_value(fitted->model, rows->batch(), features);
    const auto found = session->run(rows->batch(), read.inputs);
    ASSERT_TRUE(found.ok()) << found.error().message();
    for (std::size_t c = 0; c < expected.width; ++c)
      for (std::size_t r = 0; r < expected.rows; ++r) {
        const float a = found->scores.at(r, c), b = expected.at(r, c);
        const bool close = std::fabs(double{a} - double{b}) <= test.tolerance * std::max(1.0, std::fabs(double{b}));
        EXPECT_TRUE(same_bits(a, b) || a == b || close)
            << columns[c] << ", row " << r << ": " << a << ", expected " << b;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(Features, FeatureConformance, ::testing::Range(std::size_t{0}, all_cases().size()),
                         [](const auto& test) { return all_cases()[test.param].name; });

}  // namespace
}  // namespace slipway::features
