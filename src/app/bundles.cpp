#include "bundles.hpp"

#include <filesystem>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/registry/registry.hpp>

namespace slipway::app {

namespace fs = std::filesystem;

Result<package::Bundle> find_bundle(const std::string& location) {
  const fs::path path(location);
  if (fs::exists(path / "manifest.json")) return package::open_bundle(path).with_context(location);
  if (registry::Registry::is_registry(path)) {
    SLIPWAY_TRY(const auto registry, registry::Registry::open(path));
    SLIPWAY_TRY(const auto names, registry.names());
    if (names.size() != 1)
      return invalid_input(fmt::format("{} holds {} models ({}); name one, as in {}", location, names.size(),
                                       list_names(names), (path / (names.empty() ? "fraud" : names[0])).string()));
    SLIPWAY_TRY(const auto version, registry.resolve(names[0]));
    return package::open_bundle(version.path).with_context(version.path.string());
  }
  // folder/NAME and folder/NAME@alias
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (registry::Registry::is_registry(folder)) {
    SLIPWAY_TRY(const auto registry, registry::Registry::open(folder));
    SLIPWAY_TRY(const auto version, registry.resolve(path.filename().string()));
    return package::open_bundle(version.path).with_context(version.path.string());
  }
  if (!fs::exists(path)) return not_found(fmt::format("{} does not exist; expected a bundle or a registry", location));
  return invalid_input(fmt::format("{} is neither a bundle (it has no manifest.json) nor a registry", location));
}

std::vector<std::string> id_columns(const package::Bundle& bundle, const table::Table& table) {
  std::vector<std::string> names;
  for (const std::string& name : bundle.manifest().id_columns)
    if (table.has(name)) names.push_back(name);
  if (!bundle.manifest().id_columns.empty()) return names;
  for (const table::Column& column : table.all()) {
    const std::string lower = lower_case(column.name);
    const bool is_input = std::any_of(bundle.model().inputs.begin(), bundle.model().inputs.end(),
                                      [&](const model::Input& input) { return input.name == column.name; });
    if (!is_input && (lower == "id" || lower.ends_with("_id") || lower == "request_id")) names.push_back(column.name);
  }
  return names;
}

std::vector<std::string> score_columns(const model::Model& model) {
  if (model.task != model::Task::multiclass) return {"score"};
  std::vector<std::string> names;
  for (const std::string& label : model.classes) names.push_back("score_" + label);
  return names;
}

}  // namespace slipway::app
