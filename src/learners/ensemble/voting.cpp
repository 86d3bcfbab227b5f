#include <slipway/base/partial_progress.hpp>
#include <slipway/base/random.hpp>

#include "ensemble/ensemble.hpp"
#include "ensemble/members.hpp"
#include "fragments.hpp"
#include "settings.hpp"
#include "training_data.hpp"

namespace slipway::learners::ensemble {
namespace {

constexpr Layout layout = {"voting", "members", "[random_forest, gradient_boosting]", false, true};

Result<Parts> read(const Settings& settings) {
  SLIPWAY_TRY(Parts parts, take_apart(settings, layout));
  struct None {
  } none;
  SLIPWAY_CHECK(apply_settings<None>(none, {}, parts.own, layout.learner, layout_names(layout)));
  if (parts.weights.empty())
    parts.weights.assign(parts.members.size(), 1.0 / static_cast<double>(parts.members.size()));
  return parts;
}

Result<Fragment> fit(const TrainingData& data, const Settings& settings, std::uint64_t seed, const Threads& threads,
                     Progress& progress) {
  SLIPWAY_TRY(const Parts parts, read(settings));
  SLIPWAY_CHECK(check_training_data(data).with_context(layout.learner));
  const Stage stage(progress, fmt::format("voting: {} members", parts.members.size()),
                    parts.members.size() * PartialProgress::units);
  std::vector<Fragment> fragments;
  for (std::size_t i = 0; i < parts.members.size(); ++i) {
    PartialProgress part(progress);
    SLIPWAY_TRY(fragments.emplace_back(),
                fit_member(parts.members[i], data, combine_key(seed, i), threads, part).with_context(layout.learner));
  }
  return mean_of(fragments, parts.weights);
}

}  // namespace

Learner voting() {
  Learner learner;
  learner.name = layout.learner;
  learner.documentation = "weighted mean of several learners' probabilities or predictions";
  learner.options = describe_layout(layout);
  learner.check = [](const Settings& settings) -> Status {
    SLIPWAY_CHECK(read(settings));
    return {};
  };
  learner.takes_missing_with = [](const Settings& settings, model::Task task) {
    const auto given = read(settings);
    return !given.ok() || take_missing(*given, false, task);
  };
  learner.fit = fit;
  return learner;
}

}  // namespace slipway::learners::ensemble
