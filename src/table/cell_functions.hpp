// SQL functions over cells of text, for what every cell of a file goes through: they take the usual forms only and give
// NULL for all else, which is then left to DuckDB's own, slower conversions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

#include "duckdb_api.hpp"

namespace slipway::table {

// A whole number as it is written without thought: no plus, no leading zero, no point, within 64 bits.
std::optional<std::int64_t> read_canonical_integer(std::string_view text);
// Digits, with a sign, a point among them; the nearest double. Nothing where that takes more than one division.
std::optional<double> read_plain_number(std::string_view text);
// 2026-01-31, or with 12:30:00 behind a blank or a T, and with Z behind that: microseconds since 1970.
std::optional<std::int64_t> read_plain_time(std::string_view text);

// Makes the functions known to a connection; their names end in a line break, so that no query of a user meets them.
Status register_cell_functions(const DuckdbApi& api, duckdb_connection connection);

// SQL of the functions above over a VARCHAR expression.
std::string sql_of_canonical_integer(const std::string& text);
std::string sql_of_plain_number(const std::string& text);
std::string sql_of_plain_time(const std::string& text);
// SQL that is true for NULL and for text that neither has blanks at its ends nor is empty or one of the markers.
std::string sql_of_ordinary(const std::string& text, const std::vector<std::string>& missing_markers);

}  // namespace slipway::table
