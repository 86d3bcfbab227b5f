// From a space to candidates, and from candidates to fits.
#include <set>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>

#include "halving.hpp"
#include "task.hpp"

namespace slipway::search {
namespace {

constexpr std::size_t most_candidates = 100000;

Result<std::size_t> grid_size(const Space& space) {
  std::set<std::string> seen;
  std::size_t size = 1;
  for (const Dimension& dimension : space) {
    if (!seen.insert(dimension.option).second)
      return invalid_input(fmt::format("search: option '{}' stands twice", dimension.option));
    if (dimension.values.empty())
      return invalid_input(fmt::format("search: option '{}' has no values", dimension.option));
    if (size > std::numeric_limits<std::size_t>::max() / dimension.values.size())
      return invalid_input("search: the grid is too large to number its candidates");
    size *= dimension.values.size();
  }
  return size;
}

// The grid's candidate of that number; the last option changes fastest.
learners::Settings candidate_of(const Space& space, std::size_t number) {
  learners::Settings settings(space.size());
  for (std::size_t i = space.size(); i-- > 0;) {
    const std::vector<params::Value>& values = space[i].values;
    settings[i] = {space[i].option, values[number % values.size()]};
    number /= values.size();
  }
  return settings;
}

bool is_random(const SearchOptions& options) {
  return options.method == "random" || options.method == "halving_random";
}

Result<std::vector<std::size_t>> candidate_numbers(const SearchOptions& options, std::size_t grid) {
  std::vector<std::size_t> numbers;
  const bool random = is_random(options);
  if (random && static_cast<std::size_t>(options.iterations) < grid) {
    std::set<std::size_t> drawn;
    Random draw(random_key({options.seed, random_search_key}));
    while (numbers.size() < static_cast<std::size_t>(options.iterations)) {
      const std::size_t number = draw.below(grid);
      if (drawn.insert(number).second) numbers.push_back(number);
    }
    return numbers;
  }
  if (grid > most_candidates)
    return invalid_input(fmt::format("search: {} candidates, at most {}; use method: random", grid, most_candidates));
  for (std::size_t number = 0; number < grid; ++number) numbers.push_back(number);
  return numbers;
}

// Distinct candidates, each option drawn from its distribution or its values.
std::vector<learners::Settings> drawn_candidates(const Space& space, const SearchOptions& options) {
  std::vector<learners::Settings> candidates;
  std::set<std::string> known;
  const auto wanted = static_cast<std::size_t>(options.iterations);
  // Few distinct values, and all of them seen: no more to draw.
  for (std::size_t attempt = 0; candidates.size() < wanted && attempt < 100 * wanted; ++attempt) {
    learners::Settings settings;
    for (std::size_t i = 0; i < space.size(); ++i) {
      Random random(random_key({options.seed, random_search_key, attempt, i}));
      const Dimension& dimension = space[i];
      settings.emplace_back(dimension.option, dimension.distribution
                                                  ? dimension.distribution->draw(random)
                                                  : dimension.values[random.below(dimension.values.size())]);
    }
    if (known.insert(describe(settings)).second) candidates.push_back(std::move(settings));
  }
  return candidates;
}

Result<std::vector<learners::Settings>> candidates_of(const Space& space, const SearchOptions& options) {
  static const std::vector<std::string> methods = {"grid", "random", "halving_grid", "halving_random"};
  if (std::find(methods.begin(), methods.end(), options.method) == methods.end())
    return invalid_input(fmt::format("search: unknown method '{}'{}; expected one of {}", options.method,
                                     suggestion(options.method, methods), list_names(methods)));
  if (is_random(options) && options.iterations < 1) return invalid_input("search: iterations must be at least 1");
  SLIPWAY_TRY(const std::size_t grid, grid_size(space));
  for (const Dimension& dimension : space) {
    if (!dimension.distribution) continue;
    if (is_random(options)) return drawn_candidates(space, options);
    return invalid_input(
        fmt::format("search: {}: a grid needs values, not a distribution: use grid or log_grid with a "
                    "number of steps, or method: random",
                    dimension.option));
  }
  SLIPWAY_TRY(const std::vector<std::size_t> numbers, candidate_numbers(options, grid));
  std::vector<learners::Settings> candidates;
  for (std::size_t number : numbers) candidates.push_back(candidate_of(space, number));
  return candidates;
}

// The rungs of halving: on rows, or on an option that the learner has and the space leaves alone.
Result<std::vector<Rung>> make_rungs(const Problem& problem, const SearchOptions& options, std::size_t candidates) {
  if (!options.method.starts_with("halving")) return std::vector<Rung>{};
  if (!(options.factor > 1)) return invalid_input("search: factor must be above 1");
  if (options.resource == "rows") {
    const std::size_t all =
        options.max_resources ? std::min(problem.rows, static_cast<std::size_t>(*options.max_resources)) : problem.rows;
    const std::size_t classes = problem.task == model::Task::regression ? 1 : static_cast<std::size_t>(problem.classes);
    return rungs_of(options, candidates, 2 * classes * static_cast<std::size_t>(options.folds), all);
  }
  for (const Dimension& dimension : problem.space)
    if (dimension.option == options.resource)
      return invalid_input(fmt::format("search: {} is both the resource of halving and searched", options.resource));
  if (!options.max_resources)
    return invalid_input(
        fmt::format("search: halving on {} needs max_resources: its value at the end", options.resource));
  return rungs_of(options, candidates, 1, static_cast<std::size_t>(*options.max_resources));
}

bool nests(const learners::Learner& learner, std::string_view option) {
  return learner.fit_nested != nullptr && std::find(learner.nesting_options.begin(), learner.nesting_options.end(),
                                                    option) != learner.nesting_options.end();
}

std::string text_of(const Problem& problem, const std::string& resource, const Plan& plan) {
  const auto count = [](std::size_t number, std::string_view noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
  };
  if (!plan.rungs.empty()) {
    std::string text = fmt::format("{}, {}, halving on {}:", count(plan.candidates.size(), "candidate"),
                                   count(plan.folds, "fold"), resource);
    std::size_t most = 0;
    for (const Rung& rung : plan.rungs) {
      text += fmt::format(" {} with {},", rung.candidates, rung.resource);
      most += std::min(rung.candidates, plan.groups.size()) * plan.folds;
    }
    return text + fmt::format(" at most {}", count(most, "fit"));
  }
  const std::size_t fits = plan.groups.size() * plan.folds;
  const std::size_t alone = plan.candidates.size() * plan.folds;
  std::string text = fmt::format("{}, {}: {}", count(plan.candidates.size(), "candidate"), count(plan.folds, "fold"),
                                 count(fits, "fit"));
  if (fits == alone) return text;
  std::vector<std::string> shared;
  for (const Dimension& dimension : problem.space)
    if (nests(*problem.learner, dimension.option)) shared.push_back(dimension.option);
  return text + fmt::format(" instead of {} ({} share a fit)", alone, list_names(shared));
}

}  // namespace

std::vector<FitGroup> groups_of(const learners::Learner& learner, std::span<const learners::Settings> candidates,
                                std::span<const std::size_t> chosen) {
  std::vector<FitGroup> groups;
  std::map<std::string, std::size_t> known;
  for (std::size_t i : chosen) {
    learners::Settings shared;
    for (const auto& setting : candidates[i])
      if (!nests(learner, setting.first)) shared.push_back(setting);
    const auto [place, fresh] = known.emplace(describe(shared), groups.size());
    if (fresh) groups.push_back({shared, {}, learner.fit_nested != nullptr});
    groups[place->second].candidates.push_back(i);
  }
  return groups;
}

std::string describe(const learners::Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings)
    text += (text.empty() ? "" : ", ") + name + "=" +
            (value.kind == params::Value::Kind::scalar ? value.text : params::canonical(value));
  return text;
}

Result<Plan> make_plan(const Problem& problem, const SearchOptions& options) {
  if (problem.learner == nullptr) return internal_error("a search without a learner");
  if (options.folds < 1) return invalid_input(fmt::format("search: {} folds; at least 1", options.folds));
  Plan plan;
  plan.folds = static_cast<std::size_t>(options.folds);
  SLIPWAY_TRY(const metrics::Metric* metric, metric_of(options.metric, problem.task));
  plan.metric = metric->name;
  SLIPWAY_TRY(plan.candidates, candidates_of(problem.space, options));
  SLIPWAY_TRY(plan.rungs, make_rungs(problem, options, plan.candidates.size()));
  for (const learners::Settings& candidate : plan.candidates) {
    learners::Settings all = problem.fixed;
    all.insert(all.end(), candidate.begin(), candidate.end());
    if (!plan.rungs.empty() && options.resource != "rows")
      all.emplace_back(options.resource, params::scalar(std::to_string(plan.rungs[0].resource)));
    SLIPWAY_CHECK(problem.learner->check(all).with_context("search"));
  }
  std::vector<std::size_t> all(plan.candidates.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  plan.groups = groups_of(*problem.learner, plan.candidates, all);
  plan.text = text_of(problem, options.resource, plan);
  return plan;
}

}  // namespace slipway::search
