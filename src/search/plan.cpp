// From a space to candidates, and from candidates to fits.
#include <set>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>

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

Result<std::vector<std::size_t>> candidate_numbers(const SearchOptions& options, std::size_t grid) {
  std::vector<std::size_t> numbers;
  const bool random = options.method == "random";
  if (!random && options.method != "grid")
    return invalid_input(fmt::format("search: unknown method '{}'; expected grid or random", options.method));
  if (random && options.iterations < 1) return invalid_input("search: iterations must be at least 1");
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

bool nests(const learners::Learner& learner, std::string_view option) {
  return learner.fit_nested != nullptr && std::find(learner.nesting_options.begin(), learner.nesting_options.end(),
                                                    option) != learner.nesting_options.end();
}

// Candidates that agree in all that does not nest, in order of first appearance.
std::vector<FitGroup> groups_of(const learners::Learner& learner, const std::vector<learners::Settings>& candidates) {
  std::vector<FitGroup> groups;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    learners::Settings shared;
    for (const auto& setting : candidates[i]) {
      if (!nests(learner, setting.first)) shared.push_back(setting);
    }
    const auto [place, fresh] = known.emplace(describe(shared), groups.size());
    if (fresh) groups.push_back({shared, {}, learner.fit_nested != nullptr});
    groups[place->second].candidates.push_back(i);
  }
  return groups;
}

std::string text_of(const Problem& problem, const Plan& plan) {
  const auto count = [](std::size_t number, std::string_view noun) {
    return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
  };
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

std::string describe(const learners::Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings)
    text += (text.empty() ? "" : ", ") + name + "=" +
            (value.kind == params::Value::Kind::scalar ? value.text : params::canonical(value));
  return text;
}

Result<Plan> make_plan(const Problem& problem, const SearchOptions& options) {
  if (problem.learner == nullptr) return internal_error("a search without a learner");
  if (options.folds < 2) return invalid_input(fmt::format("search: {} folds; at least 2", options.folds));
  Plan plan;
  plan.folds = static_cast<std::size_t>(options.folds);
  SLIPWAY_TRY(const metrics::Metric* metric, metric_of(options.metric, problem.task));
  plan.metric = metric->name;
  SLIPWAY_TRY(const std::size_t grid, grid_size(problem.space));
  SLIPWAY_TRY(const std::vector<std::size_t> numbers, candidate_numbers(options, grid));
  for (std::size_t number : numbers) plan.candidates.push_back(candidate_of(problem.space, number));
  for (const learners::Settings& candidate : plan.candidates) {
    learners::Settings all = problem.fixed;
    all.insert(all.end(), candidate.begin(), candidate.end());
    SLIPWAY_CHECK(problem.learner->check(all).with_context("search"));
  }
  plan.groups = groups_of(*problem.learner, plan.candidates);
  plan.text = text_of(problem, plan);
  return plan;
}

}  // namespace slipway::search
