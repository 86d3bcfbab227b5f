// Civil time in UTC, as whole seconds or microseconds since 1970-01-01 (proleptic Gregorian, no leap seconds).
#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace slipway {

// Stands for "no time" wherever a time is an integer.
inline constexpr std::int64_t missing_time = std::numeric_limits<std::int64_t>::min();

// Microseconds since the epoch of "2026-11-24", "2026-11-24 13:05", "2026-11-24T13:05:59.123456Z" or with an offset
// (+01:00); nothing if `text` is no such time or names a day that does not exist.
std::optional<std::int64_t> parse_time(std::string_view text);

// "2026-11-24T13:05:59Z", with six decimals where the time is not a whole second.
std::string format_time(std::int64_t microseconds);

// Now, in microseconds since the epoch.
std::int64_t now_microseconds();

struct CivilDate {
  std::int64_t year;
  int month;  // 1 to 12
  int day;    // 1 to 31
};
// Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
CivilDate civil_from_days(std::int64_t days);
std::int64_t days_from_civil(CivilDate date);

}  // namespace slipway
