// Every option of Slipway is declared once, in a table beside the struct that holds it:
//
//   struct ForestOptions { int n_estimators = 100; ... };
//   inline constexpr params::Option<ForestOptions> forest_options[] = {
//       {"n_estimators", &ForestOptions::n_estimators, "number of trees", {.minimum = 1, .maximum = 100000}}, ...};
//
// The struct's own initialiser is the default. From the table come the reading of YAML and of --set flags, checks with
// the nearest name, help, the reference page and the canonical text for digests.
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/params/value.hpp>

namespace slipway::params {

struct Range {
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool open_minimum = false;      // minimum itself is not allowed
  std::string_view choices = {};  // for text: "gini|entropy"; empty = any text
};

template <class Options>
struct Option {
  using Member = std::variant<bool Options::*, int Options::*, std::int64_t Options::*, std::uint64_t Options::*,
                              double Options::*, std::string Options::*, std::optional<int> Options::*,
                              std::optional<double> Options::*>;
  std::string_view name;
  Member member;
  std::string_view documentation;
  Range range = {};
};

// What help, documentation and error messages need to know of an option, without its struct.
struct Description {
  std::string name;
  std::string type;  // boolean, integer, number, text, or "integer or none", "number or none"
  std::string default_value;
  std::string documentation;
  Range range;
};

namespace detail {
Result<bool> read_boolean(const Value& value, std::string_view name);
Result<std::int64_t> read_integer(const Value& value, std::string_view name, const Range& range);
Result<double> read_number(const Value& value, std::string_view name, const Range& range);
Result<std::string> read_text(const Value& value, std::string_view name, const Range& range);
bool is_none(const Value& value);  // null, none, ~
std::string show(bool value);
std::string show(double value);
}  // namespace detail

// Sets one option from a value; the error names the option, what was found and what it takes.
template <class Options>
Status set_option(Options& options, const Option<Options>& option, const Value& value) {
  return std::visit(
      [&](auto member) -> Status {
        using Type = std::remove_cvref_t<decltype(options.*member)>;
        if constexpr (std::is_same_v<Type, bool>) {
          SLIPWAY_TRY(options.*member, detail::read_boolean(value, option.name));
        } else if constexpr (std::is_same_v<Type, double>) {
          SLIPWAY_TRY(options.*member, detail::read_number(value, option.name, option.range));
        } else if constexpr (std::is_same_v<Type, std::string>) {
          SLIPWAY_TRY(options.*member, detail::read_text(value, option.name, option.range));
        } else if constexpr (std::is_same_v<Type, std::optional<int>>) {
          if (detail::is_none(value)) {
            (options.*member).reset();
          } else {
            SLIPWAY_TRY(const std::int64_t read, detail::read_integer(value, option.name, option.range));
            options.*member = static_cast<int>(read);
          }
        } else if constexpr (std::is_same_v<Type, std::optional<double>>) {
          if (detail::is_none(value)) {
            (options.*member).reset();
          } else {
            SLIPWAY_TRY(options.*member, detail::read_number(value, option.name, option.range));
          }
        } else {
          SLIPWAY_TRY(const std::int64_t read, detail::read_integer(value, option.name, option.range));
          options.*member = static_cast<Type>(read);
        }
        return {};
      },
      option.member);
}

// The option's current value as text ("none" for an empty optional).
template <class Options>
std::string show_option(const Options& options, const Option<Options>& option) {
  return std::visit(
      [&](auto member) -> std::string {
        using Type = std::remove_cvref_t<decltype(options.*member)>;
        const auto& value = options.*member;
        if constexpr (std::is_same_v<Type, bool> || std::is_same_v<Type, double>) {
          return detail::show(value);
        } else if constexpr (std::is_same_v<Type, std::string>) {
          return value;
        } else if constexpr (std::is_same_v<Type, std::optional<int>>) {
          return value ? std::to_string(*value) : "none";
        } else if constexpr (std::is_same_v<Type, std::optional<double>>) {
          return value ? detail::show(*value) : "none";
        } else {
          return std::to_string(value);
        }
      },
      option.member);
}

template <class Options>
std::vector<std::string> option_names(std::span<const Option<Options>> table) {
  std::vector<std::string> names;
  for (const auto& option : table) names.emplace_back(option.name);
  return names;
}

template <class Options>
const Option<Options>* find_option(std::span<const Option<Options>> table, std::string_view name) {
  for (const auto& option : table)
    if (option.name == name) return &option;
  return nullptr;
}

// Reads a whole map into options; unknown keys are errors with the nearest name. Keys in `others` belong to the caller.
template <class Options>
Status read_options(Options& options, std::span<const Option<Options>> table, const Value& map,
                    std::string_view of_what, const std::vector<std::string>& others = {}) {
  if (map.is_null()) return {};
  std::vector<std::string> known = option_names(table);
  known.insert(known.end(), others.begin(), others.end());
  SLIPWAY_CHECK(map.expect_keys(known, of_what));
  for (const auto& entry : map.entries)
    if (const auto* option = find_option(table, entry.key)) SLIPWAY_CHECK(set_option(options, *option, entry.value));
  return {};
}

template <class Options>
std::vector<Description> describe(std::span<const Option<Options>> table) {
  static constexpr const char* types[] = {"boolean", "integer", "integer",         "integer",
                                          "number",  "text",    "integer or none", "number or none"};
  std::vector<Description> descriptions;
  const Options defaults{};
  for (const auto& option : table)
    descriptions.push_back({std::string(option.name), types[option.member.index()], show_option(defaults, option),
                            std::string(option.documentation), option.range});
  return descriptions;
}

// "name=value" lines in table order; equal options give equal text.
template <class Options>
std::string canonical_options(const Options& options, std::span<const Option<Options>> table) {
  std::string text;
  for (const auto& option : table) text += std::string(option.name) + "=" + show_option(options, option) + "\n";
  return text;
}

}  // namespace slipway::params
