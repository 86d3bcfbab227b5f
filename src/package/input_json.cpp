#include "input_json.hpp"

#include <slipway/base/text.hpp>

namespace slipway::package {

using model::Input;
using model::InputKind;
using model::OutOfRange;
using model::Task;

namespace {

std::string_view rule_name(OutOfRange rule) {
  return rule == OutOfRange::pass ? "pass" : rule == OutOfRange::clamp ? "clamp" : "reject";
}

template <class Enum, std::size_t count>
Enum read_name(const Json& json, std::string_view (*name)(Enum), const Enum (&all)[count]) {
  const auto& text = json.get_ref<const std::string&>();
  for (const Enum one : all)
    if (name(one) == text) return one;
  throw std::out_of_range("unknown word '" + text + "'");
}

}  // namespace

double tidy(float value) {
  const auto tidied = parse_number(format_number(value));
  return tidied && static_cast<float>(*tidied) == value ? *tidied : static_cast<double>(value);
}

Json describe_input(const Input& input) {
  Json json = {{"name", input.name}, {"kind", input_kind_name(input.kind)}};
  if (!input.unit.empty()) json["unit"] = input.unit;
  if (input.minimum) json["minimum"] = tidy(*input.minimum);
  if (input.maximum) json["maximum"] = tidy(*input.maximum);
  if (!input.categories.empty()) json["categories"] = input.categories;
  json["missing_allowed"] = input.missing_allowed;
  json["out_of_range"] = rule_name(input.out_of_range);
  return json;
}

Input read_input(const Json& json) {
  Input input;
  input.name = json.at("name").get<std::string>();
  input.kind =
      read_name(json.at("kind"), model::input_kind_name, {InputKind::number, InputKind::text, InputKind::time});
  input.unit = json.value("unit", "");
  if (json.contains("minimum")) input.minimum = static_cast<float>(json.at("minimum").get<double>());
  if (json.contains("maximum")) input.maximum = static_cast<float>(json.at("maximum").get<double>());
  if (json.contains("categories")) input.categories = json.at("categories").get<std::vector<std::string>>();
  input.missing_allowed = json.at("missing_allowed").get<bool>();
  input.out_of_range =
      read_name(json.at("out_of_range"), rule_name, {OutOfRange::pass, OutOfRange::clamp, OutOfRange::reject});
  return input;
}

Task read_task(const Json& json) {
  return read_name(json, model::task_name, {Task::binary, Task::multiclass, Task::regression});
}

}  // namespace slipway::package
