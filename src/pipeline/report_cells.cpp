#include "report_cells.hpp"

#include <cmath>

#include <fmt/format.h>

namespace slipway::pipeline {

using nlohmann::json;

std::string pointer_part(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

bool Citation::has(const std::string& pointer) const { return document_.contains(json::json_pointer(pointer)); }

const json& Citation::at(const std::string& pointer) const {
  static const json none;
  const json::json_pointer place(pointer);
  return document_.contains(place) ? document_.at(place) : none;
}

report::Cell Citation::cell(const std::string& pointer, int digits) const {
  const json& value = at(pointer);
  if (value.is_string()) return {value.get<std::string>(), source(pointer)};
  if (value.is_boolean()) return {value.get<bool>() ? "yes" : "no", source(pointer)};
  if (!value.is_number()) return {"undefined"};
  const double number = value.get<double>();
  if (number == std::floor(number) && std::abs(number) < 1e15 && (value.is_number_integer() || std::abs(number) >= 10))
    return {fmt::format("{:.0f}", number), source(pointer)};
  // Counts and amounts keep their whole part.
  if (std::abs(number) >= std::pow(10, digits)) return {fmt::format("{:.0f}", number), source(pointer)};
  return {fmt::format("{:.{}g}", number, digits), source(pointer)};
}

report::Cell Citation::percent(const std::string& pointer) const {
  const json& value = at(pointer);
  if (!value.is_number()) return {"undefined"};
  return {fmt::format("{:.1f} %", 100 * value.get<double>()), source(pointer)};
}

report::Cell Citation::interval(const std::string& pointer, int digits) const {
  if (!at(pointer).is_array()) return {""};
  return {cell(pointer + "/0", digits).text + " to " + cell(pointer + "/1", digits).text, source(pointer)};
}

}  // namespace slipway::pipeline
