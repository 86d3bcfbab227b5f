#include <slipway/base/partial_progress.hpp>
#include <slipway/base/random.hpp>

#include "ensemble/ensemble.hpp"
#include "ensemble/members.hpp"
#include "fragments.hpp"
#include "settings.hpp"
#include "training_data.hpp"

namespace slipway::learners::ensemble {
namespace {

struct VotingOptions {
  std::string voting = "soft";
};
constexpr params::Option<VotingOptions> table[] = {
    {"voting",
     &VotingOptions::voting,
     "soft: the mean of probabilities (or predictions); hard: each member votes for its likeliest class, and the "
     "scores "
     "are the shares of the votes",
     {.choices = "soft|hard"}},
};
constexpr Layout layout = {"voting", "members", "[random_forest, gradient_boosting]", false, true};

struct Read {
  VotingOptions options;
  Parts parts;
};

Result<Read> read(const Settings& settings) {
  Read result;
  SLIPWAY_TRY(result.parts, take_apart(settings, layout));
  Parts& parts = result.parts;
  SLIPWAY_CHECK(apply_settings<VotingOptions>(result.options, table, parts.own, layout.learner, layout_names(layout)));
  if (parts.weights.empty())
    parts.weights.assign(parts.members.size(), 1.0 / static_cast<double>(parts.members.size()));
  return result;
}

// Probabilities become 1 for the largest, the first on ties as NumPy's argmax has it, and 0 for the others.
void add_vote(Fragment& fragment) {
  using Op = model::ExpressionNode::Op;
  const model::ValueId scores = last_value(fragment);
  const std::vector<std::string> names = fragment.columns.back();
  const auto classes = static_cast<std::uint32_t>(names.size());
  model::Join join{};
  for (std::uint32_t mine = 0; mine < classes; ++mine) {
    model::Expression vote{};
    vote.inputs = {scores};
    const auto add_column = [&](std::uint32_t column) {
      model::ExpressionNode node{};
      node.op = Op::column;
      node.column = column;
      vote.nodes.push_back(node);
    };
    const auto add_op = [&](Op op) {
      model::ExpressionNode node{};
      node.op = op;
      vote.nodes.push_back(node);
    };
    for (std::uint32_t other = 0, compared = 0; other < classes; ++other) {
      if (other == mine) continue;
      add_column(mine);
      add_column(other);
      add_op(other < mine ? Op::greater : Op::greater_equal);
      vote.source +=
          fmt::format("{}{} {} {}", compared == 0 ? "" : " and ", names[mine], other < mine ? ">" : ">=", names[other]);
      if (compared++ > 0) add_op(Op::logical_and);
    }
    join.inputs.push_back(add(fragment, std::move(vote), {"vote_" + names[mine]}));
  }
  add(fragment, std::move(join), names);
}

Result<Fragment> fit(const TrainingData& data, const Settings& settings, std::uint64_t seed, const Threads& threads,
                     Progress& progress) {
  SLIPWAY_TRY(const Read given, read(settings));
  const Parts& parts = given.parts;
  SLIPWAY_CHECK(check_training_data(data).with_context(layout.learner));
  const bool hard = given.options.voting == "hard";
  if (hard && data.task == model::Task::regression)
    return invalid_input("voting: hard: only classes can be voted for; expected soft");
  const Stage stage(progress, fmt::format("voting: {} members", parts.members.size()),
                    parts.members.size() * PartialProgress::units);
  std::vector<Fragment> fragments;
  for (std::size_t i = 0; i < parts.members.size(); ++i) {
    PartialProgress part(progress);
    SLIPWAY_TRY(Fragment fragment,
                fit_member(parts.members[i], data, combine_key(seed, i), threads, part).with_context(layout.learner));
    if (hard) add_vote(fragment);
    fragments.push_back(std::move(fragment));
  }
  return mean_of(fragments, parts.weights);
}

}  // namespace

Learner voting() {
  Learner learner;
  learner.name = layout.learner;
  learner.documentation = "weighted mean of several learners' probabilities or predictions, or of their votes";
  describe(learner, layout, std::span<const params::Option<VotingOptions>>(table));
  learner.check = checked_by(read);
  learner.takes_missing_with = [](const Settings& settings, model::Task task) {
    const auto given = read(settings);
    return !given.ok() || take_missing(given->parts, false, task);
  };
  learner.fit = fit;
  return learner;
}

}  // namespace slipway::learners::ensemble
