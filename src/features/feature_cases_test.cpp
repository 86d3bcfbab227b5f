#include "feature_cases.hpp"

#include <bit>
#include <numeric>
#include <set>

#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>

namespace slipway::features {
namespace {

using table::Column;
using table::Table;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

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
  std::vector<float> grade(rows);
  std::vector<std::int64_t> flag(rows), other(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    grade[i] = random.below(8) == 0 ? nan : static_cast<float>(random.below(6)) * (later ? 0.15F : 0.1F) - 0.2F;
    other[i] =
        random.below(9) == 0 ? missing_time : 1'000'000 * static_cast<std::int64_t>(random.below(1ull << 31)) - 500'000;
    flag[i] = random.below(8) == 0 ? table::IntegerColumn::missing : static_cast<std::int64_t>(random.below(2));
  }
  return *Table::make({Column{"grade", table::NumberColumn{grade}}, Column{"flag", table::IntegerColumn{flag}},
                       Column{"other", table::TimeColumn{other}}, Column{"amount", table::NumberColumn{amount}},
                       Column{"skewed", table::NumberColumn{skewed}}, Column{"counts", table::NumberColumn{counts}},
                       Column{"far", table::NumberColumn{far}}, Column{"holes", table::NumberColumn{holes}},
                       Column{"positive", table::NumberColumn{positive}}, Column{"whole", table::IntegerColumn{whole}},
                       Column{"constant", table::NumberColumn{std::vector<float>(rows, later ? 8.0F : 7.0F)}},
                       Column{"empty", table::NumberColumn{std::vector<float>(rows, later ? 1.0F : nan)}},
                       Column{"city", text(cities, true)}, Column{"color", text({"red", "blue"}, later)},
                       Column{"void", table::TextColumn{std::vector<std::int32_t>(rows, -1), {}}},
                       Column{"note", text(notes, true)}, Column{"when", table::TimeColumn{when}}});
}

namespace {

std::vector<FeatureCase> make_cases() {
  static const std::vector<std::string> numbers = {"amount", "skewed",   "counts", "far", "holes",
                                                   "whole",  "constant", "empty",  "flag"};
  std::vector<FeatureCase> all;
  const auto add = [&](const std::string& name, auto&& change) {
    FeatureCase made{name, {}};
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
        plan.categorical = {"city", "color", "void", "grade", "whole", "flag"};
        plan.options.encode = encode;
        plan.options.rare = rare;
        plan.options.rare_minimum = rare == "column" ? 8 : 1;
      });
  add("encode_auto", [](FeaturePlan& plan) {
    plan.categorical = {"city", "color", "flag"};
    plan.options.one_hot_maximum = 2;
    plan.options.target_folds = 3;
    plan.options.target_smooth = 4.5;
  });
  add("encode_most_frequent", [](FeaturePlan& plan) {
    plan.categorical = {"city", "grade"};
    plan.options.maximum_categories = 3;
    plan.options.rare = "column";
  });
  add("time_parts", [](FeaturePlan& plan) {
    plan.time = {"when"};
    plan.time_parts["when"] = time_part_names();
  });
  // Every function and operator of formulas.
  add("derived_all", [](FeaturePlan& plan) {
    plan.derived = {
        {"arithmetic", "-amount + counts * 2 - skewed / (holes + 0.5) + whole % 7"},
        {"functions", "abs(amount) + sqrt(abs(skewed)) + exp(holes) + ln(positive) + log1p(positive)"},
        {"rounding", "floor(amount) + ceil(skewed) + round(amount * 2) + power(holes, 3) + mod(far, 11)"},
        {"sides", "least(amount, counts, holes) + greatest(amount, skewed)"},
        {"filled", "coalesce(holes, counts, 0) + (empty IS NULL) + (counts IS NOT NULL)"},
        {"compared", "(amount < counts) + 2 * (amount <= 1) + 4 * (skewed > counts) + 8 * (holes >= 0.5)"},
        {"truths", "CASE WHEN counts = 2 OR NOT (counts <> 3) AND amount > 0 THEN 1 WHEN holes < 0.2 THEN 2 END"},
        {"decided",
         "CASE WHEN amount < 1 OR amount <= counts OR counts >= 4 AND skewed > 1 AND counts <> 2 THEN holes END"},
        {"three_values", "(amount > 1 AND counts < 2) + 2 * (counts <> 3 OR NOT holes <= 0.5) + 4 * (counts = flag)"},
        {"lists", "(counts IN (1, 3, NULL)) + 2 * (counts NOT IN (flag, 2)) + 4 * (amount NOT BETWEEN counts AND 3)"},
        {"texts", "(city = 'Oslo') + 2 * (city IN ('Bonn', 'Zürich')) + 4 * (color <> 'red') + 8 * (city IS NULL)"},
        {"patterns",
         "CASE WHEN city LIKE '%o' THEN 1 WHEN note ILIKE '%REFUND_' THEN 2 WHEN city NOT LIKE '_' THEN 3 END"},
        {"order", "(city < 'Oslo') + 2 * (city >= 'São') + 4 * (note BETWEEN 'a' AND 'q')"},
        {"differences", "date_diff('month', \"when\", other) + date_diff('second', other, \"when\")"},
        {"clock", "hour(\"when\") * 60 + minute(\"when\") + weekday(\"when\") + second(\"when\")"},
        {"calendar", "day(\"when\") + month(\"when\") * 100 + year(\"when\") - days_since_epoch(\"when\")"},
    };
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
  add("polynomial_interactions", [](FeaturePlan& plan) {
    plan.numeric = {"amount", "counts", "holes"};
    plan.options.impute = "mean";
    plan.polynomial = {"amount", "counts", "holes"};
    plan.polynomial_options.interaction_only = true;
  });
  add("pca_kept", [](FeaturePlan& plan) {
    plan.numeric = {"amount", "counts", "holes", "far"};
    plan.options.impute = "mean";
    plan.components.components = 1;
    plan.components.keep = true;
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
  add("select_by_bounds", [](FeaturePlan& plan) {
    plan.numeric = numbers;
    plan.options.impute = "mean";
    plan.derived = {{"twice", "amount * 2"}};
    plan.select.variance = 0;
    plan.select.correlation = 0.99;
  });
  all.back().fits_one_row = false;
  add("select_recursively", [](FeaturePlan& plan) {
    plan.numeric = numbers;
    plan.categorical = {"color"};
    plan.options.impute = "mean";
    plan.select.recursive = 4;
    plan.select.recursive_step = 2;
  });
  for (const std::string analyzer : {"word", "character"})
    for (const std::string norm : {"l2", "l1", "none"})
      add("text_" + analyzer + "_" + norm, [&](FeaturePlan& plan) {
        TextOptions options;
        options.analyzer = analyzer;
        options.norm = norm;
        options.ngram_maximum = norm == "l1" ? 1 : 2;
        options.sublinear_tf = norm != "none";
        options.use_idf = norm != "none";
        plan.text = {{"note", options}};
      });
  add("text_every_option", [](FeaturePlan& plan) {
    TextOptions options;
    options.ngram_minimum = 2;
    options.ngram_maximum = 3;
    options.shortest_word = 1;
    options.min_df = 2;
    options.max_df = 0.9;
    options.max_features = 12;
    options.smooth_idf = false;
    plan.text = {{"note", options}};
  });
  all.back().fits_one_row = false;
  return all;
}

}  // namespace

const std::vector<FeatureCase>& feature_cases() {
  static const std::vector<FeatureCase> all = make_cases();
  return all;
}

Result<FittedModel> fit_model(const FeaturePlan& plan, const Table& table, std::uint64_t seed) {
  std::vector<std::uint32_t> rows(table.rows());
  std::iota(rows.begin(), rows.end(), 0u);
  std::vector<std::int32_t> labels(rows.size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 3 == 0);
  model::ModelBuilder builder("features");
  FittedModel fitted;
  const auto importance = [](const model::Block&, std::span<const std::int32_t>, std::span<const double> variances) {
    return Result<std::vector<double>>(std::vector<double>(variances.begin(), variances.end()));
  };
  SLIPWAY_TRY(fitted.features, fit(builder, plan, table, rows, {model::Task::binary, 2, labels, {}}, seed, importance));
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

namespace {

// The sets of options of every case, each kind by itself.
template <class Options, class Get>
std::vector<Options> all_of(Get get) {
  std::vector<Options> all;
  for (const FeatureCase& one : feature_cases()) get(one.plan, all);
  return all;
}

// Every choice of every option, and a value other than the default of those that have none, are in some set.
template <class Options, std::size_t count>
void expect_covered(const params::Option<Options> (&table)[count], const std::vector<Options>& sets) {
  for (const params::Option<Options>& option : table) {
    std::set<std::string> values;
    for (const Options& set : sets) values.insert(params::show_option(set, option));
    if (option.range.choices.empty()) {
      values.erase(params::show_option(Options{}, option));
      EXPECT_FALSE(values.empty()) << "no case sets the option " << option.name;
      continue;
    }
    for (const std::string& choice : split(option.range.choices, '|'))
      EXPECT_TRUE(values.contains(choice)) << "no case has " << option.name << ": " << choice;
  }
}

TEST(FeatureCases, HoldEveryOptionAndChoice) {
  expect_covered(feature_options, all_of<FeatureOptions>([](const FeaturePlan& plan, auto& all) {
                   all.push_back(plan.options);
                   for (const auto& [column, options] : plan.column_options) all.push_back(options);
                 }));
  expect_covered(text_options, all_of<TextOptions>([](const FeaturePlan& plan, auto& all) {
                   for (const auto& [column, options] : plan.text) all.push_back(options);
                 }));
  expect_covered(polynomial_options, all_of<PolynomialOptions>([](const FeaturePlan& plan, auto& all) {
                   all.push_back(plan.polynomial_options);
                 }));
  expect_covered(component_options,
                 all_of<ComponentOptions>([](const FeaturePlan& plan, auto& all) { all.push_back(plan.components); }));
  expect_covered(select_options,
                 all_of<SelectOptions>([](const FeaturePlan& plan, auto& all) { all.push_back(plan.select); }));
}

TEST(FeatureCases, HoldEveryPartOfTimesAndOperatorOfFormulas) {
  std::set<std::string> parts;
  std::set<std::string_view> operators;
  for (const FeatureCase& one : feature_cases()) {
    for (const auto& [column, named] : one.plan.time_parts) parts.insert(named.begin(), named.end());
    const auto fitted = fit_model(one.plan, odd_table(60, 5, false), 3);
    ASSERT_TRUE(fitted.ok()) << one.name << ": " << fitted.error().message();
    for (const model::Operator& op : fitted->model.operators)
      if (const auto* formula = std::get_if<model::Expression>(&op))
        for (const model::ExpressionNode& node : formula->nodes) operators.insert(expression_op_name(node.op));
  }
  for (const std::string& part : time_part_names()) EXPECT_TRUE(parts.contains(part)) << part;
  for (int i = 0;; ++i) {
    const std::string_view name = expression_op_name(static_cast<model::ExpressionNode::Op>(i));
    if (name.empty()) break;
    EXPECT_TRUE(operators.contains(name)) << "no case's formula has the operator " << name;
  }
}

}  // namespace
}  // namespace slipway::features
