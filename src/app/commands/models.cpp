// slipway models: what the registry holds, and moving its aliases.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/package/signature.hpp>
#include <slipway/registry/registry.hpp>

#include "commands.hpp"
#include "versions.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

struct Arguments {
  std::string action = "list";
  std::string reference;
  std::string alias;
  std::string folder = "models";
  std::string why;
  std::string other;
  std::string key;
  std::vector<std::string> gates;
};

json to_json(const registry::Version& version) {
  return {{"name", version.name},
          {"version", version.version},
          {"path", version.path.string()},
          {"digest", version.digest},
          {"registered", format_time(version.registered)},
          {"who", version.who},
          {"why", version.why},
          {"gates", version.gates},
          {"aliases", version.aliases}};
}

Status list(const registry::Registry& registry, const Arguments& arguments, Console& console) {
  SLIPWAY_TRY(const auto versions, registry.list(arguments.reference));
  std::vector<std::vector<std::string>> lines = {{"model", "version", "aliases", "registered", "why"}};
  json document = json::array();
  for (const auto& version : versions) {
    lines.push_back({version.name, std::to_string(version.version), list_names(version.aliases),
                     format_time(version.registered), version.why});
    document.push_back(to_json(version));
  }
  console.print(align(lines));
  console.document({{"models", document}});
  return {};
}

Status history(const registry::Registry& registry, const Arguments& arguments, Console& console) {
  SLIPWAY_TRY(const auto events, registry.history(arguments.reference));
  std::vector<std::vector<std::string>> lines = {{"time", "event", "model", "version", "alias", "who", "why"}};
  json document = json::array();
  for (const auto& event : events) {
    lines.push_back({format_time(event.time), event.event, event.name, std::to_string(event.version), event.alias,
                     event.who, event.why});
    document.push_back({{"time", format_time(event.time)},
                        {"event", event.event},
                        {"name", event.name},
                        {"version", event.version},
                        {"alias", event.alias},
                        {"previous", event.previous},
                        {"who", event.who},
                        {"why", event.why},
                        {"gates", event.gates}});
  }
  console.print(align(lines));
  console.document({{"history", document}});
  return {};
}

// Against the version named second, or the champion.
Status diff(const registry::Registry& registry, const registry::Version& version, const Arguments& arguments,
            Console& console) {
  SLIPWAY_TRY(const auto other, registry.resolve(arguments.other.empty() ? version.name : arguments.other));
  SLIPWAY_TRY(const auto differences, compare_versions(version.path, other.path));
  const std::string name = fmt::format("{}/{}", version.name, version.version),
                    other_name = fmt::format("{}/{}", other.name, other.version);
  std::vector<std::vector<std::string>> lines = {{"", name, other_name}};
  json document = json::array();
  for (const Difference& one : differences) {
    lines.push_back({one.what, one.left, one.right});
    document.push_back({{"what", one.what}, {"left", one.left}, {"right", one.right}});
  }
  console.print(differences.empty() ? fmt::format("{} and {} do not differ", name, other_name) : align(lines));
  console.document({{"left", name}, {"right", other_name}, {"differences", document}});
  return {};
}

Status act(Arguments arguments, Console& console) {
  static const std::vector<std::string> actions = {"list",    "show",      "history", "verify", "diff",
                                                   "promote", "roll-back", "alias",   "sign"};
  // `slipway models FOLDER` lists that registry.
  if (registry::Registry::is_registry(arguments.action)) arguments.folder = std::exchange(arguments.action, "list");
  if (std::find(actions.begin(), actions.end(), arguments.action) == actions.end())
    return invalid_input(fmt::format("models: '{}' is neither an action{} nor a registry's folder; actions are {}",
                                     arguments.action, suggestion(arguments.action, actions), list_names(actions)));
  SLIPWAY_TRY(const auto registry, registry::Registry::open(arguments.folder));
  const registry::Reason reason{"", arguments.why};
  if (arguments.action == "list") return list(registry, arguments, console);
  if (arguments.action == "history") return history(registry, arguments, console);
  if (arguments.action == "verify") {
    SLIPWAY_CHECK(registry.verify());
    console.print("the history and every bundle are as they were written");
    console.document({{"verified", true}});
    return {};
  }
  if (arguments.reference.empty())
    return invalid_input(fmt::format("models {}: name a model, as in fraud/3", arguments.action));
  if (arguments.action == "roll-back") {
    SLIPWAY_TRY(const auto version, registry.roll_back(arguments.reference, reason));
    console.print(fmt::format("champion of {} is version {} again", version.name, version.version));
    console.document(to_json(version));
    return {};
  }
  SLIPWAY_TRY(auto version, registry.resolve(arguments.reference));
  if (arguments.action == "show") {
    console.print(align({{"model", version.name},
                         {"version", std::to_string(version.version)},
                         {"aliases", list_names(version.aliases)},
                         {"registered", format_time(version.registered)},
                         {"who", version.who},
                         {"why", version.why},
                         {"digest", version.digest},
                         {"path", version.path.string()}}));
    console.document(to_json(version));
    return {};
  }
  if (arguments.action == "diff") return diff(registry, version, arguments, console);
  if (arguments.action == "sign") {
    if (arguments.key.empty()) return invalid_input("models sign: --key names the private key's PEM file");
    SLIPWAY_CHECK(package::sign_bundle(version.path, arguments.key));
    console.print(fmt::format("{} version {} is signed", version.name, version.version));
    console.document(to_json(version));
    return {};
  }
  if (arguments.action == "promote") {
    SLIPWAY_TRY(const registry::Gates gates, pass_gates(registry, version, arguments.gates));
    SLIPWAY_CHECK(registry.promote(version.name, version.version, reason, gates));
  } else {
    if (arguments.alias.empty()) return invalid_input("models alias: --alias names the alias, as in challenger");
    SLIPWAY_CHECK(registry.set_alias(version.name, arguments.alias, version.version, reason));
  }
  SLIPWAY_TRY(version, registry.resolve(fmt::format("{}/{}", version.name, version.version)));
  console.print(fmt::format("{} version {}: {}", version.name, version.version, list_names(version.aliases)));
  console.document(to_json(version));
  return {};
}

}  // namespace

void add_models(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("models", "List the registry's models; show, promote, roll back");
  auto arguments = std::make_shared<Arguments>();
  command
      ->add_option(
          "action", arguments->action,
          "list, show, diff, history, verify, promote, roll-back, alias or sign; or a registry's folder to list")
      ->capture_default_str();
  command->add_option("model", arguments->reference, "fraud (its champion), fraud@challenger or fraud/3");
  command->add_option("other", arguments->other, "with diff: what to compare with; the champion if it is left out");
  command->add_option("--gate", arguments->gates,
                      "with promote: what the version's evaluation must meet, as \"average_precision >= 0.5\" or "
                      "\"roc_auc >= champion\"; may be given several times");
  command->add_option("--key", arguments->key, "with sign: PEM file of an Ed25519 private key");
  command->add_option("--alias", arguments->alias, "with alias: which one to point at the model");
  command->add_option("--registry", arguments->folder, "the registry's folder")->capture_default_str();
  command->add_option("--why", arguments->why, "the reason, kept in the history");
  command->footer("Example: slipway models promote fraud/3 --why \"passed the shadow week\"");
  command->callback(
      [arguments, &context] { context.action = [arguments, &context] { return act(*arguments, context.console); }; });
}

}  // namespace slipway::app
