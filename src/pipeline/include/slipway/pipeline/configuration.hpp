// The configuration of one line from raw table to published bundle: slipway.yaml, or the defaults of `train`.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/features/features.hpp>
#include <slipway/learners/augmentation.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/params/value.hpp>
#include <slipway/search/search.hpp>
#include <slipway/table/source.hpp>
#include <slipway/table/split.hpp>

namespace slipway::pipeline {

struct Source {
  std::string name;
  std::string location;  // as written; relative to the folder of the configuration file
  table::LoadOptions options;
};

// What holds for all sources together.
struct SourcePlan {
  std::string memory_limit;
  std::int64_t max_rejects = 0;
  bool pin_types = true;
};

inline constexpr params::Option<SourcePlan> source_options[] = {
    {"memory_limit", &SourcePlan::memory_limit,
     "memory for reading and cleaning, as in 4GB; what does not fit goes to the folder for temporary files (TMPDIR). "
     "Empty: tables are kept in memory"},
    {"max_rejects",
     &SourcePlan::max_rejects,
     "rows of a source that may be left out, into rejects.csv, because they do not fit; one more is an error",
     {.minimum = 0, .maximum = 1e9}},
    {"pin_types", &SourcePlan::pin_types,
     "keep the columns' types of the first run beside the configuration (NAME.types.yaml) and read later files by "
     "them"},
};

struct Schema {
  std::string target;
  std::string positive;  // label of the positive class; empty = 1, true or yes, or else the rarer
  std::vector<std::string> ids;
  std::string time;
  std::string group;
  std::string weight;  // a number >= 0 per row: how much it counts in training and in the search's metric
};

struct SplitPlan {
  table::SplitOptions options;
  // method: column; the rows with "train", "validation" (may be none) and "test" there, all others left out
  std::string column;
};

inline constexpr params::Option<table::SplitOptions> split_options[] = {
    {"method",
     &table::SplitOptions::method,
     "how rows are divided into training and test rows; column takes the rows marked train, validation and test there",
     {.choices = "random|stratified|grouped|time|column"}},
    {"test",
     &table::SplitOptions::test,
     "share of rows for the test",
     {.minimum = 0, .maximum = 0.95, .open_minimum = true}},
    {"validation",
     &table::SplitOptions::validation,
     "share of all rows that candidates are compared and the threshold is chosen on, instead of on folds; the model is "
     "then fitted on training and validation rows; 0 = none",
     {.minimum = 0, .maximum = 0.95}},
    {"seed", &table::SplitOptions::seed, "start of the random numbers", {.minimum = 0}},
    {"gap_days",
     &table::SplitOptions::gap_days,
     "method time: days between training and test rows, and between training and validation rows, that are left out",
     {.minimum = 0}},
};

struct SearchPlan {
  std::string method = "none";  // none: cross-validate the one setting
  int folds = 5;
  std::string metric;   // empty: average_precision, log_loss or rmse, by the task
  int iterations = 20;  // random, halving_random
  double factor = 3;
  std::string resource = "rows";
  std::optional<int> min_resources, max_resources;
  bool aggressive_elimination = false;
  std::string fold_method = "auto";
  std::string fold_column;
  int repeats = 1;
  search::Space space;  // in the file's order
};

inline constexpr params::Option<SearchPlan> search_options[] = {
    {"method",
     &SearchPlan::method,
     "none cross-validates the one setting, grid tries every combination, random draws some of them; halving_grid and "
     "halving_random try all on few resources and the best of them on more",
     {.choices = "none|grid|random|halving_grid|halving_random"}},
    {"folds", &SearchPlan::folds, "folds of the cross-validation", {.minimum = 2, .maximum = 100}},
    {"metric", &SearchPlan::metric,
     "what the best candidate is best in; empty: average_precision, log_loss or rmse, by the task"},
    {"iterations",
     &SearchPlan::iterations,
     "combinations that random and halving_random draw",
     {.minimum = 1, .maximum = 1e6}},
    {"factor",
     &SearchPlan::factor,
     "halving: one candidate in so many goes on, on so many times the resources",
     {.minimum = 1, .maximum = 1000, .open_minimum = true}},
    {"resource", &SearchPlan::resource,
     "halving: what candidates get more of: rows, or an option such as n_estimators"},
    {"min_resources",
     &SearchPlan::min_resources,
     "halving: resources of the first round; none: as many as let the last round have all",
     {.minimum = 1}},
    {"max_resources",
     &SearchPlan::max_resources,
     "halving: resources of the last round at most; none: all rows",
     {.minimum = 1}},
    {"aggressive_elimination", &SearchPlan::aggressive_elimination,
     "halving: where resources are few, the first rounds share the least of them until few candidates are left"},
    {"fold_method",
     &SearchPlan::fold_method,
     "how folds are made; auto: grouped or time where the split is, else stratified (regression: random). time trains "
     "on earlier rows only",
     {.choices = "auto|random|stratified|grouped|time|column"}},
    {"fold_column", &SearchPlan::fold_column, "fold_method column: each value of this column is a fold"},
    {"repeats",
     &SearchPlan::repeats,
     "how often the folds are made anew, each time divided otherwise",
     {.minimum = 1, .maximum = 100}},
};

struct ExplainPlan {
  std::vector<std::string> partial_dependence;  // columns; both empty: the four most important ones
  std::vector<std::pair<std::string, std::string>> pair_dependence;
  int permutation_rows = 20000;
  int permutation_repeats = 5;
  std::string method = "automatic";
  int baselines = 100;
  std::string reasons;
};
inline constexpr params::Option<ExplainPlan> explain_options[] = {
    {"permutation_rows",
     &ExplainPlan::permutation_rows,
     "most test rows that permutation importance uses",
     {.minimum = 10}},
    {"permutation_repeats",
     &ExplainPlan::permutation_repeats,
     "permutations per column",
     {.minimum = 1, .maximum = 100}},
    {"method",
     &ExplainPlan::method,
     "how single scores are explained: path_dependent (trees, by their training cover), interventional (against the "
     "baselines), sampled (the scores themselves against the baselines, any model); automatic takes the first that "
     "fits",
     {.choices = explain::method_names}},
    {"baselines",
     &ExplainPlan::baselines,
     "training rows stored in the bundle for explanations to compare with; 1 stores a typical row that is nobody's, 0 "
     "none",
     {.minimum = 0, .maximum = 10000}},
    {"reasons", &ExplainPlan::reasons,
     "file that says how reasons are worded, stored in the bundle; empty: the default wording"},
};

// What each kind of decision costs: a number, or a formula over columns of the table ("amount * 0.8 + 15").
struct CostPlan {
  std::string true_positive = "0";
  std::string false_positive = "0";
  std::string false_negative = "0";
  std::string true_negative = "0";
};
inline constexpr params::Option<CostPlan> cost_options[] = {
    {"true_positive", &CostPlan::true_positive, "cost of a positive that raises an alert; negative: a gain"},
    {"false_positive", &CostPlan::false_positive, "cost of a false alarm"},
    {"false_negative", &CostPlan::false_negative, "cost of a missed positive"},
    {"true_negative", &CostPlan::true_negative, "cost of a negative that raises none"},
};

struct EvaluatePlan {
  std::vector<std::string> slices;  // columns, of the cleaned table
  std::optional<CostPlan> costs;
  bool find_slices = true;
  bool linear_baseline = true;
  bool rounds = true;
  int learning_curve = 5;
  int learning_curve_rows = 20000;
  int resamples = 5;
  int resample_rows = 5000;
  int bootstrap = 1000;
  bool group_intervals = true;
  bool predictions = true;
};
inline constexpr params::Option<EvaluatePlan> evaluate_options[] = {
    {"find_slices", &EvaluatePlan::find_slices,
     "look for parts of the test rows where the model is wrong more than its scores admit"},
    {"linear_baseline", &EvaluatePlan::linear_baseline,
     "fit a linear model on the same columns (at most 50,000 training rows) to compare with"},
    {"rounds", &EvaluatePlan::rounds,
     "forests and boosting: loss and metric by the number of rounds, on the first fold (at most 100,000 rows of it)"},
    {"learning_curve",
     &EvaluatePlan::learning_curve,
     "sizes of the learning curve, each twice the one before; 0: none",
     {.minimum = 0, .maximum = 12}},
    {"learning_curve_rows",
     &EvaluatePlan::learning_curve_rows,
     "most training rows that the learning curve fits on; the full size comes from the cross-validation",
     {.minimum = 50}},
    {"resamples",
     &EvaluatePlan::resamples,
     "models that bias and variance are told apart with, each fitted on a bootstrap sample; 0: none",
     {.minimum = 0, .maximum = 200}},
    {"resample_rows", &EvaluatePlan::resample_rows, "rows of each of those samples", {.minimum = 50}},
    {"bootstrap",
     &EvaluatePlan::bootstrap,
     "replicates of the intervals that need a bootstrap; 0: those are left out",
     {.minimum = 0, .maximum = 100000}},
    {"group_intervals", &EvaluatePlan::group_intervals,
     "with schema.group: intervals draw whole groups, whose rows depend on each other"},
    {"predictions", &EvaluatePlan::predictions,
     "keep the test rows' scores in the run's folder (predictions.parquet), for `slipway compare`"},
};

// Words of the model card that nobody but its owner knows.
struct CardPlan {
  std::string owner, contact, purpose, users, out_of_scope, limitations, ethics, approval;
};
inline constexpr params::Option<CardPlan> card_options[] = {
    {"owner", &CardPlan::owner, "who answers for the model"},
    {"contact", &CardPlan::contact, "how to reach them"},
    {"purpose", &CardPlan::purpose, "the decision that the model supports"},
    {"users", &CardPlan::users, "who uses its scores"},
    {"out_of_scope", &CardPlan::out_of_scope, "what it must not be used for"},
    {"limitations", &CardPlan::limitations, "known weaknesses and assumptions"},
    {"ethics", &CardPlan::ethics, "whom its errors hurt, and what is done about it"},
    {"approval", &CardPlan::approval, "who has reviewed it, and when"},
};

struct Gate {
  std::string metric;
  std::string condition;  // ">= 0.5"
};

struct Configuration {
  std::string name = "model";
  std::filesystem::path folder = ".";  // of the configuration file; runs/ and models/ lie there
  std::filesystem::path file;          // the configuration file; empty without one
  std::vector<Source> sources;
  std::string sql;  // empty: the only source as it is
  SourcePlan source;
  Schema schema;
  std::vector<table::CleaningStep> prepare;
  SplitPlan split;
  features::FeaturePlan features;
  bool infer_features = false;  // no column was named: all usable ones
  std::string learner = "random_forest";
  learners::Settings settings;  // of learner_of(configuration): those of `calibrate` come last
  bool calibrated = false;
  learners::AugmentOptions augment;  // of training rows only, inside every fold
  SearchPlan search;
  params::Value threshold;  // as under evaluate.threshold; null = maximise f1
  std::vector<Gate> gates;
  EvaluatePlan evaluate;
  CardPlan card;
  ExplainPlan explain;
  std::vector<std::string> package = {"onnx"};
  params::Value monitor;  // as under monitor
  std::uint64_t seed = 42;
};

// Reads and checks a file; every error names file, line, column and, for an unknown key, the nearest known one.
Result<Configuration> read_configuration(const std::filesystem::path& file);
// The same from text; `folder` is what relative locations start from.
Result<Configuration> parse_configuration(std::string_view yaml, const std::string& file_name,
                                          const std::filesystem::path& folder);

// The learner that the configuration names, calibrated if it says so.
Result<learners::Learner> learner_of(const Configuration& configuration);
// Has the learner calibrated as `value` says (learners/calibration.hpp).
Status set_calibration(Configuration& configuration, const params::Value& value);

// The configuration of `slipway train DATA --target COLUMN`.
Configuration default_configuration(const std::string& location, const std::string& target);

}  // namespace slipway::pipeline
