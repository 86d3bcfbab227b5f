#include "forest/options.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "training_data.hpp"

namespace slipway::learners::forest {
namespace {

using Option = params::Option<ForestOptions>;

constexpr Option n_estimators = {
    "n_estimators", &ForestOptions::n_estimators, "number of trees", {.minimum = 1, .maximum = 100000}};
constexpr Option criterion = {
    "criterion",
    &ForestOptions::criterion,
    "impurity that splits decrease; auto: gini for classes, squared_error for numbers (friedman_mse is the same; "
    "absolute_error: leaves are medians, much slower; poisson: counts)",
    {.choices = "auto|gini|entropy|log_loss|squared_error|friedman_mse|absolute_error|poisson"}};
constexpr Option splitter = {"splitter",
                             &ForestOptions::splitter,
                             "best: the best threshold of a feature; random: one drawn between its values in the node",
                             {.choices = "best|random"}};
constexpr Option max_depth = {
    "max_depth", &ForestOptions::max_depth, "deepest level of a leaf; none: no limit", {.minimum = 1}};
constexpr Option min_samples_split = {
    "min_samples_split",
    &ForestOptions::min_samples_split,
    "a node of fewer distinct training rows is not split; below 1: a share of the rows",
    {.minimum = 0, .open_minimum = true}};
constexpr Option min_samples_leaf = {
    "min_samples_leaf",
    &ForestOptions::min_samples_leaf,
    "fewest distinct training rows on each side of a split; below 1: a share of the rows",
    {.minimum = 0, .open_minimum = true}};
constexpr Option min_weight_fraction_leaf = {"min_weight_fraction_leaf",
                                             &ForestOptions::min_weight_fraction_leaf,
                                             "least share of the tree's row weights on each side of a split",
                                             {.minimum = 0, .maximum = 0.5}};
constexpr Option max_leaf_nodes = {"max_leaf_nodes",
                                   &ForestOptions::max_leaf_nodes,
                                   "most leaves of a tree, those of the largest decreases first; none: no limit",
                                   {.minimum = 2}};
constexpr Option ccp_alpha = {
    "ccp_alpha",
    &ForestOptions::ccp_alpha,
    "minimal cost-complexity pruning: splits that save less impurity per leaf than this are taken back",
    {.minimum = 0}};
constexpr Option oob_score = {"oob_score", &ForestOptions::oob_score,
                              "say how well each row is predicted by the trees that were not grown on it"};
constexpr Option monotonic_cst = {
    "monotonic_cst", &ForestOptions::monotonic_cst,
    "one number per feature, separated by commas: 1 the prediction (of class 1) may only rise with it, -1 only fall, 0 "
    "free"};
constexpr Option max_features = {"max_features", &ForestOptions::max_features,
                                 "features that a split is sought over: sqrt, log2, all, a number, or a share such as "
                                 "0.3; auto: sqrt for classes, all "
                                 "for numbers"};
constexpr Option min_impurity_decrease = {"min_impurity_decrease",
                                          &ForestOptions::min_impurity_decrease,
                                          "a split must decrease the weighted impurity by at least this",
                                          {.minimum = 0}};
constexpr Option bootstrap = {"bootstrap", &ForestOptions::bootstrap, "grow each tree on rows drawn with replacement"};
constexpr Option max_samples = {
    "max_samples",
    &ForestOptions::max_samples,
    "rows drawn per tree with bootstrap; up to 1: a share of the rows; none: as many as there are",
    {.minimum = 0, .open_minimum = true}};
constexpr Option class_weight = {"class_weight", &ForestOptions::class_weight,
                                 "none; balanced, balanced_subsample: weigh classes by the inverse of their frequency, "
                                 "in all rows or in each tree's "
                                 "sample; or one number per class, in their order, separated by commas"};
constexpr Option tree_class_weight = {"class_weight", &ForestOptions::class_weight,
                                      "none; balanced: weigh classes by the inverse of their frequency; or one number "
                                      "per class, in their order, separated by commas"};
constexpr Option max_bins = {"max_bins",
                             &ForestOptions::max_bins,
                             "distinct values that a feature is cut into, one of them for missing",
                             {.minimum = 3, .maximum = 255}};

constexpr Option bin_edges = {"bin_edges",
                              &ForestOptions::bin_edges,
                              "where a feature of more values is cut. mixed: a quarter of the cuts halve the widest "
                              "ranges, so that single far values stay apart, as in exact splits; quantile: all at "
                              "equal numbers of rows, which steadies trees of rare classes",
                              {.choices = "mixed|quantile"}};

constexpr Option forest_options[] = {n_estimators,      criterion,        max_depth,
                                     min_samples_split, min_samples_leaf, min_weight_fraction_leaf,
                                     max_features,      max_leaf_nodes,   min_impurity_decrease,
                                     bootstrap,         oob_score,        max_samples,
                                     class_weight,      ccp_alpha,        monotonic_cst,
                                     max_bins,          bin_edges};
constexpr Option tree_options[] = {criterion,         splitter,         max_depth,
                                   min_samples_split, min_samples_leaf, min_weight_fraction_leaf,
                                   max_features,      max_leaf_nodes,   min_impurity_decrease,
                                   tree_class_weight, ccp_alpha,        monotonic_cst,
                                   max_bins,          bin_edges};

bool is_count(double number) { return number >= 1 && number == std::floor(number); }

// A number of rows given as such or as a share.
std::uint32_t rows_of(double number, std::size_t rows, std::uint32_t least) {
  const double count = is_count(number) ? number : std::ceil(number * static_cast<double>(rows));
  return std::max(least, static_cast<std::uint32_t>(std::min(count, 4294967295.0)));
}

// max_features as written: a name, a count, or a share where it has a point or an exponent.
struct FeatureShare {
  std::string name;
  std::optional<double> number;
  bool share = false;
};

Result<FeatureShare> read_max_features(const std::string& text) {
  static const std::vector<std::string> names = {"auto", "sqrt", "log2", "all", "none"};
  if (std::find(names.begin(), names.end(), text) != names.end()) return FeatureShare{text, {}, false};
  const std::optional<double> number = parse_number(text);
  const bool share = text.find_first_of(".eE") != std::string::npos;
  const bool fits = number && (share ? *number > 0 && *number <= 1 : is_count(*number) && *number <= 65535);
  if (!fits)
    return invalid_input(
        fmt::format("max_features: '{}'{}; expected auto, sqrt, log2, all, a number of features from 1, or "
                    "a share such as 0.3",
                    text, suggestion(text, names)));
  return FeatureShare{"", number, share};
}

Result<std::uint32_t> features_of(const std::string& text, model::Task task, std::size_t features) {
  SLIPWAY_TRY(const FeatureShare given, read_max_features(text));
  const auto count = static_cast<double>(features);
  double wanted = count;
  if (given.name == "sqrt" || (given.name == "auto" && task != model::Task::regression))
    wanted = std::floor(std::sqrt(count));
  if (given.name == "log2") wanted = std::floor(std::log2(count));
  if (given.number) wanted = given.share ? std::floor(*given.number * count) : *given.number;
  if (wanted > count)
    return invalid_input(fmt::format("max_features: {} of {} features", given.number.value_or(0), features));
  return static_cast<std::uint32_t>(std::max(1.0, wanted));
}

Result<tree::Criterion> criterion_of(const std::string& name, model::Task task) {
  const bool regression = task == model::Task::regression;
  const bool of_classes = name == "gini" || name == "entropy" || name == "log_loss";
  if (name == "auto") return regression ? tree::Criterion::squared_error : tree::Criterion::gini;
  if (of_classes == regression)
    return invalid_input(fmt::format(
        "criterion: '{}' does not fit a {} task; expected {}", name, model::task_name(task),
        regression ? "squared_error, friedman_mse, absolute_error or poisson" : "gini, entropy or log_loss"));
  if (name == "absolute_error") return tree::Criterion::absolute_error;
  if (name == "poisson") return tree::Criterion::poisson;
  if (regression) return tree::Criterion::squared_error;  // friedman_mse ranks splits alike
  return name == "gini" ? tree::Criterion::gini : tree::Criterion::entropy;
}

// class_weight as growth takes it. Errors: a name that is none.
Result<std::pair<tree::ClassWeight, std::vector<double>>> class_weight_of(const ForestOptions& options) {
  const std::string& text = options.class_weight;
  using Pair = std::pair<tree::ClassWeight, std::vector<double>>;
  if (text == "none") return Pair{tree::ClassWeight::none, {}};
  // On all rows a tree's sample is the same.
  if (text == "balanced" || (text == "balanced_subsample" && !options.bootstrap))
    return Pair{tree::ClassWeight::balanced, {}};
  if (text == "balanced_subsample") return Pair{tree::ClassWeight::balanced_subsample, {}};
  static const std::vector<std::string> names = {"none", "balanced", "balanced_subsample"};
  if (!text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0)
    return invalid_input(
        fmt::format("class_weight: '{}'{}; expected none, balanced, balanced_subsample or one number per class", text,
                    suggestion(text, names)));
  SLIPWAY_TRY(std::vector<double> weights, read_class_weights(text));
  return Pair{tree::ClassWeight::given, std::move(weights)};
}

}  // namespace

ForestOptions tree_defaults() {
  ForestOptions options;
  options.n_estimators = 1;
  options.bootstrap = false;
  options.max_features = "all";
  return options;
}

ForestOptions extra_defaults() {
  ForestOptions options;
  options.splitter = "random";
  options.bootstrap = false;
  return options;
}

std::span<const Option> forest_table() { return forest_options; }
std::span<const Option> tree_table() { return tree_options; }

std::vector<std::string> forest_nesting() {
  return {"n_estimators", "max_depth", "min_samples_split", "max_leaf_nodes", "min_impurity_decrease", "ccp_alpha"};
}
std::vector<std::string> tree_nesting() {
  return {"max_depth", "min_samples_split", "max_leaf_nodes", "min_impurity_decrease", "ccp_alpha"};
}

Status apply(ForestOptions& options, std::span<const Option> table, const Settings& settings,
             std::string_view learner) {
  for (const auto& [name, value] : settings) {
    const Option* option = params::find_option(table, name);
    if (option == nullptr) {
      const std::vector<std::string> names = params::option_names(table);
      return value.error(fmt::format("{} has no option '{}'{}; it has {}", learner, name, suggestion(name, names),
                                     list_names(names, names.size())));
    }
    SLIPWAY_CHECK(params::set_option(options, *option, value));
  }
  return check_options(options);
}

Status check_options(const ForestOptions& options) {
  const auto check_rows = [](std::string_view name, double number, double least) -> Status {
    if (number < 1 || (is_count(number) && number >= least)) return {};
    return invalid_input(
        fmt::format("{}: {}; expected a whole number from {}, or a share below 1", name, format_number(number), least));
  };
  SLIPWAY_CHECK(check_rows("min_samples_split", options.min_samples_split, 2));
  SLIPWAY_CHECK(check_rows("min_samples_leaf", options.min_samples_leaf, 1));
  if (options.max_samples && *options.max_samples > 1 && !is_count(*options.max_samples))
    return invalid_input(fmt::format("max_samples: {}; expected a whole number of rows, or a share up to 1",
                                     format_number(*options.max_samples)));
  if (options.max_samples && !options.bootstrap)
    return invalid_input("max_samples says how many rows bootstrap draws, but bootstrap is false");
  if (options.oob_score && !options.bootstrap)
    return invalid_input("oob_score: without bootstrap every tree is grown on all rows");
  SLIPWAY_CHECK(read_max_features(options.max_features));
  SLIPWAY_CHECK(class_weight_of(options));
  SLIPWAY_CHECK(read_directions(options.monotonic_cst));
  return {};
}

Result<tree::GrowthSettings> growth_settings(const ForestOptions& options, model::Task task, std::size_t classes,
                                             std::size_t rows, std::size_t features, std::uint64_t seed) {
  SLIPWAY_CHECK(check_options(options));
  tree::GrowthSettings settings;
  SLIPWAY_TRY(settings.criterion, criterion_of(options.criterion, task));
  settings.stop.max_depth = options.max_depth.value_or(std::numeric_limits<int>::max());
  settings.stop.min_samples_split = rows_of(options.min_samples_split, rows, 2);
  settings.stop.min_impurity_decrease = options.min_impurity_decrease;
  settings.stop.max_leaf_nodes = static_cast<std::uint32_t>(options.max_leaf_nodes.value_or(0));
  settings.stop.ccp_alpha = options.ccp_alpha;
  settings.min_weight_fraction_leaf = options.min_weight_fraction_leaf;
  settings.min_samples_leaf = rows_of(options.min_samples_leaf, rows, 1);
  SLIPWAY_TRY(settings.max_features, features_of(options.max_features, task, features));
  settings.bootstrap = options.bootstrap;
  settings.bag_draws = rows;
  if (options.max_samples) {
    const double draws = *options.max_samples <= 1
                             ? std::max(1.0, std::floor(*options.max_samples * static_cast<double>(rows)))
                             : *options.max_samples;
    if (draws > static_cast<double>(rows)) return invalid_input(fmt::format("max_samples: {} of {} rows", draws, rows));
    settings.bag_draws = static_cast<std::uint64_t>(draws);
  }
  if (options.class_weight != "none" && task == model::Task::regression)
    return invalid_input(fmt::format("class_weight: '{}' does not fit a regression task", options.class_weight));
  SLIPWAY_TRY(std::tie(settings.class_weight, settings.class_weights), class_weight_of(options));
  if (settings.class_weight == tree::ClassWeight::given && settings.class_weights.size() != classes)
    return invalid_input(
        fmt::format("class_weight: {} numbers for {} classes", settings.class_weights.size(), classes));
  settings.random_splits = options.splitter == "random";
  SLIPWAY_TRY(settings.directions, read_directions(options.monotonic_cst));
  SLIPWAY_CHECK(check_directions(settings.directions.size(), features));
  if (!settings.directions.empty() && task == model::Task::multiclass)
    return invalid_input("monotonic_cst: with more than two classes there is no one number that could rise or fall");
  settings.seed = seed;
  return settings;
}

}  // namespace slipway::learners::forest
