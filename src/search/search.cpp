// Running a plan.
#include <chrono>

#include <fmt/format.h>

#include <slipway/base/hash.hpp>
#include <slipway/base/partial_progress.hpp>
#include <slipway/base/text.hpp>
#include <slipway/search/search.hpp>

#include "finished.hpp"
#include "halving.hpp"
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
  data.nominal = rows.nominal;
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

Result<GroupScores> fit_group(const Problem& problem, std::span<const learners::Settings> candidates,
                              const FitGroup& group, const FoldData& fold, std::uint64_t seed, const Threads& threads,
                              Progress& progress) {
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
    for (std::size_t index : group.candidates) points.push_back(point_of(group, candidates[index]));
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

// Fits and scores one group on one fold.
Result<Finished> finish_group(const Problem& problem, std::span<const learners::Settings> candidates,
                              const FitGroup& group, const FoldData& fold, const metrics::Metric& metric,
                              std::uint64_t seed, const Threads& threads, Progress& progress) {
  SLIPWAY_TRY(GroupScores scores, fit_group(problem, candidates, group, fold, seed, threads, progress));
  const auto start = std::chrono::steady_clock::now();
  const std::size_t count = group.candidates.size();
  std::vector<std::optional<Result<double>>> values(count);
  threads.for_each(count,
                   [&](std::size_t k) { values[k] = score(problem, metric, fold.validation, scores.blocks[k]); });
  Finished finished;
  for (std::size_t k = 0; k < count; ++k) {
    if (!values[k]->ok()) return std::move(*values[k]).error();
    finished.values.push_back(values[k]->value());
    finished.scores.push_back(kept_scores(problem, scores.blocks[k]));
  }
  finished.fit_seconds = scores.fit_seconds;
  finished.score_seconds = scores.score_seconds + seconds_since(start);
  return finished;
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

void take_mean(Candidate& candidate) {
  double sum = 0;
  for (double value : candidate.scores) sum += value;
  candidate.mean = sum / static_cast<double>(candidate.scores.size());
  double squares = 0;
  for (double value : candidate.scores) squares += (value - candidate.mean) * (value - candidate.mean);
  candidate.standard_deviation = std::sqrt(squares / static_cast<double>(candidate.scores.size()));
}

// Of a candidate's full settings: a later rung, or a better mean.
bool better(const SearchResult& result, const Candidate& left, const Candidate& right) {
  if (left.rung != right.rung) return left.rung > right.rung;
  return result.higher_is_better ? left.mean > right.mean : left.mean < right.mean;
}

// Whether left comes before right: better, or as good and smaller.
bool before(const SearchResult& result, const Candidate& left, const Candidate& right) {
  if (better(result, left, right)) return true;
  return !better(result, right, left) && smaller(left.settings, right.settings);
}

void rank(SearchResult& result) {
  for (Candidate& candidate : result.candidates) {
    candidate.rank = 1;
    for (const Candidate& other : result.candidates) candidate.rank += better(result, other, candidate) ? 1 : 0;
  }
  for (std::size_t i = 1; i < result.candidates.size(); ++i)
    if (before(result, result.candidates[i], result.candidates[result.best])) result.best = i;
}

class Run {
 public:
  Run(const Problem& problem, const SearchOptions& options, const Plan& plan, const FoldSource& folds,
      const metrics::Metric& metric, const Threads& threads, Progress& progress)
      : problem_(problem),
        options_(options),
        plan_(plan),
        folds_(folds),
        metric_(metric),
        threads_(threads),
        progress_(progress),
        finished_(options.keep) {}

  Result<SearchResult> search() {
    result_.metric = metric_.name;
    result_.higher_is_better = metric_.higher_is_better;
    result_.plan = plan_.text;
    for (const learners::Settings& settings : plan_.candidates) result_.candidates.push_back({settings, {}});
    const Stage stage(progress_, "search", steps());
    progress_.note(plan_.text);
    std::vector<std::size_t> all(plan_.candidates.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    if (plan_.rungs.empty()) {
      SLIPWAY_CHECK(climb(all, 0, 0));
    } else {
      for (std::size_t rung = 0; rung < plan_.rungs.size(); ++rung) {
        keep_best(all, plan_.rungs[rung].candidates);
        SLIPWAY_CHECK(climb(all, rung, plan_.rungs[rung].resource));
      }
    }
    rank(result_);
    result_.best_scores = std::move(kept_[result_.best]);
    const Candidate& best = result_.best_candidate();
    if (result_.reused > 0)
      progress_.note(
          fmt::format("{} of {} fits had been finished before and were taken over", result_.reused, result_.fits));
    progress_.note(fmt::format("best {}: {:.6g} (+-{:.3g}) with {}", result_.metric, best.mean, best.standard_deviation,
                               best.settings.empty() ? "the settings given" : describe(best.settings)));
    return std::move(result_);
  }

 private:
  std::size_t steps() const {
    std::size_t fits = 0;
    for (const Rung& rung : plan_.rungs) fits += std::min(rung.candidates, plan_.groups.size());
    return (plan_.rungs.empty() ? plan_.groups.size() : fits) * plan_.folds * PartialProgress::units;
  }

  void keep_best(std::vector<std::size_t>& candidates, std::size_t count) const {
    std::stable_sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
      return before(result_, result_.candidates[a], result_.candidates[b]);
    });
    candidates.resize(std::min(count, candidates.size()));
    std::sort(candidates.begin(), candidates.end());
  }

  // Cross-validates the chosen candidates, on that much of the resource if it is not 0.
  Status climb(const std::vector<std::size_t>& chosen, std::size_t rung, std::size_t resource) {
    for (std::size_t index : chosen) {
      Candidate& candidate = result_.candidates[index];
      candidate.rung = rung;
      candidate.resource = resource;
      candidate.scores.clear();
      kept_[index].clear();
      if (resource == 0 || options_.resource == "rows") continue;
      std::erase_if(candidate.settings, [&](const auto& setting) { return setting.first == options_.resource; });
      candidate.settings.emplace_back(options_.resource, params::scalar(std::to_string(resource)));
    }
    std::vector<learners::Settings> candidates;
    for (const Candidate& candidate : result_.candidates) candidates.push_back(candidate.settings);
    const std::vector<FitGroup> groups = groups_of(*problem_.learner, candidates, chosen);
    for (std::size_t index = 0; index < plan_.folds; ++index) {
      std::optional<FoldData> fold;
      for (const FitGroup& group : groups) {
        if (progress_.cancelled()) return stopped_by_user();
        SLIPWAY_CHECK(run_group(candidates, group, index, resource, fold)
                          .with_context(fmt::format("search, fold {} of {}", index + 1, plan_.folds)));
        progress_.show(board());
      }
    }
    for (std::size_t index : chosen) take_mean(result_.candidates[index]);
    return {};
  }

  // The fold's data are made when the first fit that is not finished yet needs them.
  Status run_group(std::span<const learners::Settings> candidates, const FitGroup& group, std::size_t index,
                   std::size_t resource, std::optional<FoldData>& fold) {
    const std::size_t count = group.candidates.size();
    const std::string key = options_.keep.empty() ? "" : key_of(candidates, group, index, resource);
    PartialProgress part(progress_);
    std::optional<Finished> finished = finished_.find(key, count);
    if (finished) {
      ++result_.reused;
    } else {
      if (!fold) {
        SLIPWAY_TRY(fold.emplace(), folds_(index));
        if (resource > 0 && options_.resource == "rows") fold->train = some_rows(fold->train, resource, options_.seed);
      }
      SLIPWAY_TRY(finished, finish_group(problem_, candidates, group, *fold, metric_, options_.seed, threads_, part));
      SLIPWAY_CHECK(finished_.keep(key, *finished));
    }
    for (std::size_t k = 0; k < count; ++k) {
      Candidate& candidate = result_.candidates[group.candidates[k]];
      candidate.scores.push_back(finished->values[k]);
      candidate.fit_seconds += finished->fit_seconds / static_cast<double>(count);
      kept_[group.candidates[k]].push_back(std::move(finished->scores[k]));
    }
    ++result_.fits;
    result_.fit_seconds += finished->fit_seconds;
    result_.score_seconds += finished->score_seconds;
    return {};
  }

  // Everything that the fit's result depends on.
  std::string key_of(std::span<const learners::Settings> candidates, const FitGroup& group, std::size_t index,
                     std::size_t resource) const {
    Sha256 digest;
    digest.update_framed(options_.key).update_framed(problem_.learner->name).update_framed(metric_.name);
    digest.update_framed(
        fmt::format("{} {} {} {}", options_.seed, plan_.folds, index, options_.resource == "rows" ? resource : 0));
    const auto add = [&](const learners::Settings& settings) {
      digest.update_framed(std::to_string(settings.size()));
      for (const auto& [name, value] : settings) digest.update_framed(name).update_framed(params::canonical(value));
    };
    add(problem_.fixed);
    for (std::size_t candidate : group.candidates) add(candidates[candidate]);
    return digest.hex();
  }

  // The best so far, for whoever watches: those that have been on the most folds.
  std::string board() const {
    constexpr std::size_t most_lines = 5;
    std::vector<Candidate> seen;
    for (const Candidate& candidate : result_.candidates) {
      if (candidate.scores.empty()) continue;
      seen.push_back(candidate);
      take_mean(seen.back());
    }
    const std::size_t shown = std::min(most_lines, seen.size());
    std::partial_sort(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(shown), seen.end(),
                      [&](const Candidate& a, const Candidate& b) {
                        if (a.scores.size() != b.scores.size()) return a.scores.size() > b.scores.size();
                        return before(result_, a, b);
                      });
    std::string text = fmt::format("  {:>12}  {:>8}  {}", result_.metric, "folds", "best so far");
    for (std::size_t i = 0; i < shown; ++i)
      text += fmt::format("\n  {:>12.6g}  {:>4} of {}  {}", seen[i].mean, seen[i].scores.size(), plan_.folds,
                          seen[i].settings.empty() ? "the settings given" : describe(seen[i].settings));
    return text;
  }

  const Problem& problem_;
  const SearchOptions& options_;
  const Plan& plan_;
  const FoldSource& folds_;
  const metrics::Metric& metric_;
  const Threads& threads_;
  Progress& progress_;
  FinishedFits finished_;
  SearchResult result_;
  std::vector<std::vector<std::vector<float>>> kept_{plan_.candidates.size()};  // by candidate, then by fold
};

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
  return Run(problem, options, plan, folds, *metric, threads, progress).search();
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
