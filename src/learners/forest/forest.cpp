#include "forest/forest.hpp"

#include <fmt/format.h>

#include "forest/options.hpp"
#include "forest/out_of_bag.hpp"
#include "tree/emit.hpp"

namespace slipway::learners::forest {
namespace {

// What distinguishes the three learners: which options they have, and their defaults.
struct Kind {
  std::string_view name;
  std::span<const params::Option<ForestOptions>> table;
  ForestOptions defaults;

  Result<ForestOptions> read(const Settings& settings) const {
    ForestOptions options = defaults;
    SLIPWAY_CHECK(apply(options, table, settings, name));
    return options;
  }
};

Kind forest_kind() { return {"random_forest", forest_table(), {}}; }
Kind extra_kind() { return {"extra_trees", forest_table(), extra_defaults()}; }
Kind tree_kind() { return {"decision_tree", tree_table(), tree_defaults()}; }

// The operators for the first `count` trees under a stop rule.
Fragment fragment_of(std::span<const tree::GrownTree> trees, const tree::Bins& bins, model::Task task, int outputs,
                     const tree::StopRule& stop) {
  Fragment fragment;
  fragment.operators.emplace_back(tree::emit_trees(trees, bins, outputs, stop));
  std::vector<std::string> columns;
  for (int output = 0; output < outputs; ++output)
    columns.push_back(task == model::Task::regression ? "prediction"
                      : task == model::Task::binary   ? "share_1"
                                                      : fmt::format("probability_{}", output));
  fragment.columns.push_back(std::move(columns));
  if (task == model::Task::binary) {
    model::Link link{};
    link.input = 1;
    link.output = 2;
    link.kind = model::Link::Kind::complement;
    fragment.operators.emplace_back(link);
    fragment.columns.push_back({"probability_0", "probability_1"});
  }
  return fragment;
}

// What the Poisson deviance is defined for.
Status check_counts(const TrainingData& data) {
  double sum = 0;
  for (std::size_t row = 0; row < data.targets.size(); ++row) {
    if (data.targets[row] < 0)
      return invalid_input(fmt::format("target {} at row {}: criterion: poisson needs targets that are not negative",
                                       data.targets[row], row));
    sum += data.targets[row];
  }
  if (data.task == model::Task::regression && !(sum > 0))
    return invalid_input("criterion: poisson needs a target above 0");
  return {};
}

struct Grown {
  tree::Bins bins;
  std::vector<tree::GrownTree> trees;
  tree::GrowthSettings settings;
  model::Task task = model::Task::binary;
  int outputs = 1;
  std::size_t rows = 0;
};

Result<Grown> grow(const Kind& kind, const TrainingData& data, const ForestOptions& options, std::uint64_t seed,
                   const Threads& threads, Progress& progress, bool with_oob) {
  const auto count = static_cast<std::size_t>(options.n_estimators);
  progress.begin(fmt::format("{}: {} trees", kind.name, count), count);
  struct End {
    Progress& progress;
    ~End() { progress.end(); }
  } end{progress};
  SLIPWAY_TRY(
      tree::TrainingRows rows,
      tree::prepare_rows(data, {options.max_bins, options.splitter == "random", options.bin_edges == "quantile"},
                         threads, progress)
          .with_context(kind.name));
  Grown grown;
  if (options.criterion == "poisson") SLIPWAY_CHECK(check_counts(data).with_context(kind.name));
  SLIPWAY_TRY(grown.settings, growth_settings(options, data.task, static_cast<std::size_t>(data.classes), rows.rows(),
                                              rows.codes->features(), seed));
  SLIPWAY_TRY(grown.trees, tree::grow_trees(rows, grown.settings, count, threads, progress));
  if (with_oob) {
    SLIPWAY_TRY(const std::string line, out_of_bag(rows, grown.settings, grown.trees, threads, progress));
    progress.note(fmt::format("{}: {}", kind.name, line));
  }
  grown.task = data.task;
  grown.outputs = rows.outputs;
  grown.rows = rows.rows();
  grown.bins = std::move(rows.bins);
  return grown;
}

// The largest of what stands at the same time: binning, then growing.
Result<std::size_t> memory_of(const Kind& kind, const FitSize& size, const Settings& settings) {
  SLIPWAY_TRY(const ForestOptions options, kind.read(settings));
  SLIPWAY_TRY(const tree::GrowthSettings growth,
              growth_settings(options, size.task, static_cast<std::size_t>(size.classes), size.rows, size.features, 0));
  // Order by class, labels or targets, and weights.
  const std::size_t of_row = 4 + (size.weighted ? 4 : 0);
  const auto workers = static_cast<std::size_t>(std::min(size.threads, options.n_estimators));
  const std::size_t growing = workers * tree::grower_bytes(size.task, size.classes, size.weighted, size.rows, growth);
  const std::size_t codes = tree::coded_bytes(size.rows, size.features, 0);
  const std::size_t binning = tree::coded_bytes(size.rows, size.features, size.threads) - codes;
  return codes + size.rows * of_row + std::max(growing, binning);
}

class NestedForest final : public NestedFit {
 public:
  NestedForest(Kind kind, ForestOptions shared, ForestOptions deepest, Grown grown)
      : kind_(std::move(kind)), shared_(std::move(shared)), deepest_(std::move(deepest)), grown_(std::move(grown)) {}

  Result<Fragment> extract(const Settings& settings) const override {
    SLIPWAY_TRY(const tree::NestedPoint point, read(settings));
    return fragment_of(std::span(grown_.trees).first(point.trees), grown_.bins, grown_.task, grown_.outputs,
                       point.stop);
  }

  Result<std::vector<model::Block>> predict(std::span<const Settings> settings, const model::Block& features,
                                            const Threads& threads) const override {
    if (features.width != grown_.bins.features())
      return invalid_input(
          fmt::format("{} features, the forest was fitted on {}", features.width, grown_.bins.features()));
    std::vector<tree::NestedPoint> points;
    for (const Settings& one : settings) {
      SLIPWAY_TRY(points.emplace_back(), read(one));
    }
    if (points.empty()) return std::vector<model::Block>{};
    std::vector<model::Block> scores =
        tree::nested_means(grown_.trees, grown_.bins, grown_.outputs, points, features, threads);
    if (grown_.task == model::Task::binary)
      for (model::Block& block : scores) block = complement(block);
    return scores;
  }

 private:
  // As Link's complement.
  static model::Block complement(const model::Block& share) {
    model::Block both(share.rows, 2);
    for (std::size_t row = 0; row < share.rows; ++row) {
      both.column(0)[row] = 1.0F - share.values[row];
      both.column(1)[row] = share.values[row];
    }
    return both;
  }

  Result<tree::NestedPoint> read(const Settings& settings) const {
    ForestOptions options = shared_;
    SLIPWAY_CHECK(apply(options, kind_.table, settings, kind_.name));
    // Everything but the nesting options must be as it was fitted.
    ForestOptions others = options;
    others.n_estimators = shared_.n_estimators;
    others.max_depth = shared_.max_depth;
    others.min_samples_split = shared_.min_samples_split;
    others.min_impurity_decrease = shared_.min_impurity_decrease;
    others.max_leaf_nodes = shared_.max_leaf_nodes;
    others.ccp_alpha = shared_.ccp_alpha;
    others.oob_score = shared_.oob_score;
    for (const auto& option : kind_.table)
      if (params::show_option(others, option) != params::show_option(shared_, option))
        return invalid_input(fmt::format("{}: {} was {} at the fit and is {} now, which needs a fit of its own",
                                         kind_.name, option.name, params::show_option(shared_, option),
                                         params::show_option(others, option)));
    SLIPWAY_TRY(const tree::GrowthSettings growth,
                growth_settings(options, grown_.task, grown_.settings.class_weights.size(), grown_.rows,
                                grown_.bins.features(), grown_.settings.seed));
    const tree::StopRule& deepest = grown_.settings.stop;
    const bool more_leaves = deepest.max_leaf_nodes != 0 &&
                             (growth.stop.max_leaf_nodes == 0 || growth.stop.max_leaf_nodes > deepest.max_leaf_nodes ||
                              !growth.stop.same_by_node(deepest));
    if (options.n_estimators > deepest_.n_estimators || growth.stop.max_depth > deepest.max_depth ||
        growth.stop.min_samples_split < deepest.min_samples_split ||
        growth.stop.min_impurity_decrease < deepest.min_impurity_decrease || more_leaves)
      return invalid_input(fmt::format("{}: this point goes beyond the fit of {} trees it should be cut out of",
                                       kind_.name, deepest_.n_estimators));
    return tree::NestedPoint{static_cast<std::size_t>(options.n_estimators), growth.stop};
  }

  Kind kind_;
  ForestOptions shared_;
  ForestOptions deepest_;
  Grown grown_;
};

// The options that contain those of every point.
Result<ForestOptions> deepest_of(const Kind& kind, const ForestOptions& shared, std::span<const Settings> points,
                                 std::size_t rows) {
  ForestOptions deepest = shared;
  ForestOptions first_point;
  bool first = true;
  const auto same_rules = [](const ForestOptions& a, const ForestOptions& b) {
    return a.max_depth == b.max_depth && a.min_samples_split == b.min_samples_split &&
           a.min_impurity_decrease == b.min_impurity_decrease;
  };
  const auto split_rows = [&](double number) {
    return number < 1 ? std::max(2.0, std::ceil(number * static_cast<double>(rows))) : number;
  };
  for (const Settings& settings : points) {
    ForestOptions options = shared;
    SLIPWAY_CHECK(apply(options, kind.table, settings, kind.name));
    if (first) {
      deepest = options;
    } else {
      deepest.n_estimators = std::max(deepest.n_estimators, options.n_estimators);
      if (!options.max_depth || !deepest.max_depth) {
        deepest.max_depth.reset();
      } else {
        deepest.max_depth = std::max(*deepest.max_depth, *options.max_depth);
      }
      if (split_rows(options.min_samples_split) < split_rows(deepest.min_samples_split))
        deepest.min_samples_split = options.min_samples_split;
      deepest.min_impurity_decrease = std::min(deepest.min_impurity_decrease, options.min_impurity_decrease);
      // Trees that end with a number of leaves contain each other where all else is the same; a limit of depth leads
      // them elsewhere, and only trees grown in full contain both.
      if (!same_rules(options, first_point) || !options.max_leaf_nodes || !deepest.max_leaf_nodes) {
        deepest.max_leaf_nodes.reset();
      } else {
        deepest.max_leaf_nodes = std::max(*deepest.max_leaf_nodes, *options.max_leaf_nodes);
      }
    }
    if (first) first_point = options;
    first = false;
  }
  return deepest;
}

Learner learner_of(const Kind& kind, std::string_view documentation, std::vector<std::string> nesting) {
  Learner learner;
  learner.name = kind.name;
  learner.documentation = documentation;
  learner.options = params::describe(kind.table);
  for (params::Description& description : learner.options)
    if (const auto* option = params::find_option(kind.table, description.name))
      description.default_value = params::show_option(kind.defaults, *option);
  learner.nesting_options = std::move(nesting);
  learner.check = [kind](const Settings& settings) -> Status {
    SLIPWAY_CHECK(kind.read(settings));
    return {};
  };
  learner.fit = [kind](const TrainingData& data, const Settings& settings, std::uint64_t seed, const Threads& threads,
                       Progress& progress) -> Result<Fragment> {
    SLIPWAY_TRY(const ForestOptions options, kind.read(settings));
    SLIPWAY_TRY(const Grown grown, grow(kind, data, options, seed, threads, progress, options.oob_score));
    return fragment_of(grown.trees, grown.bins, grown.task, grown.outputs, grown.settings.stop);
  };
  learner.fit_nested = [kind](const TrainingData& data, const Settings& settings, std::span<const Settings> points,
                              std::uint64_t seed, const Threads& threads,
                              Progress& progress) -> Result<std::unique_ptr<NestedFit>> {
    SLIPWAY_TRY(const ForestOptions shared, kind.read(settings));
    const std::size_t rows = data.features == nullptr ? 0 : data.features->rows;
    SLIPWAY_TRY(const ForestOptions deepest, deepest_of(kind, shared, points, rows));
    SLIPWAY_TRY(Grown grown, grow(kind, data, deepest, seed, threads, progress, false));
    std::unique_ptr<NestedFit> nested = std::make_unique<NestedForest>(kind, shared, deepest, std::move(grown));
    return nested;
  };
  learner.memory = [kind](const FitSize& size, const Settings& settings) { return memory_of(kind, size, settings); };
  return learner;
}

}  // namespace

Learner random_forest_learner() {
  return learner_of(forest_kind(), "mean of decision trees, each grown on a bootstrap sample and random features",
                    forest_nesting());
}

Learner extra_trees_learner() {
  return learner_of(extra_kind(), "mean of trees whose features and thresholds are drawn at random, each on all rows",
                    forest_nesting());
}

Learner decision_tree_learner() {
  return learner_of(tree_kind(), "one decision tree over all rows and features", tree_nesting());
}

}  // namespace slipway::learners::forest
