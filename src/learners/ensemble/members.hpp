// The members of an ensemble as settings name them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <slipway/learners/learner.hpp>

namespace slipway::learners::ensemble {

struct Member {
  std::string name;     // in dotted settings, distinct within an ensemble
  std::string learner;  // in the catalogue, or "linear"
  Settings settings;
  std::optional<params::Value> calibrate;

  // The learner for a task: "linear" resolved, calibrated if asked for.
  Result<Learner> resolve(model::Task task) const;
  // The settings that `resolve` takes.
  Result<Settings> all_settings() const;
  // Reads the settings without fitting; the task is not known yet.
  Status check() const;
};

// What an ensemble has beside its own options.
struct Layout {
  std::string_view learner;          // "stacking"
  std::string_view key;              // "members", or "member" for exactly one
  std::string_view default_members;  // as YAML
  bool has_final = false;            // `final`, one more member
  bool has_weights = false;          // `weights`, one number per member
};

struct Parts {
  Settings own;  // for the ensemble's own table
  std::vector<Member> members;
  std::optional<Member> final;
  std::vector<double> weights;  // empty: all the same
};

// Settings taken apart: members first, then what dotted names say of them. Every member's settings are checked.
Result<Parts> take_apart(const Settings& settings, const Layout& layout);

// Whether all members take missing numbers, and the final learner too if it sees the features.
bool take_missing(const Parts& parts, bool final_sees_features, model::Task task);

// How the layout's keys are documented.
std::vector<params::Description> describe_layout(const Layout& layout);
std::vector<std::string> layout_names(const Layout& layout);

// Gives a learner the layout's keys and its own options.
template <class Options>
void describe(Learner& learner, const Layout& layout, std::span<const params::Option<Options>> own) {
  learner.options = describe_layout(layout);
  for (params::Description& option : params::describe(own)) learner.options.push_back(std::move(option));
}

// A Learner::check of what reads the settings.
template <class Read>
std::function<Status(const Settings&)> checked_by(Read read) {
  return [read](const Settings& settings) -> Status {
    SLIPWAY_CHECK(read(settings));
    return {};
  };
}

// Fits a member; the context of an error names it.
Result<Fragment> fit_member(const Member& member, const TrainingData& data, std::uint64_t seed, const Threads& threads,
                            Progress& progress);

}  // namespace slipway::learners::ensemble
