// Grid search, random search and successive halving over the options of any learner, by cross-validation. Candidates
// that one deep fit contains (learners::NestedFit) share it: the scores are those of refitting each, to the last bit.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/random.hpp>
#include <slipway/learners/learner.hpp>

namespace slipway::search {

struct SearchOptions {
  std::string method = "grid";  // grid, random, halving_grid, halving_random
  int folds = 5;
  std::string metric = "auto";
  int iterations = 10;  // candidates that random and halving_random draw
  std::uint64_t seed = 42;
  // Halving (as scikit-learn's HalvingGridSearchCV): all candidates on few resources, the best 1 in `factor` on
  // `factor` times as many, and so on. The resource is "rows", or an option of the learner such as n_estimators.
  double factor = 3;
  std::string resource = "rows";
  std::optional<int> min_resources;  // of the first rung; none: as many as let the last rung have all
  std::optional<int> max_resources;  // of the last rung; none: all rows (needed for an option)
  // Where the resources do not suffice for as many rungs as leave at most `factor` candidates: the first rung's
  // resource is used again until they do.
  bool aggressive_elimination = false;
  // Where finished fits are kept, so that a search that was stopped or killed takes them over; empty: nowhere. `key`
  // stands for everything that the folds' data depend on.
  std::filesystem::path keep;
  std::string key;
};

// Where random search draws an option's values from. `uniform` and `log_uniform` give numbers of six digits, `integers`
// and `log_integers` whole numbers from low to high, both included.
struct Distribution {
  enum class Kind : std::uint8_t { uniform, log_uniform, integers, log_integers };
  Kind kind = Kind::uniform;
  double low = 0;
  double high = 1;
  params::Value draw(Random& random) const;
};

// One option and the values to try, in the order that candidates are listed in (the last option changes fastest). With
// a distribution, `values` are its bounds.
struct Dimension {
  std::string option;
  std::vector<params::Value> values;
  std::optional<Distribution> distribution;
};
// A value, a list of values, {grid: [low, high, steps]}, {log_grid: [low, high, steps]}, or {uniform: [low, high]},
// {log_uniform: ...}, {integers: ...}, {log_integers: ...}. Errors name the place and what was expected.
Result<Dimension> read_dimension(const std::string& option, const params::Value& value);
// For digests: equal dimensions give equal text.
std::string canonical(const Dimension& dimension);
using Space = std::vector<Dimension>;

// What is searched: a learner, settings that all candidates share (a dimension of the same option overrides them), and
// the space.
struct Problem {
  const learners::Learner* learner = nullptr;
  learners::Settings fixed;
  Space space;
  model::Task task = model::Task::binary;
  int classes = 2;       // as TrainingData::classes
  std::size_t rows = 0;  // training rows of the smallest fold; for halving on rows
};

// Rows with their truth, as TrainingData: labels for classification, targets for regression; weights and groups or
// none.
struct LabelledRows {
  model::Block features;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<float> weights;
  std::vector<std::int32_t> groups;
  std::vector<std::int32_t> nominal;
};
// One fold: features fitted on its training rows only, by the caller.
struct FoldData {
  LabelledRows train;
  LabelledRows validation;
};
// Makes fold `index`; called one after another, so that only one is in memory; by halving once per rung.
using FoldSource = std::function<Result<FoldData>(std::size_t index)>;

// Candidates that share a fit.
struct FitGroup {
  learners::Settings settings;          // what they have in common beyond Problem::fixed
  std::vector<std::size_t> candidates;  // into Plan::candidates
  bool nested = false;                  // by fit_nested, which scores faster too; else they are equal
};

// So many candidates with that much of the resource each.
struct Rung {
  std::size_t candidates = 0;
  std::size_t resource = 0;
};

struct Plan {
  std::vector<learners::Settings> candidates;  // the space's options only
  std::vector<FitGroup> groups;                // of all candidates
  std::vector<Rung> rungs;                     // of halving; else empty
  std::size_t folds = 0;
  std::string metric;
  // "27 candidates, 5 folds: 5 fits instead of 135 (n_estimators, max_depth, min_samples_split share a fit)"
  std::string text;
};

// Checks everything that can be checked without data: option names and values, metric, method. Random search draws
// `iterations` distinct candidates: from the grid (all of it if it is no larger), or from distributions.
Result<Plan> make_plan(const Problem& problem, const SearchOptions& options);

struct Candidate {
  learners::Settings settings;
  std::vector<double> scores;  // per fold; of halving those of its last rung
  double mean = 0;
  double standard_deviation = 0;  // population, over the folds
  int rank = 0;                   // 1 is best; equal means share a rank; of halving later rungs come first
  std::size_t rung = 0;           // the last one that it took part in, from 0
  std::size_t resource = 0;       // of that rung; 0 without halving
  double fit_seconds = 0;         // over all folds; of a shared fit, its share
};

struct SearchResult {
  std::string metric;
  bool higher_is_better = true;
  std::string plan;
  std::vector<Candidate> candidates;  // in the plan's order
  // The best mean. Equal means: the smaller model, that is fewer n_estimators, then smaller max_depth, fewer
  // max_leaf_nodes, larger min_samples_split, larger min_samples_leaf, larger min_impurity_decrease; then the earlier.
  std::size_t best = 0;
  // The best candidate's scores of each fold's validation rows, by a model that was not fitted on them: of a binary
  // task the positive class's, else all columns as in model::Block. For choosing a threshold or calibrating.
  std::vector<std::vector<float>> best_scores;
  std::size_t fits = 0;    // those taken over from an earlier run included
  std::size_t reused = 0;  // of these, taken over
  double fit_seconds = 0;
  double score_seconds = 0;
  const Candidate& best_candidate() const { return candidates[best]; }
};

// Runs the plan: fold by fold, each fit on all threads. The result does not depend on their number. A fold whose metric
// is undefined (no positive row for ROC AUC) is an error that names the fold.
Result<SearchResult> run(const Problem& problem, const SearchOptions& options, const Plan& plan,
                         const FoldSource& folds, const Threads& threads, Progress& progress);
// make_plan and run.
Result<SearchResult> search(const Problem& problem, const SearchOptions& options, const FoldSource& folds,
                            const Threads& threads, Progress& progress);

// Fixed settings and the candidate's (with the resource, if that is an option), as Learner::fit takes them.
learners::Settings all_settings(const Problem& problem, const Candidate& candidate);
// "n_estimators=300, max_depth=15"
std::string describe(const learners::Settings& settings);

}  // namespace slipway::search
