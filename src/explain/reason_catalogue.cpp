#include <algorithm>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/explain/reason_catalogue.hpp>
#include <slipway/params/value.hpp>

#include "wording.hpp"

namespace slipway::explain {

using params::Value;

std::span<const std::string> wording_fields() {
  static const std::vector<std::string> fields = {"input", "value", "contribution", "direction", "noun", "code"};
  return fields;
}

ReasonCatalogue::ReasonCatalogue(std::size_t inputs) {
  for (std::size_t i = 0; i < inputs; ++i)
    entries_.push_back({{i}, "", std::string(default_wording), std::string(default_wording), "", false});
}

namespace {

// The text, checked for fields that nobody fills in.
Result<std::string> read_wording(const Value& value) {
  SLIPWAY_TRY(std::string text, value.string());
  for (std::size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) return value.error("a '{' is not closed");
    const std::string field = text.substr(open + 1, close - open - 1);
    const auto known = wording_fields();
    if (std::find(known.begin(), known.end(), field) == known.end())
      return value.error(fmt::format("there is no field '{{{}}}'{}; expected one of {}", field,
                                     suggestion(field, known), list_names(known)));
  }
  return text;
}

Status read_entry(ReasonCatalogue::Entry& entry, const Value& value, std::string_view otherwise,
                  const std::vector<std::string>& names, std::vector<std::uint8_t>& taken) {
  SLIPWAY_CHECK(
      value.expect_keys({"input", "inputs", "code", "text", "raised", "lowered", "missing", "hidden"}, "a reason"));
  const Value* one = value.find("input");
  const Value* several = value.find("inputs");
  if ((one == nullptr) == (several == nullptr)) return value.error("a reason has either `input` or `inputs`");
  const Value& inputs = one != nullptr ? *one : *several;
  SLIPWAY_TRY(const std::vector<std::string> wanted, inputs.strings());
  if (wanted.empty()) return inputs.error("expected at least one input");
  for (const std::string& name : wanted) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      return inputs.error(fmt::format("the model has no input '{}'{}", name, suggestion(name, names)));
    const auto index = static_cast<std::size_t>(found - names.begin());
    if (std::exchange(taken[index], 1) != 0) return inputs.error(fmt::format("input '{}' has a reason already", name));
    entry.inputs.push_back(index);
  }
  if (const Value* code = value.find("code")) {
    SLIPWAY_TRY(entry.code, code->string());
  }
  entry.raised = entry.lowered = otherwise;
  if (const Value* text = value.find("text")) {
    SLIPWAY_TRY(entry.raised, read_wording(*text));
    entry.lowered = entry.raised;
  }
  for (const auto& [key, member] :
       {std::pair{"raised", &ReasonCatalogue::Entry::raised}, std::pair{"lowered", &ReasonCatalogue::Entry::lowered},
        std::pair{"missing", &ReasonCatalogue::Entry::missing}})
    if (const Value* text = value.find(key)) {
      SLIPWAY_TRY(entry.*member, read_wording(*text));
    }
  if (const Value* hidden = value.find("hidden")) {
    SLIPWAY_TRY(entry.hidden, hidden->boolean());
  }
  return {};
}

}  // namespace

Result<ReasonCatalogue> ReasonCatalogue::parse(std::string_view yaml, std::string_view file_name,
                                               std::span<const model::Input> inputs) {
  SLIPWAY_TRY(const Value document, params::parse_yaml(yaml, file_name));
  ReasonCatalogue catalogue(0);
  std::vector<std::string> names;
  for (const model::Input& input : inputs) names.push_back(input.name);
  std::vector<std::uint8_t> taken(names.size(), 0);
  std::string otherwise(default_wording);
  if (!document.is_null()) {
    SLIPWAY_CHECK(document.expect_keys({"text", "reasons"}, "a reason catalogue"));
    if (const Value* text = document.find("text")) {
      SLIPWAY_TRY(otherwise, read_wording(*text));
    }
    if (const Value* reasons = document.find("reasons"); reasons != nullptr && !reasons->is_null()) {
      if (reasons->kind != Value::Kind::list) return reasons->error("`reasons` is a list");
      for (const Value& item : reasons->items)
        SLIPWAY_CHECK(read_entry(catalogue.entries_.emplace_back(), item, otherwise, names, taken));
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i)
    if (taken[i] == 0) catalogue.entries_.push_back({{i}, "", otherwise, otherwise, "", false});
  return catalogue;
}

std::string starting_catalogue(std::span<const model::Input> inputs) {
  std::string yaml =
      "# How reasons are worded. Fields: {input} {value} {contribution} {direction} {noun} {code}.\n"
      "# An entry has `input`, or `inputs` whose contributions make one reason; `text`, or `raised` and `lowered`;\n"
      "# `missing` for rows without a value; `code`; `hidden: true` for what is never given as a reason.\n"
      "reasons:\n";
  int number = 0;
  for (const model::Input& input : inputs) {
    std::string quoted;
    for (const char c : input.name) quoted += c == '\'' ? std::string("''") : std::string(1, c);
    yaml += fmt::format("  - input: '{}'\n    code: R{:02}\n    text: \"{}\"\n", quoted, ++number, default_wording);
  }
  return yaml;
}

}  // namespace slipway::explain
