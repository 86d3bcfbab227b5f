// Features: fitted on training rows, part of the Model from then on. `fit` adds the operators that turn raw columns
// into the block of numbers that a learner reads; serving, evaluation and every export run those same operators.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>
#include <slipway/params/options.hpp>
#include <slipway/table/table.hpp>

namespace slipway::features {

// How a column becomes features. A plan holds one set for all columns and sets of their own for some.
struct FeatureOptions {
  std::string impute = "none";
  double impute_constant = 0;
  bool missing_indicator = false;
  std::string scale = "none";
  int bins = 0;
  std::string bin_method = "quantile";
  std::string bin_encode = "ordinal";
  std::string encode = "auto";
  int one_hot_maximum = 20;
  int rare_minimum = 1;
  std::optional<int> maximum_categories;
  std::string rare = "unseen";
  int target_folds = 5;
  std::optional<double> target_smooth;
};
inline constexpr params::Option<FeatureOptions> feature_options[] = {
    {"impute",
     &FeatureOptions::impute,
     "what a missing number becomes: none leaves it to the learner (trees split missing values natively)",
     {.choices = "none|median|mean|most_frequent|constant"}},
    {"impute_constant", &FeatureOptions::impute_constant, "the number that impute: constant puts in"},
    {"missing_indicator", &FeatureOptions::missing_indicator,
     "with impute, a further column per number that had missing values: 1 where it was missing"},
    {"scale",
     &FeatureOptions::scale,
     "what numbers are brought to: mean 0 and deviation 1; median 0 and quartiles' distance 1; 0 to 1; at most 1 in "
     "size; "
     "their share of smaller values; that share's normal deviate; the most normal power, then standard",
     {.choices = "none|standard|robust|min_max|max_abs|quantile|quantile_normal|yeo_johnson|box_cox"}},
    {"bins",
     &FeatureOptions::bins,
     "bins that a number is cut into; 0 leaves it a number",
     {.minimum = 0, .maximum = 1000}},
    {"bin_method",
     &FeatureOptions::bin_method,
     "where bins end: equal widths, equal counts, or half-way between the centres of clusters",
     {.choices = "uniform|quantile|k_means"}},
    {"bin_encode",
     &FeatureOptions::bin_encode,
     "what a bin becomes: its number from 0, or a column of its own",
     {.choices = "ordinal|one_hot"}},
    {"encode",
     &FeatureOptions::encode,
     "how a category becomes numbers: auto takes one_hot up to one_hot_maximum categories and target above",
     {.choices = "auto|one_hot|target|ordinal"}},
    {"one_hot_maximum",
     &FeatureOptions::one_hot_maximum,
     "most categories that encode: auto gives a column each",
     {.minimum = 1, .maximum = 10000}},
    {"rare_minimum",
     &FeatureOptions::rare_minimum,
     "categories with fewer training rows than this are rare",
     {.minimum = 1}},
    {"maximum_categories",
     &FeatureOptions::maximum_categories,
     "all but this many of the most frequent categories are rare",
     {.minimum = 1, .maximum = 1e6}},
    {"rare",
     &FeatureOptions::rare,
     "what becomes of rare categories: counted as never seen, or given one place together (which one_hot and target "
     "give "
     "to unseen ones too)",
     {.choices = "unseen|column"}},
    {"target_folds",
     &FeatureOptions::target_folds,
     "folds of the out-of-fold target encoding of training rows",
     {.minimum = 2, .maximum = 100}},
    {"target_smooth",
     &FeatureOptions::target_smooth,
     "rows of the overall mean that target encoding adds to each category; none: as the data's variance asks",
     {.minimum = 0}},
};

// How a text column becomes weights of its words or character runs (TF-IDF).
struct TextOptions {
  std::string analyzer = "word";
  int ngram_minimum = 1;
  int ngram_maximum = 1;
  double min_df = 1;
  double max_df = 1;
  int max_features = 1000;
  int shortest_word = 2;
  bool use_idf = true;
  bool smooth_idf = true;
  bool sublinear_tf = false;
  std::string norm = "l2";
};
inline constexpr params::Option<TextOptions> text_options[] = {
    {"analyzer", &TextOptions::analyzer, "terms are words, or runs of characters", {.choices = "word|character"}},
    {"ngram_minimum",
     &TextOptions::ngram_minimum,
     "fewest words or characters in a term; `ngrams: [1, 2]` sets both",
     {.minimum = 1, .maximum = 20}},
    {"ngram_maximum", &TextOptions::ngram_maximum, "most words or characters in a term", {.minimum = 1, .maximum = 20}},
    {"min_df",
     &TextOptions::min_df,
     "terms in fewer training texts are left out; below 1: a share of the texts",
     {.minimum = 0}},
    {"max_df",
     &TextOptions::max_df,
     "terms in more training texts are left out; up to 1: a share of the texts",
     {.minimum = 0, .open_minimum = true}},
    {"max_features",
     &TextOptions::max_features,
     "most terms, those that occur most often",
     {.minimum = 1, .maximum = 100000}},
    {"shortest_word", &TextOptions::shortest_word, "shorter words are left out", {.minimum = 1, .maximum = 100}},
    {"use_idf", &TextOptions::use_idf, "weigh terms by the inverse of the share of texts that hold them"},
    {"smooth_idf", &TextOptions::smooth_idf, "as if one more text held every term"},
    {"sublinear_tf", &TextOptions::sublinear_tf, "a term's count c becomes 1 + ln c"},
    {"norm", &TextOptions::norm, "length that each text's weights are brought to", {.choices = "l2|l1|none"}},
};

// Products of numbers: every one of up to `degree` factors. No column: off.
struct PolynomialOptions {
  int degree = 2;
  bool interaction_only = false;
};
inline constexpr params::Option<PolynomialOptions> polynomial_options[] = {
    {"degree", &PolynomialOptions::degree, "most factors of a product", {.minimum = 2, .maximum = 5}},
    {"interaction_only", &PolynomialOptions::interaction_only, "no column twice in a product"},
};

// Principal components of the numbers, after imputation and scaling.
struct ComponentOptions {
  double components = 0;
  bool whiten = false;
  bool keep = false;
};
inline constexpr params::Option<ComponentOptions> component_options[] = {
    {"components",
     &ComponentOptions::components,
     "number of components; below 1: as many as hold this share of the variance; 0: none",
     {.minimum = 0, .maximum = 10000}},
    {"whiten", &ComponentOptions::whiten, "components of variance 1"},
    {"keep", &ComponentOptions::keep, "the columns themselves stay features too"},
};

// Which features are left out again, in this order. Measured on training rows only, inside every fold.
struct SelectOptions {
  std::optional<double> variance;
  std::optional<double> correlation;
  std::optional<int> mutual_information;
  std::optional<double> recursive;
  double recursive_step = 1;
};
inline constexpr params::Option<SelectOptions> select_options[] = {
    {"variance",
     &SelectOptions::variance,
     "features whose variance is not above this, and constant ones, are left out; 0: constant ones only",
     {.minimum = 0}},
    {"correlation",
     &SelectOptions::correlation,
     "of two features whose correlation is larger in size than this, the later one is left out",
     {.minimum = 0, .maximum = 1}},
    {"mutual_information",
     &SelectOptions::mutual_information,
     "only this many features stay: those that, cut into 32 bins, tell most of the target",
     {.minimum = 1, .maximum = 1e6}},
    {"recursive",
     &SelectOptions::recursive,
     "recursive elimination: the learner is fitted again and again, each time without the features that count least in "
     "it, until this many stay; below 1: this share of them",
     {.minimum = 0, .maximum = 1e6, .open_minimum = true}},
    {"recursive_step",
     &SelectOptions::recursive_step,
     "features that each round of the elimination leaves out; below 1: a share of those it began with",
     {.minimum = 0, .maximum = 1e6, .open_minimum = true}},
};
struct DroppedFeature {
  std::string name;
  std::string why;
};

struct DerivedFeature {
  std::string name;
  std::string expression;  // see model/expression.hpp
};

// Which columns become features, and how.
struct FeaturePlan {
  std::vector<std::string> numeric;
  std::vector<std::string> categorical;
  std::vector<std::string> time;                               // each gives its parts
  std::map<std::string, std::vector<std::string>> time_parts;  // by column; absent: hour and weekday
  std::vector<DerivedFeature> derived;
  std::vector<std::pair<std::string, TextOptions>> text;
  std::vector<std::string> polynomial;  // numeric or derived columns to multiply
  PolynomialOptions polynomial_options;
  std::vector<std::string> component_columns;  // empty: all numbers
  ComponentOptions components;
  SelectOptions select;
  FeatureOptions options;
  std::map<std::string, FeatureOptions> column_options;  // complete sets, in place of `options`

  const FeatureOptions& options_of(const std::string& column) const {
    const auto found = column_options.find(column);
    return found == column_options.end() ? options : found->second;
  }
};

// The names that `time` understands: parts (hour, minute, weekday, day, month, year, days_since_epoch), and hour,
// weekday, day, month with _sin or _cos behind: the place on a circle, so that 23 o'clock lies beside 0.
std::vector<std::string> time_part_names();

// The target of the training rows, for target encoding.
struct TargetView {
  model::Task task = model::Task::binary;
  int classes = 2;
  std::span<const std::int32_t> labels;  // classification: class per row of `rows`
  std::span<const float> values;         // regression
};

// How much every feature of a block of training rows counts in the learner of the run, fitted on just these features;
// `nominal` as in FittedFeatures, `variances` those of the features' finite values.
using FeatureImportance = std::function<Result<std::vector<double>>(
    const model::Block& features, std::span<const std::int32_t> nominal, std::span<const double> variances)>;

struct FittedFeatures {
  model::ValueId value = 0;  // the block of features in the builder, named "features"
  model::Block training;     // that block for the training rows, target encodings out of fold
  // Per column: columns with the same number from 0 are one category's one-hot columns; -1: a number.
  std::vector<std::int32_t> nominal;
  std::vector<DroppedFeature> dropped;  // left out by plan.select, and why
};

// Fits on the rows `rows` of `table` (target: one entry per entry of rows) and adds inputs and operators to a fresh
// builder. Deterministic in seed; independent of the order of calls. The inputs' ranges and categories are pinned to
// what these rows hold. Errors: unknown columns (nearest name), a text column named as numeric (first value that is no
// number), an expression that does not parse (character).
//
// Order: numbers are imputed; derived features and products are computed from imputed numbers, then imputed and scaled
// as numbers are; components come from what scaling gives. Binned numbers are not scaled. A column of which training
// saw no value is imputed with 0.
//
// Target encoding: as scikit-learn's TargetEncoder(smooth, cv=target_folds), without target_smooth empirical-Bayes
// shrinkage towards the target's mean (Micci-Barreca 2001); training rows are encoded from the other folds, all other
// rows from all training rows. A missing value is a category of its own; an unseen one gets the target's mean.
//
// Recursive elimination (select: recursive) is scikit-learn's RFE (Guyon et al. 2002) with `importance`, which it
// needs.
Result<FittedFeatures> fit(model::ModelBuilder& builder, const FeaturePlan& plan, const table::Table& table,
                           std::span<const std::uint32_t> rows, const TargetView& target, std::uint64_t seed,
                           const FeatureImportance& importance = {});

}  // namespace slipway::features
