// The options of gradient boosting, with the names that scikit-learn, XGBoost and LightGBM have made common.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <slipway/learners/learner.hpp>
#include <slipway/params/options.hpp>

namespace slipway::learners::boosting {

struct BoostingOptions {
  int n_estimators = 100;
  double learning_rate = 0.1;
  std::string loss = "auto";
  double quantile = 0.5;
  std::string grow_policy = "leaf_wise";
  std::optional<int> max_leaves;
  std::optional<int> max_depth;
  double min_child_weight = 1;
  double min_split_gain = 0;
  double reg_lambda = 1;
  double reg_alpha = 0;
  double subsample = 1;
  std::string sampling_method = "uniform";
  double colsample_bytree = 1;
  double colsample_bynode = 1;
  std::string class_weight = "none";
  double scale_pos_weight = 1;
  std::string monotonic_cst = "none";
  std::optional<int> early_stopping_rounds;
  double validation_fraction = 0.1;
  int max_bins = 255;
};

std::span<const params::Option<BoostingOptions>> boosting_table();

// `options` with settings applied in order. Errors: an unknown name (with the nearest), a value out of range, options
// that contradict each other.
Result<BoostingOptions> read_options(const Settings& settings, BoostingOptions options = {});

}  // namespace slipway::learners::boosting
