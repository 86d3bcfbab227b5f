#include "type_pins.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/params/value.hpp>

namespace slipway::pipeline {

namespace fs = std::filesystem;

fs::path type_pins_file(const Configuration& configuration) {
  if (configuration.file.empty() || !configuration.source.pin_types) return {};
  fs::path file = configuration.file;
  return file.replace_extension(".types.yaml");
}

Result<SourceTypes> read_type_pins(const Configuration& configuration) {
  SourceTypes types;
  const fs::path file = type_pins_file(configuration);
  if (file.empty() || !fs::exists(file)) return types;
  SLIPWAY_TRY(const std::string text, read_file(file));
  SLIPWAY_TRY(const params::Value document, params::parse_yaml(text, file.string()));
  if (document.is_null()) return types;
  if (document.kind != params::Value::Kind::map) return document.error("expected sources with their columns' types");
  for (const auto& source : document.entries) {
    if (source.value.kind != params::Value::Kind::map)
      return source.value.error(source.key + ": expected columns with their types");
    for (const auto& column : source.value.entries) {
      SLIPWAY_TRY(const std::string type, column.value.string().with_context(source.key + ": " + column.key));
      types[source.key].push_back({column.key, type});
    }
  }
  return types;
}

std::string type_pins_text(const SourceTypes& types) {
  std::string text =
      "# The types of the sources' columns, found by the first run; later files are read by them, and rows that do "
      "not\n"
      "# fit are rejected. Edit a type to change it, delete this file to infer all of them anew.\n";
  // JSON's quoted text is YAML's.
  const auto quoted = [](const std::string& name) {
    return nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  for (const auto& [source, columns] : types) {
    text += quoted(source) + ":\n";
    for (const auto& column : columns) text += fmt::format("  {}: {}\n", quoted(column.name), quoted(column.sql_type));
  }
  return text;
}

}  // namespace slipway::pipeline
