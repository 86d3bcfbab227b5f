#include "foreign_file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "../input_json.hpp"
#include "description.hpp"
#include "onnx.pb.h"

namespace slipway::package {

namespace {

using model::Decide;
using model::Foreign;
using model::Link;

}  // namespace

Result<std::string> write_with_foreign_file(const model::Model& model) {
  const auto* foreign = std::get_if<Foreign>(&model.operators.at(0));
  if (foreign == nullptr) return internal_error("the first operator is no other tool's file");
  Json description = {{"bytes", foreign->file.size()}, {"scores", foreign->scores}, {"then", Json::array()}};
  for (std::size_t i = 1; i < model.operators.size(); ++i) {
    const model::Operator& op = model.operators[i];
    if (const auto* link = std::get_if<Link>(&op)) {
      description["then"].push_back({{"link", static_cast<int>(link->kind)}, {"input", link->input}});
    } else if (const auto* decide = std::get_if<Decide>(&op)) {
      description["then"].push_back({{"threshold", tidy(decide->threshold)}, {"input", decide->input}});
    } else {
      return invalid_input(fmt::format("operator {} ({}) cannot follow it", i, operator_name(op)));
    }
  }
  SLIPWAY_TRY(auto properties, describe_model(model));
  properties.insert(properties.end() - 1, {std::string(foreign_key), description.dump()});
  // Messages one behind another are read as one: lists are joined.
  onnx::ModelFile behind;
  for (const auto& [key, value] : properties) {
    onnx::Entry* entry = behind.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  return foreign->file + behind.SerializeAsString();
}

Result<model::Model> read_with_foreign_file(const std::map<std::string, std::string, std::less<>>& properties,
                                            std::string_view bytes) {
  SLIPWAY_TRY(Description description, read_description(properties));
  model::Model& model = description.model;
  try {
    const Json json = Json::parse(properties.find(foreign_key)->second);
    Foreign foreign;
    const auto size = json.at("bytes").get<std::uint64_t>();
    if (size > bytes.size()) return invalid_input("the file is shorter than its description says");
    foreign.file = bytes.substr(0, size);
    foreign.scores = json.at("scores").get<std::string>();
    for (std::size_t id = 0; id < model.inputs.size(); ++id) foreign.inputs.push_back(static_cast<model::ValueId>(id));
    model.operators.emplace_back(std::move(foreign));
    for (const Json& one : json.at("then")) {
      const auto input = one.at("input").get<model::ValueId>();
      if (one.contains("threshold")) {
        model.operators.emplace_back(Decide{.input = input, .threshold = one.at("threshold").get<float>()});
      } else {
        const int kind = one.at("link").get<int>();
        if (kind < 0 || kind > static_cast<int>(Link::Kind::normalise)) return invalid_input("there is no such link");
        model.operators.emplace_back(Link{.input = input, .kind = static_cast<Link::Kind>(kind)});
      }
    }
    for (std::size_t i = 0; i < model.operators.size(); ++i)
      std::visit([&](auto& op) { op.output = static_cast<model::ValueId>(model.inputs.size() + i); },
                 model.operators[i]);
  } catch (const std::exception& error) {
    return invalid_input(fmt::format("its description cannot be read: {}", error.what()));
  }
  SLIPWAY_CHECK(validate(model));
  return std::move(model);
}

}  // namespace slipway::package
