#include "description.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>

#include "../input_json.hpp"
#include "schema.hpp"

namespace slipway::package {

namespace {

using model::Input;
using model::InputKind;
using model::Model;
using model::Task;
using model::ValueKind;

// The threshold that decides the label, for whoever looks into the file.
std::optional<float> threshold_of(const Model& model) {
  if (model.task != Task::binary) return std::nullopt;
  return std::get<model::Decide>(model.operators[model.label - model.inputs.size()]).threshold;
}

// All but the weights, which are a constant of the graph.
Json describe_terms(const model::Terms& op) {
  Json json = {{"unit", static_cast<int>(op.unit)},
               {"norm", static_cast<int>(op.norm)},
               {"minimum_length", op.minimum_length},
               {"maximum_length", op.maximum_length},
               {"sublinear", op.sublinear},
               {"shortest_word", op.shortest_word},
               {"terms", op.terms}};
  if (op.unicode_case) json["unicode_case"] = true;  // files from before it existed have none
  return json;
}

Json describe_match(const model::Match& op) {
  return {{"kind", static_cast<int>(op.kind)}, {"pattern", op.pattern}, {"any_case", op.any_case}};
}

model::Match read_match(const Json& json) {
  model::Match op;
  op.kind = static_cast<model::Match::Kind>(json.at("kind").get<std::uint8_t>());
  op.pattern = json.at("pattern").get<std::string>();
  op.any_case = json.at("any_case").get<bool>();
  return op;
}

model::Terms read_terms(const Json& json) {
  model::Terms op;
  op.unit = static_cast<model::Terms::Unit>(json.at("unit").get<std::uint8_t>());
  op.norm = static_cast<model::Terms::Norm>(json.at("norm").get<std::uint8_t>());
  op.minimum_length = json.at("minimum_length").get<std::uint8_t>();
  op.maximum_length = json.at("maximum_length").get<std::uint8_t>();
  op.sublinear = json.at("sublinear").get<bool>();
  op.shortest_word = json.at("shortest_word").get<std::uint8_t>();
  op.unicode_case = json.value("unicode_case", false);
  op.terms = json.at("terms").get<std::vector<std::string>>();
  return op;
}

Description read(const std::map<std::string, std::string, std::less<>>& properties) {
  const auto json = [&](std::string_view key) {
    const auto found = properties.find(key);
    if (found == properties.end()) throw std::out_of_range(fmt::format("no '{}'", key));
    return Json::parse(found->second);
  };
  Description description;
  Model& model = description.model;
  model.name = json("slipway.name").get<std::string>();
  model.task = read_task(json("slipway.task"));
  model.target = json("slipway.target").get<std::string>();
  model.classes = json("slipway.classes").get<std::vector<std::string>>();
  for (const Json& input : json("slipway.inputs")) {
    model.inputs.push_back(read_input(input));
    const Input& made = model.inputs.back();
    model.values.push_back({made.name,
                            made.kind == InputKind::number ? ValueKind::numbers
                            : made.kind == InputKind::text ? ValueKind::text
                                                           : ValueKind::time,
                            {made.name}});
  }
  for (const Json& value : json("slipway.values")) {
    if (value.contains("formula")) {
      Description::Formula& formula = description.formulas[static_cast<model::ValueId>(model.values.size())];
      formula.source = value.at("formula").get<std::string>();
      formula.reads = value.at("reads").get<std::vector<model::ValueId>>();
    }
    if (value.contains("terms"))
      description.terms[static_cast<model::ValueId>(model.values.size())] = read_terms(value.at("terms"));
    if (value.contains("match"))
      description.matches[static_cast<model::ValueId>(model.values.size())] = read_match(value.at("match"));
    model.values.push_back(
        {value.at("name").get<std::string>(), ValueKind::numbers, value.at("columns").get<std::vector<std::string>>()});
  }
  const Json outputs = json("slipway.outputs");
  model.scores = outputs.at("scores").get<model::ValueId>();
  model.label = outputs.at("label").get<model::ValueId>();
  for (const auto& [key, value] : properties)
    if (!key.starts_with("slipway.")) model.metadata.emplace(key, value);
  return description;
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> describe_model(const Model& model) {
  try {
    Json inputs = Json::array(), values = Json::array();
    for (const Input& input : model.inputs) inputs.push_back(describe_input(input));
    for (std::size_t id = model.inputs.size(); id < model.values.size(); ++id) {
      Json value = {{"name", model.values[id].name}, {"columns", model.values[id].columns}};
      if (const auto* formula = std::get_if<model::Expression>(&model.operators[id - model.inputs.size()])) {
        value["formula"] = formula->source;
        value["reads"] = formula->inputs;
      }
      if (const auto* terms = std::get_if<model::Terms>(&model.operators[id - model.inputs.size()]))
        value["terms"] = describe_terms(*terms);
      if (const auto* match = std::get_if<model::Match>(&model.operators[id - model.inputs.size()]))
        value["match"] = describe_match(*match);
      values.push_back(std::move(value));
    }
    std::vector<std::pair<std::string, std::string>> properties(model.metadata.begin(), model.metadata.end());
    const std::pair<std::string, std::string> own[] = {
        {"slipway.name", Json(model.name).dump()},
        {"slipway.task", Json(task_name(model.task)).dump()},
        {"slipway.target", Json(model.target).dump()},
        {"slipway.classes", Json(model.classes).dump()},
        {"slipway.inputs", inputs.dump()},
        {"slipway.values", values.dump()},
        {"slipway.outputs", Json{{"scores", model.scores}, {"label", model.label}}.dump()}};
    properties.insert(properties.end(), std::begin(own), std::end(own));
    if (const auto threshold = threshold_of(model))
      properties.emplace_back("slipway.threshold", Json(tidy(*threshold)).dump());
    // Last, so that a file cut short anywhere lacks it.
    properties.emplace_back(format_key, format_version);
    return properties;
  } catch (const std::exception& error) {
    return invalid_input(fmt::format("describing the model: {}", error.what()));
  }
}

Result<Description> read_description(const std::map<std::string, std::string, std::less<>>& properties) {
  try {
    return read(properties);
  } catch (const std::exception& error) {
    return invalid_input(fmt::format("its description cannot be read: {}", error.what()));
  }
}

}  // namespace slipway::package
