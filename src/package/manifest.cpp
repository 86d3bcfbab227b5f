#include <algorithm>

#include <fmt/format.h>

#include <slipway/base/time.hpp>
#include <slipway/package/bundle.hpp>

#include "file_names.hpp"
#include "input_json.hpp"

namespace slipway::package {

std::string manifest_json(const Manifest& manifest) {
  Json inputs = Json::array();
  for (const model::Input& input : manifest.inputs) inputs.push_back(describe_input(input));
  Json files = Json::object();
  for (const auto& [name, file] : manifest.files) files[name] = {{"sha256", file.sha256}, {"size", file.size}};
  Json json = {{"format_version", manifest.format_version}, {"name", manifest.name}};
  if (manifest.version) json["version"] = *manifest.version;
  json["created"] = format_time(manifest.created);
  json["task"] = model::task_name(manifest.task);
  json["target"] = manifest.target;
  json["classes"] = manifest.classes;
  if (!manifest.positive_class.empty()) json["positive_class"] = manifest.positive_class;
  json["schema"] = {{"inputs", inputs}, {"id_columns", manifest.id_columns}};
  if (!manifest.column_types.empty()) json["schema"]["column_types"] = manifest.column_types;
  if (manifest.threshold)
    json["threshold"] = {{"value", manifest.threshold->threshold}, {"method", manifest.threshold->method}};
  json["lineage"] = {{"data_digest", manifest.lineage.data_digest},
                     {"configuration_digest", manifest.lineage.configuration_digest},
                     {"build", manifest.lineage.build},
                     {"seed", manifest.lineage.seed}};
  json["notes"] = manifest.notes;
  json["files"] = files;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

namespace {

Manifest read(const Json& json) {
  Manifest manifest;
  manifest.name = json.at("name").get<std::string>();
  if (json.contains("version")) manifest.version = json.at("version").get<int>();
  const auto created = parse_time(json.at("created").get_ref<const std::string&>());
  if (!created) throw std::out_of_range("'created' is no time");
  manifest.created = *created;
  manifest.task = read_task(json.at("task"));
  manifest.target = json.at("target").get<std::string>();
  manifest.classes = json.at("classes").get<std::vector<std::string>>();
  manifest.positive_class = json.value("positive_class", "");
  for (const Json& input : json.at("schema").at("inputs")) manifest.inputs.push_back(read_input(input));
  manifest.id_columns = json.at("schema").at("id_columns").get<std::vector<std::string>>();
  // Bundles of versions before 0.2 have none.
  manifest.column_types = json.at("schema").value("column_types", std::map<std::string, std::string>());
  if (json.contains("threshold"))
    manifest.threshold = {json.at("threshold").at("value").get<double>(),
                          json.at("threshold").at("method").get<std::string>()};
  const Json& lineage = json.at("lineage");
  manifest.lineage = {lineage.at("data_digest").get<std::string>(),
                      lineage.at("configuration_digest").get<std::string>(), lineage.at("build").get<std::string>(),
                      lineage.at("seed").get<std::uint64_t>()};
  manifest.notes = json.at("notes").get<std::map<std::string, std::string>>();
  for (const auto& [name, file] : json.at("files").items()) {
    if (!is_inner_path(name)) throw std::out_of_range(fmt::format("the file name '{}' leads out of the bundle", name));
    manifest.files[name] = {file.at("sha256").get<std::string>(), file.at("size").get<std::uint64_t>()};
  }
  return manifest;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    const int version = json.at("format_version").get<int>();
    if (version != Manifest{}.format_version)
      return invalid_input(fmt::format("the manifest has format version {}, this version of Slipway reads {}", version,
                                       Manifest{}.format_version));
    return read(json);
  } catch (const Json::parse_error& error) {
    // The library's own message repeats the bytes, which need not be text.
    const std::string_view before = text.substr(0, error.byte > 0 ? error.byte - 1 : 0);
    return invalid_input(fmt::format("the manifest cannot be read: line {}, column {}: this is no JSON in UTF-8",
                                     std::count(before.begin(), before.end(), '\n') + 1,
                                     before.size() - (before.rfind('\n') + 1) + 1));
  } catch (const std::exception& error) {
    return invalid_input(fmt::format("the manifest cannot be read: {}", error.what()));
  }
}

}  // namespace slipway::package
