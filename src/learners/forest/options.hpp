// The options of forests and of single trees, with scikit-learn's names and meanings.
#pragma once
#include <optional>
#include <string>

#include <slipway/learners/learner.hpp>
#include <slipway/params/options.hpp>

#include "tree/growth.hpp"
#include "tree/nested.hpp"

namespace slipway::learners::forest {

struct ForestOptions {
  int n_estimators = 100;
  std::string criterion = "auto";
  std::string splitter = "best";
  std::optional<int> max_depth;
  double min_samples_split = 2;
  double min_samples_leaf = 1;
  double min_weight_fraction_leaf = 0;
  std::string max_features = "auto";
  std::optional<int> max_leaf_nodes;
  double min_impurity_decrease = 0;
  double ccp_alpha = 0;
  bool bootstrap = true;
  std::optional<double> max_samples;
  bool oob_score = false;
  std::string class_weight = "none";
  std::string monotonic_cst = "none";
  int max_bins = 255;
  std::string bin_edges = "mixed";
};

// A decision tree is a forest of one over all rows and features; extra trees split at random, on all rows.
ForestOptions tree_defaults();
ForestOptions extra_defaults();

std::span<const params::Option<ForestOptions>> forest_table();
std::span<const params::Option<ForestOptions>> tree_table();

// Options whose fits nest in a deeper one.
std::vector<std::string> forest_nesting();
std::vector<std::string> tree_nesting();

// Applies settings by name on top of `options`, in order.
Status apply(ForestOptions& options, std::span<const params::Option<ForestOptions>> table, const Settings& settings,
             std::string_view learner);

// What the options mean for these data: shares become counts. Errors: a criterion of another task, more rows or
// features asked for than there are.
Result<tree::GrowthSettings> growth_settings(const ForestOptions& options, model::Task task, std::size_t classes,
                                             std::size_t rows, std::size_t features, std::uint64_t seed);
// The checks that need no data.
Status check_options(const ForestOptions& options);

}  // namespace slipway::learners::forest
