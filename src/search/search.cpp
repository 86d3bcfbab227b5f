// Running a plan.
#include <chrono>

#include <fmt/format.h>

#include <slipway/base/partial_progress.hpp>
#include <slipway/base/text.hpp>
#include <slipway/search/search.hpp>

#include "task.hpp"

namespace slipway::search {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

learners::TrainingData training_data(const Problem& problem, const LabelledRows& rows) {
  learners::TrainingData data;
  data.features = &rows.features;
  data.task = problem.task;
  data.classes = problem.classes;
  data.labels = rows.labels;
  data.targets = rows.targets;
  data.weights = rows.weights;
  data.groups = rows.groups;
  return data;
}

// The part of a candidate's settings that its group's fit leaves open.
learners::Settings point_of(const FitGroup& group, const learners::Settings& candidate) {
  learners::Settings point;
  for (const auto& setting : candidate) {
    const auto same = [&](const auto& shared) { return shared.first == setting.first; };
    if (std::none_of(group.settings.begin(), group.settings.end(), same)) point.push_back(setting);
  }
  return point;
}

struct GroupScores {
  std::vector<model::Block> blocks;  // per candidate of the group
  double fit_seconds = 0;
  double score_seconds = 0;
};

Result<GroupScores> fit_group(const Problem& problem, const Plan& plan, const FitGroup& group, const FoldData& fold,
                              std::uint64_t seed, const Threads& threads, Progress& progress) {
  const learners::TrainingData data = training_data(problem, fold.train);
  learners::Settings settings = problem.fixed;
  settings.insert(settings.end(), group.settings.begin(), group.settings.end());
  GroupScores scores;
  auto start = std::chrono::steady_clock::now();
  if (!group.nested) {
    SLIPWAY_TRY(const learners::Fragment fragment, problem.learner->fit(data, settings, seed, threads, progress));
    scores.fit_seconds = seconds_since(start);
    start = std::chrono::steady_clock::now();
    SLIPWAY_TRY(const model::Block block, learners::predict(fragment, fold.validation.features, threads));
    scores.blocks.assign(group.candidates.size(), block);  // more than one: the space repeats a value
  } else {
    std::vector<learners::Settings> points;
    for (std::size_t index : group.candidates) points.push_back(point_of(group, plan.candidates[index]));
    SLIPWAY_TRY(const auto nested, problem.learner->fit_nested(data, settings, points, seed, threads, progress));
    scores.fit_seconds = seconds_since(start);
    start = std::chrono::steady_clock::now();
    SLIPWAY_TRY(scores.blocks, nested->predict(points, fold.validation.features, threads));
  }
  scores.score_seconds = seconds_since(start);
  return scores;
}

Result<double> score(const Problem& problem, const metrics::Metric& metric, const LabelledRows& rows,
                     const model::Block& block) {
  metrics::Outcome outcome;
  outcome.task = kind_of(problem.task);
  outcome.labels = rows.labels;
  outcome.targets = rows.targets;
  outcome.weights = rows.weights;
  outcome.scores = {block.rows, block.width, block.values};
  return metrics::evaluate(metric, outcome);
}

// What is kept of a candidate's scores until the best one is known.
std::vector<float> kept_scores(const Problem& problem, model::Block& block) {
  if (problem.task != model::Task::binary) return std::move(block.values);
  const auto positive = block.column(1);
  return {positive.begin(), positive.end()};
}

// By candidate, then by fold.
using ScoresOfFolds = std::vector<std::vector<std::vector<float>>>;

// Adds one fold's scores to the result.
Status run_fold(const Problem& problem, const SearchOptions& options, const Plan& plan, const FoldData& fold,
                const metrics::Metric& metric, const Threads& threads, Progress& progress, SearchResult& result,
                ScoresOfFolds& kept) {
  for (const FitGroup& group : plan.groups) {
    PartialProgress part(progress);
    SLIPWAY_TRY(GroupScores scores, fit_group(problem, plan, group, fold, options.seed, threads, part));
    const auto start = std::chrono::steady_clock::now();
    const std::size_t count = group.candidates.size();
    std::vector<std::optional<Result<double>>> values(count);
    threads.for_each(count,
                     [&](std::size_t k) { values[k] = score(problem, metric, fold.validation, scores.blocks[k]); });
    for (std::size_t k = 0; k < count; ++k) {
      if (!values[k]->ok()) return std::move(*values[k]).error();
      Candidate& candidate = result.candidates[group.candidates[k]];
      candidate.scores.push_back(values[k]->value());
      candidate.fit_seconds += scores.fit_seconds / static_cast<double>(count);
      kept[group.candidates[k]].push_back(kept_scores(problem, scores.blocks[k]));
    }
    ++result.fits;
    result.fit_seconds += scores.fit_seconds;
    result.score_seconds += scores.score_seconds + seconds_since(start);
  }
  return {};
}

// What makes a model small, most important first; +1: small values, -1: large values.
constexpr std::pair<std::string_view, int> size_options[] = {
    {"n_estimators", 1},       {"max_depth", 1},         {"max_leaf_nodes", 1},
    {"min_samples_split", -1}, {"min_samples_leaf", -1}, {"min_impurity_decrease", -1},
};

double size_of(const learners::Settings& settings, std::string_view option) {
  for (const auto& [name, value] : settings) {
    if (name != option) continue;
    // "none" is no limit.
    return parse_number(value.text).value_or(std::numeric_limits<double>::infinity());
  }
  return 0;
}

bool smaller(const learners::Settings& left, const learners::Settings& right) {
  for (const auto& [option, direction] : size_options) {
    const double a = size_of(left, option);
    const double b = size_of(right, option);
    if (a != b) return direction > 0 ? a < b : a > b;
  }
  return false;
}

void summarise(SearchResult& result) {
  for (Candidate& candidate : result.candidates) {
    double sum = 0;
    for (double value : candidate.scores) sum += value;
    candidate.mean = sum / static_cast<double>(candidate.scores.size());
    double squares = 0;
    for (double value : candidate.scores) squares += (value - candidate.mean) * (value - candidate.mean);
    candidate.standard_deviation = std::sqrt(squares / static_cast<double>(candidate.scores.size()));
  }
  const auto better = [&](const Candidate& left, const Candidate& right) {
    return result.higher_is_better ? left.mean > right.mean : left.mean < right.mean;
  };
  for (Candidate& candidate : result.candidates) {
    candidate.rank = 1;
    for (const Candidate& other : result.candidates) candidate.rank += better(other, candidate) ? 1 : 0;
  }
  for (std::size_t i = 1; i < result.candidates.size(); ++i) {
    const Candidate& candidate = result.candidates[i];
    const Candidate& best = result.candidates[result.best];
    if (better(candidate, best) || (candidate.mean == best.mean && smaller(candidate.settings, best.settings)))
      result.best = i;
  }
}

}  // namespace

Result<const metrics::Metric*> metric_of(const std::string& name, model::Task task) {
  SLIPWAY_TRY(const metrics::Metric* metric,
              metrics::find_metric(name == "auto" ? metrics::default_metric(kind_of(task)) : std::string_view(name)));
  if (!metric->applies_to(kind_of(task)))
    return invalid_input(fmt::format("search: metric '{}' does not apply to a {} task", name, model::task_name(task)));
  return metric;
}

Result<SearchResult> run(const Problem& problem, const SearchOptions& options, const Plan& plan,
                         const FoldSource& folds, const Threads& threads, Progress& progress) {
  SLIPWAY_TRY(const metrics::Metric* metric, metric_of(plan.metric, problem.task));
  SearchResult result;
  result.metric = metric->name;
  result.higher_is_better = metric->higher_is_better;
  result.plan = plan.text;
  for (const learners::Settings& settings : plan.candidates) result.candidates.push_back({settings, {}});
  progress.begin("search", plan.groups.size() * plan.folds * PartialProgress::units);
  struct End {
    Progress& progress;
    ~End() { progress.end(); }
  } end{progress};
  progress.note(plan.text);
  ScoresOfFolds kept(plan.candidates.size());
  for (std::size_t index = 0; index < plan.folds; ++index) {
    const std::string context = fmt::format("search, fold {} of {}", index + 1, plan.folds);
    SLIPWAY_TRY(const FoldData fold, folds(index).with_context(context));
    SLIPWAY_CHECK(
        run_fold(problem, options, plan, fold, *metric, threads, progress, result, kept).with_context(context));
  }
  summarise(result);
  result.best_scores = std::move(kept[result.best]);
  const Candidate& best = result.best_candidate();
  progress.note(fmt::format("best {}: {:.6g} (+-{:.3g}) with {}", result.metric, best.mean, best.standard_deviation,
                            best.settings.empty() ? "the settings given" : describe(best.settings)));
  return result;
}

Result<SearchResult> search(const Problem& problem, const SearchOptions& options, const FoldSource& folds,
                            const Threads& threads, Progress& progress) {
  SLIPWAY_TRY(const Plan plan, make_plan(problem, options));
  return run(problem, options, plan, folds, threads, progress);
}

learners::Settings all_settings(const Problem& problem, const Candidate& candidate) {
  learners::Settings settings = problem.fixed;
  settings.insert(settings.end(), candidate.settings.begin(), candidate.settings.end());
  return settings;
}

}  // namespace slipway::search
