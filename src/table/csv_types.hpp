// Which type the cells of a CSV column have, and the SQL that counts and converts them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::table {

enum class CellKind { unknown, integer, number, time, boolean, text };

struct ColumnType {
  CellKind kind = CellKind::unknown;
  bool pinned = false;       // told, not inferred
  bool settled = false;      // checked cell by cell: conversions start from the trimmed text
  bool digits_only = false;  // text, guessed: identifiers such as 00123; other cells would make it something else
  std::string time_format;   // of strptime; empty for ISO 8601
};

// How many cells of a column could be read as what.
struct CellCounts {
  std::int64_t present = 0;
  std::int64_t integers = 0;       // as an integer is written: no leading zeros, no plus, no point
  std::int64_t whole = 0;          // digits only, with a sign perhaps
  std::int64_t within_range = 0;   // of those, the ones that fit in 64 bits
  std::int64_t leading_zeros = 0;  // "007": an identifier, which would lose its zeros
  std::int64_t numbers = 0;
  std::int64_t times = 0;
  std::int64_t booleans = 0;        // true, false
  std::int64_t dates_by_parts = 0;  // like 31/12/2026 or 31.12.2026 13:05
};

// The SQL aggregates behind CellCounts (a comma-separated list) over the SQL expression `text`.
std::string sql_of_counts(const std::string& text);
// The counts of the column-th list of aggregates in one row of answers.
CellCounts read_counts(const std::vector<std::int64_t>& answers, std::size_t column);

// The likeliest kind; unknown where only a look at all rows can tell.
CellKind guess_kind(const CellCounts& counts);
// The kind that a column has: that of every cell, or of at least 95 % of them if numbers or times; text else. A column
// without values holds numbers: missing numbers can be read as any type.
CellKind settle_kind(const CellCounts& counts);

// A type as users and pins write it: number, integer, text, boolean, time, or time with strptime's format behind it
// ("time %d.%m.%Y").
Result<ColumnType> parse_column_type(std::string_view name);
std::string column_type_name(const ColumnType& type);
// The type that a column of DuckDB's type becomes.
ColumnType column_type_of_sql(std::string_view sql_type);
// "a number", "a whole number", ...
std::string_view kind_description(CellKind kind);

// SQL that is NULL where the VARCHAR expression `text` is not of the type.
std::string sql_of_conversion(const ColumnType& type, const std::string& text);
// The same for a cell of the table, where NaN is missing.
std::string sql_of_cell(const ColumnType& type, const std::string& text);

// Formats of strptime for times that are not ISO 8601, the likelier reading of an ambiguous one first.
const std::vector<std::string>& time_formats();

}  // namespace slipway::table
