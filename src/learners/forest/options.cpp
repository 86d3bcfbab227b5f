#include "forest/options.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>

namespace slipway::learners::forest {
namespace {

using Option = params::Option<ForestOptions>;

constexpr Option n_estimators = {
    "n_estimators", &ForestOptions::n_estimators, "number of trees", {.minimum = 1, .maximum = 100000}};
constexpr Option criterion = {"criterion",
                              &ForestOptions::criterion,
                              "impurity that splits decrease; auto: gini for classes, squared_error for numbers",
                              {.choices = "auto|gini|entropy|log_loss|squared_error"}};
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
constexpr Option class_weight = {
    "class_weight",
    &ForestOptions::class_weight,
    "weigh classes by the inverse of their frequency, in all rows or in each tree's sample",
    {.choices = "none|balanced|balanced_subsample"}};
constexpr Option tree_class_weight = {"class_weight",
                                      &ForestOptions::class_weight,
                                      "weigh classes by the inverse of their frequency",
                                      {.choices = "none|balanced"}};
constexpr Option max_bins = {"max_bins",
                             &ForestOptions::max_bins,
                             "distinct values that a feature is cut into, one of them for missing",
                             {.minimum = 3, .maximum = 255}};

constexpr Option forest_options[] = {
    n_estimators,          criterion, max_depth,   min_samples_split, min_samples_leaf, max_features,
    min_impurity_decrease, bootstrap, max_samples, class_weight,      max_bins};
constexpr Option tree_options[] = {criterion,         max_depth,    min_samples_split,
                                   min_samples_leaf,  max_features, min_impurity_decrease,
                                   tree_class_weight, max_bins};

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
  static const std::vector<std::string> names = {"auto", "sqrt", "log2", "all"};
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
  const bool of_numbers = name == "squared_error";
  if (name == "auto") return task == model::Task::regression ? tree::Criterion::squared_error : tree::Criterion::gini;
  if (of_numbers != (task == model::Task::regression))
    return invalid_input(fmt::format("criterion: '{}' does not fit a {} task; expected {}", name,
                                     model::task_name(task),
                                     of_numbers ? "gini, entropy or log_loss" : "squared_error"));
  if (of_numbers) return tree::Criterion::squared_error;
  return name == "gini" ? tree::Criterion::gini : tree::Criterion::entropy;
}

}  // namespace

ForestOptions tree_defaults() {
  ForestOptions options;
  options.n_estimators = 1;
  options.bootstrap = false;
  options.max_features = "all";
  return options;
}

std::span<const Option> forest_table() { return forest_options; }
std::span<const Option> tree_table() { return tree_options; }

std::vector<std::string> forest_nesting() {
  return {"n_estimators", "max_depth", "min_samples_split", "min_impurity_decrease"};
}
std::vector<std::string> tree_nesting() { return {"max_depth", "min_samples_split", "min_impurity_decrease"}; }

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
  SLIPWAY_CHECK(read_max_features(options.max_features));
  return {};
}

Result<tree::GrowthSettings> growth_settings(const ForestOptions& options, model::Task task, std::size_t rows,
                                             std::size_t features, std::uint64_t seed) {
  SLIPWAY_CHECK(check_options(options));
  tree::GrowthSettings settings;
  SLIPWAY_TRY(settings.criterion, criterion_of(options.criterion, task));
  settings.stop.max_depth = options.max_depth.value_or(std::numeric_limits<int>::max());
  settings.stop.min_samples_split = rows_of(options.min_samples_split, rows, 2);
  settings.stop.min_impurity_decrease = options.min_impurity_decrease;
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
  if (options.class_weight != "none") {
    if (task == model::Task::regression)
      return invalid_input(fmt::format("class_weight: '{}' does not fit a regression task", options.class_weight));
    settings.class_weight = options.class_weight == "balanced" || !options.bootstrap
                                ? tree::ClassWeight::balanced
                                : tree::ClassWeight::balanced_subsample;
  }
  settings.seed = seed;
  return settings;
}

}  // namespace slipway::learners::forest
