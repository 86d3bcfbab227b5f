#include "boosting/boosting.hpp"

#include <fmt/format.h>

#include "boosting/booster.hpp"

namespace slipway::learners::boosting {
namespace {

constexpr std::string_view name = "gradient_boosting";

class NestedBoosting final : public NestedFit {
 public:
  NestedBoosting(BoostingOptions shared, int most_rounds, BoostedModel model)
      : shared_(std::move(shared)), most_rounds_(most_rounds), model_(std::move(model)) {}

  Result<Fragment> extract(const Settings& point) const override {
    SLIPWAY_TRY(const std::size_t rounds, rounds_of(point));
    return fragment_of(model_, rounds);
  }

  Result<std::vector<model::Block>> predict(std::span<const Settings> points, const model::Block& features,
                                            const Threads& threads) const override {
    std::vector<std::size_t> rounds;
    for (const Settings& point : points) {
      SLIPWAY_TRY(rounds.emplace_back(), rounds_of(point));
    }
    return staged_scores(model_, rounds, features, threads);
  }

 private:
  Result<std::size_t> rounds_of(const Settings& point) const {
    SLIPWAY_TRY(BoostingOptions options, read_options(point, shared_));
    const int wanted = std::exchange(options.n_estimators, shared_.n_estimators);
    for (const auto& option : boosting_table())
      if (params::show_option(options, option) != params::show_option(shared_, option))
        return invalid_input(fmt::format("{}: {} was {} at the fit and is {} now, which needs a fit of its own", name,
                                         option.name, params::show_option(shared_, option),
                                         params::show_option(options, option)));
    if (wanted > most_rounds_)
      return invalid_input(fmt::format("{}: n_estimators {} goes beyond the fit of {} rounds it should be cut out of",
                                       name, wanted, most_rounds_));
    return model_.rounds_kept(static_cast<std::size_t>(wanted));
  }

  BoostingOptions shared_;
  int most_rounds_;
  BoostedModel model_;
};

Result<Fragment> fit(const TrainingData& data, const Settings& settings, std::uint64_t seed, const Threads& threads,
                     Progress& progress) {
  SLIPWAY_TRY(const BoostingOptions options, read_options(settings));
  SLIPWAY_TRY(const BoostedModel model, boost(data, options, seed, threads, progress).with_context(name));
  return fragment_of(model, model.rounds_kept(static_cast<std::size_t>(options.n_estimators)));
}

Result<std::unique_ptr<NestedFit>> fit_nested(const TrainingData& data, const Settings& settings,
                                              std::span<const Settings> points, std::uint64_t seed,
                                              const Threads& threads, Progress& progress) {
  SLIPWAY_TRY(const BoostingOptions shared, read_options(settings));
  BoostingOptions longest = shared;
  bool first = true;
  for (const Settings& point : points) {
    SLIPWAY_TRY(const BoostingOptions options, read_options(point, shared));
    longest.n_estimators = first ? options.n_estimators : std::max(longest.n_estimators, options.n_estimators);
    first = false;
  }
  SLIPWAY_TRY(BoostedModel model, boost(data, longest, seed, threads, progress).with_context(name));
  std::unique_ptr<NestedFit> nested = std::make_unique<NestedBoosting>(shared, longest.n_estimators, std::move(model));
  return nested;
}

}  // namespace

Learner gradient_boosting() {
  Learner learner;
  learner.name = name;
  learner.documentation = "sum of small trees, each fitted to what the ones before left over";
  learner.options = params::describe(boosting_table());
  learner.nesting_options = {"n_estimators"};
  learner.check = [](const Settings& settings) -> Status {
    SLIPWAY_CHECK(read_options(settings));
    return {};
  };
  learner.fit = fit;
  learner.fit_nested = fit_nested;
  learner.memory = [](const FitSize& size, const Settings& settings) -> Result<std::size_t> {
    SLIPWAY_TRY(const BoostingOptions options, read_options(settings));
    return boosting_bytes(size, options);
  };
  return learner;
}

}  // namespace slipway::learners::boosting
