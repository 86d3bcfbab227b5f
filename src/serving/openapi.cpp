#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "actions.hpp"
#include "served_model.hpp"

namespace slipway::serving {
namespace {

using json = nlohmann::ordered_json;

json field_schema(const model::Input& input) {
  json schema;
  const bool nullable = input.missing_allowed;
  const auto type = [&](const char* name) { return nullable ? json{name, "null"} : json(name); };
  switch (input.kind) {
    case model::InputKind::number:
      schema["type"] = type("number");
      if (input.out_of_range == model::OutOfRange::reject) {
        if (input.minimum) schema["minimum"] = *input.minimum;
        if (input.maximum) schema["maximum"] = *input.maximum;
      }
      break;
    case model::InputKind::text:
      schema["type"] = type("string");
      if (input.out_of_range == model::OutOfRange::reject && !input.categories.empty()) {
        schema["enum"] = input.categories;
        if (nullable) schema["enum"].push_back(nullptr);
      }
      break;
    case model::InputKind::time:
      schema["type"] = nullable ? json{"string", "number", "null"} : json{"string", "number"};
      schema["description"] = "ISO 8601, or seconds since 1970-01-01";
      break;
  }
  if (!input.unit.empty()) schema["description"] = "in " + input.unit;
  return schema;
}

json model_schema(const ServedModel& model) {
  json schema = {{"type", "object"}, {"properties", json::object()}};
  json required = json::array();
  for (const model::Input& input : model.inputs()) {
    schema["properties"][input.name] = field_schema(input);
    if (!input.missing_allowed) required.push_back(input.name);
  }
  for (const std::string& id : model.id_columns())
    if (!schema["properties"].contains(id)) schema["properties"][id] = {{"type", json{"string", "integer", "null"}}};
  schema["properties"]["id"] = {{"type", json{"string", "integer", "null"}}};
  if (!required.empty()) schema["required"] = required;
  schema["additionalProperties"] = false;
  return schema;
}

json parameter(const char* name, const char* place, const char* type) {
  return {{"name", name}, {"in", place}, {"required", std::string_view(place) == "path"}, {"schema", {{"type", type}}}};
}

json operation(const char* summary, json body, std::initializer_list<json> parameters) {
  json answer = {{"200", {{"description", "OK"}, {"content", {{"application/json", {{"schema", json::object()}}}}}}}};
  answer["default"] = {{"description", "an error"},
                       {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/error"}}}}}}}};
  json one = {{"summary", summary}, {"responses", std::move(answer)}};
  if (!body.is_null()) one["requestBody"] = {{"content", {{"application/json", {{"schema", std::move(body)}}}}}};
  if (parameters.size() > 0) one["parameters"] = std::vector<json>(parameters);
  return one;
}

}  // namespace

std::string describe_openapi(const ModelRepository& models, std::string_view product_version) {
  json schemas = {{"error", {{"type", "object"}, {"properties", {{"error", {{"type", "string"}}}}}}}};
  json rows = json::array();
  for (const auto& model : models.all()) {
    if (!models.is_default(*model)) continue;
    const std::string name = "fields-" + model->name();
    schemas[name] = model_schema(*model);
    const json reference = {{"$ref", "#/components/schemas/" + name}};
    rows.push_back(reference);
    rows.push_back({{"type", "array"}, {"items", reference}});
  }
  const json row = rows.empty() ? json{{"type", "object"}} : json{{"oneOf", rows}};
  const json any = {{"type", "object"}};
  const json name = parameter("name", "path", "string"), version = parameter("version", "path", "string");
  json paths;
  paths["/score"]["post"] = operation("Score one row of named fields, or a list of them", row,
                                      {parameter("model", "query", "string"), parameter("version", "query", "string"),
                                       parameter("reasons", "query", "integer")});
  paths["/invocations"]["post"] = operation("MLflow: score rows", any, {});
  paths["/ping"]["get"] = operation("MLflow: whether the server takes requests", nullptr, {});
  paths["/version"]["get"] = operation("The server's version", nullptr, {});
  paths["/v2"]["get"] = operation("Open Inference Protocol: the server", nullptr, {});
  paths["/v2/health/live"]["get"] = operation("Whether the server runs", nullptr, {});
  paths["/v2/health/ready"]["get"] = operation("Whether the server takes requests", nullptr, {});
  paths["/v2/models"]["get"] = operation("The names of the models", nullptr, {});
  paths["/v2/models/{name}"]["get"] = operation("A model's inputs and outputs", nullptr, {name});
  paths["/v2/models/{name}/ready"]["get"] = operation("Whether a model takes requests", nullptr, {name});
  paths["/v2/models/{name}/config"]["get"] = operation("A model's configuration, as Triton gives it", nullptr, {name});
  paths["/v2/models/{name}/stats"]["get"] = operation("A model's statistics, as Triton gives them", nullptr, {name});
  paths["/v2/models/{name}/infer"]["post"] = operation("Score tensors", any, {name});
  paths["/v2/models/{name}/versions/{version}/infer"]["post"] =
      operation("Score tensors on a version or alias", any, {name, version});
  paths["/v2/repository/index"]["post"] = operation("The versions and their states", any, {});
  paths["/v2/repository/models/{name}/load"]["post"] = operation("Load a model", nullptr, {name});
  paths["/v2/repository/models/{name}/unload"]["post"] = operation("Unload a model", nullptr, {name});
  paths["/v1/models/{name}"]["get"] =
      operation("TensorFlow Serving: the states of a model's versions", nullptr, {name});
  paths["/v1/models/{name}/metadata"]["get"] = operation("TensorFlow Serving: signatures", nullptr, {name});
  paths["/v1/models/{name}:explain"]["post"] = operation("KServe V1: scores with reasons", any, {name});
  for (const char* verb : {"predict", "classify", "regress"})
    paths[fmt::format("/v1/models/{{name}}:{}", verb)]["post"] =
        operation(fmt::format("TensorFlow Serving: {}", verb).c_str(), any, {name});
  paths["/metrics"]["get"] = operation("Metrics in Prometheus' text format", nullptr, {});
  paths["/admin/models"]["get"] = operation("Versions, aliases, traffic, memory", nullptr, {});
  for (const char* verb : {"load", "unload", "promote", "rollback", "traffic"})
    paths[fmt::format("/admin/models/{{name}}/{}", verb)]["post"] =
        operation(fmt::format("Administration: {}", verb).c_str(), any, {name});
  json document = {{"openapi", "3.1.0"},
                   {"info", {{"title", "Slipway"}, {"version", product_version}}},
                   {"paths", std::move(paths)},
                   {"components",
                    {{"schemas", std::move(schemas)},
                     {"securitySchemes",
                      {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
                       {"key", {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}}}}}}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace slipway::serving
