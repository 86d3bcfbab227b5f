#include "ensemble/members.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/learners/calibration.hpp>

namespace slipway::learners::ensemble {
namespace {

using params::Value;

constexpr std::string_view linear = "linear";

std::string_view linear_for(model::Task task) {
  return task == model::Task::regression ? "linear_regression" : "logistic_regression";
}

// "random_forest", or "{random_forest: {n_estimators: 100}}".
Result<Member> read_member(const Value& value, std::string_view what) {
  Member member;
  if (value.kind == Value::Kind::scalar) {
    member.learner = value.text;
  } else if (value.kind == Value::Kind::map && value.entries.size() == 1) {
    member.learner = value.entries[0].key;
    const Value& options = value.entries[0].value;
    if (!options.is_null() && options.kind != Value::Kind::map)
      return options.error(fmt::format("{}: {}: expected options with their values", what, member.learner));
    for (const Value::Entry& entry : options.entries) {
      if (entry.key == "calibrate") {
        member.calibrate = entry.value;
      } else {
        member.settings.emplace_back(entry.key, entry.value);
      }
    }
  } else {
    return value.error(fmt::format("{}: expected a learner, or one learner with its options", what));
  }
  if (member.learner != linear)
    if (const auto known = find_learner(member.learner); !known.ok())
      return value.error(fmt::format("{}: {}", what, known.error().message()));
  member.name = member.learner;
  return member;
}

Result<std::vector<Member>> read_members(const Value& value, const Layout& layout) {
  std::vector<Member> members;
  const bool several = layout.key == "members";
  if (several && value.kind != Value::Kind::list)
    return value.error(
        fmt::format("{}: expected a list of learners, as in [random_forest, gradient_boosting]", layout.key));
  if (several && value.items.empty()) return value.error(fmt::format("{}: no learner in the list", layout.key));
  const std::vector<Value> alone = {value};
  for (const Value& item : several ? value.items : alone) {
    SLIPWAY_TRY(Member member, read_member(item, layout.key));
    const auto same = std::count_if(members.begin(), members.end(),
                                    [&](const Member& other) { return other.learner == member.learner; });
    if (same > 0) member.name += fmt::format("_{}", same + 1);
    members.push_back(std::move(member));
  }
  return members;
}

Result<std::vector<double>> read_weights(const Value& value) {
  if (value.is_null()) return std::vector<double>{};
  std::vector<double> weights;
  double sum = 0;
  for (const Value& item : value.kind == Value::Kind::list ? value.items : std::vector{value}) {
    SLIPWAY_TRY(const double weight, item.number().with_context("weights"));
    if (!(weight >= 0) || !std::isfinite(weight))
      return item.error(fmt::format("weights: {}; expected a number of at least 0", item.text));
    weights.push_back(weight);
    sum += weight;
  }
  if (!(sum > 0)) return value.error("weights: all are 0");
  for (double& weight : weights) weight /= sum;
  return weights;
}

// "random_forest.n_estimators" -> ("random_forest", "n_estimators")
std::optional<std::pair<std::string, std::string>> split_name(const std::string& name) {
  const std::size_t point = name.find('.');
  if (point == std::string::npos) return std::nullopt;
  return std::pair{name.substr(0, point), name.substr(point + 1)};
}

Status set_member_option(Parts& parts, const Layout& layout, const std::string& owner, const std::string& option,
                         const Value& value) {
  std::vector<std::string> names;
  Member* found = parts.final && owner == "final" ? &*parts.final : nullptr;
  for (Member& member : parts.members) {
    if (member.name == owner) found = &member;
    names.push_back(member.name);
  }
  if (parts.final) names.emplace_back("final");
  if (found == nullptr)
    return value.error(fmt::format("{} has no member '{}'{}; it has {}", layout.learner, owner,
                                   suggestion(owner, names), list_names(names, names.size())));
  if (option == "calibrate") {
    found->calibrate = value;
    return {};
  }
  found->settings.emplace_back(option, value);
  return {};
}

}  // namespace

Result<Learner> Member::resolve(model::Task task) const {
  SLIPWAY_TRY(const Learner* base, find_learner(learner == linear ? linear_for(task) : std::string_view(learner)));
  if (!calibrate) return *base;
  return calibrated(*base);
}

Result<Settings> Member::all_settings() const {
  if (!calibrate) return settings;
  SLIPWAY_TRY(Settings all, calibration_settings(*calibrate));
  all.insert(all.begin(), settings.begin(), settings.end());
  return all;
}

Status Member::check() const {
  SLIPWAY_TRY(const Settings all, all_settings().with_context(name));
  const auto check_for = [&](model::Task task) -> Status {
    SLIPWAY_TRY(const Learner resolved, resolve(task));
    return resolved.check(all).with_context(name);
  };
  Status status = check_for(model::Task::binary);
  if (!status.ok() && learner == linear && check_for(model::Task::regression).ok()) return {};
  return status;
}

Result<Parts> take_apart(const Settings& settings, const Layout& layout) {
  Parts parts;
  SLIPWAY_TRY(Value members, params::parse_yaml(layout.default_members, ""));
  Value final = params::scalar(linear);
  for (const auto& [name, value] : settings) {
    if (name == layout.key) {
      members = value;
    } else if (layout.has_final && name == "final") {
      final = value;
    } else if (layout.has_weights && name == "weights") {
      SLIPWAY_TRY(parts.weights, read_weights(value));
    } else if (!split_name(name)) {
      parts.own.emplace_back(name, value);
    }
  }
  SLIPWAY_TRY(parts.members, read_members(members, layout));
  if (layout.has_final) {
    SLIPWAY_TRY(parts.final, read_member(final, "final"));
  }
  for (const auto& [name, value] : settings)
    if (const auto path = split_name(name))
      SLIPWAY_CHECK(set_member_option(parts, layout, path->first, path->second, value));
  if (!parts.weights.empty() && parts.weights.size() != parts.members.size())
    return invalid_input(
        fmt::format("{}: {} weights for {} members", layout.learner, parts.weights.size(), parts.members.size()));
  for (const Member& member : parts.members) SLIPWAY_CHECK(member.check().with_context(layout.learner));
  if (parts.final) SLIPWAY_CHECK(parts.final->check().with_context("final"));
  return parts;
}

bool take_missing(const Parts& parts, bool final_sees_features, model::Task task) {
  const auto takes = [&](const Member& member) {
    const auto learner = member.resolve(task);
    return !learner.ok() || takes_missing(*learner, member.settings, task);
  };
  return std::all_of(parts.members.begin(), parts.members.end(), takes) &&
         (!final_sees_features || !parts.final || takes(*parts.final));
}

std::vector<params::Description> describe_layout(const Layout& layout) {
  std::vector<params::Description> descriptions;
  const bool several = layout.key == "members";
  descriptions.push_back({std::string(layout.key),
                          several ? "list of learners" : "learner",
                          std::string(layout.default_members),
                          several
                              ? "the learners, by name or as {name: {option: value}}; `NAME.option` sets a member's "
                                "option, NAME_2 is the second of a kind"
                              : "the learner, by name or as {name: {option: value}}; `NAME.option` sets its option",
                          {}});
  if (layout.has_weights)
    descriptions.push_back({"weights", "list of numbers", "", "how much each member counts; empty: all the same", {}});
  if (layout.has_final)
    descriptions.push_back({"final",
                            "learner",
                            std::string(linear),
                            "what learns from the members' predictions; linear: logistic or linear regression; "
                            "`final.option` sets its option",
                            {}});
  return descriptions;
}

std::vector<std::string> layout_names(const Layout& layout) {
  std::vector<std::string> names;
  for (const auto& description : describe_layout(layout)) names.push_back(description.name);
  return names;
}

Result<Fragment> fit_member(const Member& member, const TrainingData& data, std::uint64_t seed, const Threads& threads,
                            Progress& progress) {
  SLIPWAY_TRY(const Learner learner, member.resolve(data.task));
  SLIPWAY_TRY(const Settings settings, member.all_settings());
  return learner.fit(data, settings, seed, threads, progress).with_context(member.name);
}

}  // namespace slipway::learners::ensemble
