#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>

#include "actions.hpp"
#include "json_body.hpp"
#include "json_lists.hpp"

namespace slipway::serving {
namespace {

using json = nlohmann::json;

// An object with only the given members; an empty body is an empty object.
Result<json> read_object(std::string_view body, const std::vector<std::string>& members) {
  if (trim(body).empty()) return json::object();
  json root = json::parse(body, nullptr, false);
  if (root.is_discarded()) return invalid_input("the body is no valid JSON: " + describe_json_error(body));
  if (!root.is_object()) return invalid_input("expected an object");
  for (const auto& [key, value] : root.items())
    if (std::find(members.begin(), members.end(), key) == members.end())
      return invalid_input(fmt::format("unknown member {}{}; expected {}", show_text(key),
                                       suggestion(key.substr(0, 256), members), list_names(members)));
  return root;
}

// A member as text; whole numbers count as text (versions).
Result<std::string> text_member(const json& root, const char* name) {
  const auto found = root.find(name);
  if (found == root.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number_unsigned()) return std::to_string(found->get<std::uint64_t>());
  return invalid_input(fmt::format("'{}': expected a text", name));
}

json traffic_json(const Traffic& rule) {
  json out = json::object();
  if (!rule.canary.empty()) out["canary"] = {{"version", rule.canary}, {"share", rule.share}, {"key", rule.key}};
  if (!rule.shadow.empty()) out["shadow"] = rule.shadow;
  return out;
}

json describe_models(const ModelRepository& models) {
  json out = {{"memory", {{"bytes", models.memory_bytes()}, {"limit", models.memory_limit()}}},
              {"models", json::array()}};
  for (const ModelState& state : models.index()) {
    json one = {{"name", state.name}, {"version", state.version}, {"state", state.state}};
    if (!state.reason.empty()) one["reason"] = state.reason;
    for (const auto& [alias, version] : models.aliases(state.name))
      if (version == state.version) one["aliases"].push_back(alias);
    if (const auto model = models.find(state.name, state.version); model.ok() && state.state == "READY") {
      one["digest"] = (*model)->digest();
      one["default"] = models.is_default(**model);
      one["bytes"] = (*model)->memory_bytes();
    }
    if (const auto plan = models.traffic(state.name)) one["traffic"] = traffic_json(plan->rule);
    out["models"].push_back(std::move(one));
  }
  return out;
}

}  // namespace

Result<Traffic> parse_traffic(std::string_view body) {
  SLIPWAY_TRY(const json root, read_object(body, {"canary", "shadow"}));
  Traffic rule;
  SLIPWAY_TRY(rule.shadow, text_member(root, "shadow"));
  const auto canary = root.find("canary");
  if (canary == root.end() || canary->is_null()) return rule;
  SLIPWAY_TRY(const json members, read_object(canary->dump(), {"version", "share", "key"}));
  SLIPWAY_TRY(rule.canary, text_member(members, "version"));
  SLIPWAY_TRY(rule.key, text_member(members, "key"));
  const auto share = members.find("share");
  if (rule.canary.empty() || share == members.end() || !share->is_number())
    return invalid_input("'canary': expected 'version' and 'share', a number from 0 to 1");
  rule.share = share->get<double>();
  return rule;
}

Status answer_admin(const ActionContext& context, const Request& request, const Target& target, Response& response) {
  ModelRepository& models = *context.options.models;
  if (target.action == Action::admin_models) {
    response.body = describe_models(models).dump(-1, ' ', false, json::error_handler_t::replace);
    return {};
  }
  if (target.action == Action::admin_traffic) {
    SLIPWAY_TRY(const Traffic rule, parse_traffic(request.body));
    SLIPWAY_CHECK(models.set_traffic(target.name, rule));
    response.body = traffic_json(rule).dump(-1, ' ', false, json::error_handler_t::replace);
    return {};
  }
  const bool promote = target.action == Action::admin_promote;
  SLIPWAY_TRY(const json root, read_object(request.body, {"version", "why"}));
  SLIPWAY_TRY(const std::string version, text_member(root, "version"));
  SLIPWAY_TRY(const std::string why, text_member(root, "why"));
  if (promote && version.empty()) return invalid_input("'version': expected a version or an alias to promote");
  const std::string who(context.client);
  SLIPWAY_TRY(const std::string served,
              promote ? models.promote(target.name, version, who, why) : models.roll_back(target.name, who, why));
  response.body = fmt::format(R"({{"name":{},"version":{}}})", json_text(target.name), json_text(served));
  return {};
}

}  // namespace slipway::serving
