#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/params/options.hpp>

namespace slipway::params::detail {
namespace {

std::string describe_range(const Range& range) {
  const bool low = std::isfinite(range.minimum);
  const bool high = std::isfinite(range.maximum);
  if (low && high)
    return fmt::format("{} {} to {}", range.open_minimum ? "above" : "from", format_number(range.minimum),
                       format_number(range.maximum));
  if (low) return fmt::format("{} {}", range.open_minimum ? "above" : "at least", format_number(range.minimum));
  return fmt::format("at most {}", format_number(range.maximum));
}

Status check_range(double number, const Value& value, std::string_view name, const Range& range) {
  const bool below = range.open_minimum ? number <= range.minimum : number < range.minimum;
  if (below || number > range.maximum || std::isnan(number))
    return value.error(fmt::format("{}: {} is out of range, expected {}", name, value.text, describe_range(range)));
  return {};
}

}  // namespace

bool is_none(const Value& value) {
  return value.is_null() || (value.kind == Value::Kind::scalar && !value.quoted && lower_case(value.text) == "none");
}

Result<bool> read_boolean(const Value& value, std::string_view name) { return value.boolean().with_context(name); }

Result<std::int64_t> read_integer(const Value& value, std::string_view name, const Range& range) {
  SLIPWAY_TRY(const std::int64_t number, value.integer().with_context(name));
  SLIPWAY_CHECK(check_range(static_cast<double>(number), value, name, range));
  return number;
}

Result<double> read_number(const Value& value, std::string_view name, const Range& range) {
  SLIPWAY_TRY(const double number, value.number().with_context(name));
  SLIPWAY_CHECK(check_range(number, value, name, range));
  return number;
}

Result<std::string> read_text(const Value& value, std::string_view name, const Range& range) {
  SLIPWAY_TRY(std::string text, value.string().with_context(name));
  if (range.choices.empty()) return text;
  const std::vector<std::string> choices = split(range.choices, '|');
  if (std::find(choices.begin(), choices.end(), text) == choices.end())
    return value.error(fmt::format("{}: unknown value '{}'{}; expected one of {}", name, text,
                                   suggestion(text, choices), list_names(choices, 40)));
  return text;
}

std::string show(bool value) { return value ? "true" : "false"; }
std::string show(double value) { return format_number(value); }

}  // namespace slipway::params::detail
