#include "routes.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/serving/http.hpp>

#include "json_body.hpp"

namespace slipway::serving {
namespace {

struct Fixed {
  std::string_view path;
  Action action;
  Route route;
  std::string_view allowed;
};

constexpr Fixed fixed_paths[] = {
    {"/", Action::root, Route::root, "GET"},
    {"/score", Action::score, Route::score, "POST"},
    {"/invocations", Action::invocations, Route::invocations, "POST"},
    {"/metrics", Action::metrics, Route::metrics, "GET"},
    {"/ping", Action::ping, Route::health, "GET"},
    {"/health", Action::ping, Route::health, "GET"},
    {"/version", Action::product_version, Route::metadata, "GET"},
    {"/v2", Action::server_metadata, Route::metadata, "GET"},
    {"/v2/health/live", Action::live, Route::health, "GET"},
    {"/v2/health/ready", Action::ready, Route::health, "GET"},
    {"/v2/models", Action::model_list, Route::metadata, "GET"},
    {"/v2/repository/index", Action::index, Route::repository, "POST"},
    {"/v2/models/stats", Action::statistics, Route::metadata, "GET"},
    {"/v1/models", Action::model_list, Route::metadata, "GET"},
    {"/monitoring/prometheus/metrics", Action::metrics, Route::metrics, "GET"},
    {"/openapi.json", Action::openapi, Route::metadata, "GET"},
    {"/admin/models", Action::admin_models, Route::admin, "GET"},
};

Error unknown_path(std::string_view path) {
  std::vector<std::string> known;
  for (const Fixed& fixed : fixed_paths) known.emplace_back(fixed.path);
  return not_found(
      fmt::format("no such path: {}{}; GET / lists them", show_text(path), suggestion(path.substr(0, 64), known)));
}

Target make(Action action, Route route, std::string_view allowed, std::string_view name, std::string_view version) {
  Target target;
  target.action = action;
  target.route = route;
  target.allowed = allowed;
  target.scores = allowed == "POST" && (route == Route::v2_infer || route == Route::tensorflow_predict ||
                                        route == Route::score || route == Route::invocations);
  target.name = percent_decode(name);
  target.version = percent_decode(version);
  target.open = route == Route::health && action != Action::model_ready;
  target.admin = action == Action::load || action == Action::unload || route == Route::admin;
  target.loads = action == Action::load || action == Action::unload || action == Action::admin_promote ||
                 action == Action::admin_roll_back;
  return target;
}

// The first segment of a path, which is taken off: "fraud" of "fraud/infer".
std::string_view take_segment(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return segment;
}

// What follows /v2/models/
std::optional<Target> parse_v2_model(std::string_view rest) {
  const std::string_view name = take_segment(rest);
  std::string_view version;
  std::string_view last = take_segment(rest);
  if (last == "versions") {
    version = take_segment(rest);
    if (version.empty()) return std::nullopt;
    last = take_segment(rest);
  }
  if (name.empty() || !rest.empty()) return std::nullopt;
  if (last.empty()) return make(Action::model_metadata, Route::metadata, "GET", name, version);
  if (last == "ready") return make(Action::model_ready, Route::health, "GET", name, version);
  if (last == "config") return make(Action::model_config, Route::metadata, "GET", name, version);
  if (last == "stats") return make(Action::statistics, Route::metadata, "GET", name, version);
  if (last == "infer") return make(Action::infer, Route::v2_infer, "POST", name, version);
  return std::nullopt;
}

// What follows /v1/models/
std::optional<Target> parse_tensorflow_model(std::string_view rest) {
  std::string_view verb;
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    verb = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  const std::string_view name = take_segment(rest);
  std::string_view version;
  std::string_view last = take_segment(rest);
  const bool label = last == "labels";
  if (last == "versions" || label) {
    version = take_segment(rest);
    if (version.empty()) return std::nullopt;
    last = take_segment(rest);
  }
  if (name.empty() || !rest.empty()) return std::nullopt;
  std::optional<Target> target;
  if (verb.empty() && last.empty())
    target = make(Action::tensorflow_status, Route::tensorflow_status, "GET", name, version);
  else if (verb.empty() && last == "metadata")
    target = make(Action::tensorflow_metadata, Route::metadata, "GET", name, version);
  else if (last.empty())
    for (const auto& [word, action] :
         {std::pair{"predict", Action::tensorflow_predict}, std::pair{"classify", Action::tensorflow_classify},
          std::pair{"regress", Action::tensorflow_regress}, std::pair{"explain", Action::kserve_explain}})
      if (verb == word) target = make(action, Route::tensorflow_predict, "POST", name, version);
  if (target) target->label = label;
  return target;
}

// What follows /admin/models/
std::optional<Target> parse_admin(std::string_view rest) {
  const std::string_view name = take_segment(rest);
  if (name.empty()) return std::nullopt;
  for (const auto& [word, action] :
       {std::pair{"load", Action::load}, std::pair{"unload", Action::unload},
        std::pair{"promote", Action::admin_promote}, std::pair{"rollback", Action::admin_roll_back},
        std::pair{"traffic", Action::admin_traffic}})
    if (rest == word) return make(action, Route::admin, "POST", name, "");
  return std::nullopt;
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  for (const Fixed& fixed : fixed_paths)
    if (fixed.path == path) return make(fixed.action, fixed.route, fixed.allowed, "", "");
  std::optional<Target> found;
  constexpr std::string_view v2_models = "/v2/models/", v1_models = "/v1/models/", loads = "/v2/repository/models/",
                             admin = "/admin/models/";
  if (path.starts_with(v2_models)) {
    found = parse_v2_model(path.substr(v2_models.size()));
  } else if (path.starts_with(v1_models)) {
    found = parse_tensorflow_model(path.substr(v1_models.size()));
  } else if (path.starts_with(loads)) {
    std::string_view rest = path.substr(loads.size());
    const std::string_view name = take_segment(rest);
    if (!name.empty() && rest == "load") found = make(Action::load, Route::repository, "POST", name, "");
    if (!name.empty() && rest == "unload") found = make(Action::unload, Route::repository, "POST", name, "");
  } else if (path.starts_with(admin)) {
    found = parse_admin(path.substr(admin.size()));
  }
  if (!found) return unknown_path(path);
  return std::move(*found);
}

}  // namespace slipway::serving
