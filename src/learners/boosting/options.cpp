#include "boosting/options.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "training_data.hpp"

namespace slipway::learners::boosting {
namespace {

using Option = params::Option<BoostingOptions>;

constexpr Option table[] = {
    {"n_estimators", &BoostingOptions::n_estimators, "rounds of boosting", {.minimum = 1, .maximum = 100000}},
    {"learning_rate",
     &BoostingOptions::learning_rate,
     "how much of each tree is added",
     {.minimum = 0, .maximum = 10, .open_minimum = true}},
    {"loss",
     &BoostingOptions::loss,
     "what is minimised; auto: log_loss for classes, squared_error for numbers; poisson predicts a mean count",
     {.choices = "auto|log_loss|squared_error|absolute_error|quantile|poisson"}},
    {"quantile",
     &BoostingOptions::quantile,
     "the quantile that loss: quantile predicts",
     {.minimum = 1e-6, .maximum = 1 - 1e-6}},
    {"grow_policy",
     &BoostingOptions::grow_policy,
     "split the leaf of the largest gain first, or level by level",
     {.choices = "leaf_wise|level_wise"}},
    {"max_leaves",
     &BoostingOptions::max_leaves,
     "most leaves of a tree; none: 31 leaf-wise, no limit level-wise",
     {.minimum = 2, .maximum = 65535}},
    {"max_depth",
     &BoostingOptions::max_depth,
     "deepest level of a leaf; none: no limit leaf-wise, 6 level-wise",
     {.minimum = 1}},
    {"min_child_weight",
     &BoostingOptions::min_child_weight,
     "least sum of hessians in a leaf: p (1 - p) per row for classes, 1 for numbers. Near 0, rare classes make leaves "
     "explode",
     {.minimum = 0}},
    {"min_split_gain",
     &BoostingOptions::min_split_gain,
     "a split must raise the sum of G^2 / (H + reg_lambda) over the leaves by more than this",
     {.minimum = 0}},
    {"reg_lambda", &BoostingOptions::reg_lambda, "L2 penalty on leaf values", {.minimum = 0}},
    {"reg_alpha", &BoostingOptions::reg_alpha, "L1 penalty on leaf values", {.minimum = 0}},
    {"subsample",
     &BoostingOptions::subsample,
     "share of the rows that each tree is grown on",
     {.minimum = 0, .maximum = 1, .open_minimum = true}},
    {"sampling_method",
     &BoostingOptions::sampling_method,
     "rows of a subsample: all alike, or gradient_based: by their gradient, weighted so that sums stay unbiased, leaf "
     "values from all rows; much faster from 200,000 rows on (subsample 0.1 to 0.3, at least 40,000 rows)",
     {.choices = "uniform|gradient_based"}},
    {"colsample_bytree",
     &BoostingOptions::colsample_bytree,
     "share of the features for each tree",
     {.minimum = 0, .maximum = 1, .open_minimum = true}},
    {"colsample_bynode",
     &BoostingOptions::colsample_bynode,
     "share of the tree's features for each node",
     {.minimum = 0, .maximum = 1, .open_minimum = true}},
    {"class_weight",
     &BoostingOptions::class_weight,
     "balanced: weigh classes by the inverse of their frequency; or one number per class, separated by commas",
     {}},
    {"scale_pos_weight",
     &BoostingOptions::scale_pos_weight,
     "weight of the positive class of a binary task",
     {.minimum = 0, .open_minimum = true}},
    {"monotonic_cst", &BoostingOptions::monotonic_cst,
     "one number per feature, separated by commas: 1 the prediction may only rise with it, -1 only fall, 0 free"},
    {"early_stopping_rounds",
     &BoostingOptions::early_stopping_rounds,
     "stop when the loss of held-back rows has not improved for so many rounds, and keep the best round; none: off",
     {.minimum = 1}},
    {"validation_fraction",
     &BoostingOptions::validation_fraction,
     "share of the rows held back for early stopping",
     {.minimum = 0.001, .maximum = 0.9}},
    {"max_bins",
     &BoostingOptions::max_bins,
     "distinct values that a feature is cut into, one of them for missing",
     {.minimum = 3, .maximum = 255}},
};

}  // namespace

std::span<const Option> boosting_table() { return table; }

Result<BoostingOptions> read_options(const Settings& settings, BoostingOptions options) {
  for (const auto& [name, value] : settings) {
    const Option* option = params::find_option(boosting_table(), name);
    if (option == nullptr) {
      const std::vector<std::string> names = params::option_names(boosting_table());
      return value.error(fmt::format("gradient_boosting has no option '{}'{}; it has {}", name, suggestion(name, names),
                                     list_names(names, names.size())));
    }
    SLIPWAY_CHECK(params::set_option(options, *option, value));
  }
  SLIPWAY_CHECK(read_directions(options.monotonic_cst));
  SLIPWAY_CHECK(check_class_weight(options.class_weight));
  if (options.sampling_method == "gradient_based" && options.subsample == 1)
    return invalid_input("sampling_method: gradient_based needs a subsample below 1, such as 0.2");
  return options;
}

}  // namespace slipway::learners::boosting
