// From "1 per month" and "1 day" to a rate.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/monitor/drift.hpp>

namespace slipway::monitor {

namespace {

struct Unit {
  std::string_view name;
  double days;
};
constexpr Unit units[] = {{"minute", 1.0 / 1440}, {"hour", 1.0 / 24}, {"day", 1},   {"week", 7},
                          {"month", 30},          {"quarter", 91},    {"year", 365}};

// "day", "days", "2 weeks", "month".
std::optional<double> parse_period(std::string_view text) {
  text = trim(text);
  const std::size_t word = std::min(text.find_first_not_of("0123456789.eE+- \t"), text.size());
  double count = 1;
  if (const std::string_view number = trim(text.substr(0, word)); !number.empty()) {
    const std::optional<double> parsed = parse_number(number);
    if (!parsed || !(*parsed > 0) || !std::isfinite(*parsed)) return std::nullopt;
    count = *parsed;
  }
  std::string name = lower_case(trim(text.substr(word)));
  if (name.size() > 1 && name.back() == 's') name.pop_back();
  for (const Unit& unit : units)
    if (unit.name == name) return count * unit.days;
  return std::nullopt;
}

}  // namespace

Result<double> window_days(const DriftOptions& options) {
  const std::optional<double> days = parse_period(options.window);
  if (!days)
    return invalid_input(
        fmt::format("window '{}' is no time span; expected a number and a unit, such as '1 day', "
                    "'6 hours' or '2 weeks'",
                    options.window));
  return *days;
}

Result<double> false_alarm_rate(const DriftOptions& options) {
  SLIPWAY_TRY(const double window, window_days(options));
  const std::string text = lower_case(options.false_alarms);
  const std::size_t per = text.find("per");
  if (per != std::string::npos) {
    const std::optional<double> count = parse_number(text.substr(0, per));
    const std::optional<double> period = parse_period(std::string_view(text).substr(per + 3));
    if (count && *count > 0 && std::isfinite(*count) && period) return std::min(0.5, *count * window / *period);
  }
  return invalid_input(
      fmt::format("false_alarms '{}' is no budget; expected a number per time span, such as "
                  "'1 per month' or '2 per year'",
                  options.false_alarms));
}

}  // namespace slipway::monitor
