#include "csv_types.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "cell_functions.hpp"

namespace slipway::table {
namespace {

// What is not of the usual form is left to DuckDB's casts. They round '2.5' to an integer and take '1_000' and '0x10'
// for one.
std::string sql_of_iso_time(const std::string& text) {
  // A cast to TIMESTAMP drops an offset silently (none is lost with Z); the cast that honours it is three times slower.
  return fmt::format(
      "coalesce({1}, CASE WHEN {0} IS NULL THEN NULL WHEN NOT suffix({0}, 'Z') AND (length({0}) > 19 OR contains({0}, "
      "'+') OR {0} LIKE '%:%-%') THEN CAST(TRY_CAST({0} AS TIMESTAMPTZ) AS TIMESTAMP) ELSE TRY_CAST({0} AS TIMESTAMP) "
      "END)",
      text, sql_of_plain_time(text));
}

std::string sql_of_number(const std::string& text) {
  return fmt::format(
      "coalesce({1}, CASE WHEN {0} IS NULL OR contains({0}, '_') THEN NULL ELSE TRY_CAST({0} AS DOUBLE) END)", text,
      sql_of_plain_number(text));
}

constexpr std::size_t aggregates = 9;

// A cell that breaks a column of numbers is an error and not a reason to take all of them for text.
bool is_nearly_all(std::int64_t count, std::int64_t present) { return count * 100 >= present * 95; }

}  // namespace

std::string sql_of_counts(const std::string& text) {
  return fmt::format(
      "count({0}), count({1}), count_if(regexp_full_match({0}, '[-+]?[0-9]+')), "
      "count_if(regexp_full_match({0}, '[-+]?[0-9]+') AND TRY_CAST({0} AS BIGINT) IS NOT NULL), "
      "count_if(regexp_full_match({0}, '[-+]?0[0-9]+')), count({2}), count({3}), "
      "count_if(lower({0}) IN ('true', 'false')), "
      "count_if(regexp_matches({0}, '^[0-9]{{1,2}}[/.-][0-9]{{1,2}}[/.-][0-9]{{4}}'))",
      text, sql_of_canonical_integer(text), sql_of_number(text), sql_of_iso_time(text));
}

CellCounts read_counts(const std::vector<std::int64_t>& answers, std::size_t column) {
  const std::int64_t* of_column = answers.data() + column * aggregates;
  return {of_column[0], of_column[1], of_column[2], of_column[3], of_column[4],
          of_column[5], of_column[6], of_column[7], of_column[8]};
}

CellKind guess_kind(const CellCounts& counts) {
  if (counts.present == 0 || counts.dates_by_parts * 2 > counts.present) return CellKind::unknown;
  if (counts.leading_zeros > 0) return CellKind::unknown;
  if (counts.integers == counts.present) return CellKind::integer;
  if (counts.numbers * 2 > counts.present) return counts.whole == counts.numbers ? CellKind::integer : CellKind::number;
  if (counts.times * 2 > counts.present) return CellKind::time;
  if (counts.booleans == counts.present) return CellKind::boolean;
  return CellKind::text;
}

CellKind settle_kind(const CellCounts& counts) {
  if (counts.present == 0) return CellKind::number;
  if (counts.integers == counts.present) return CellKind::integer;
  if (counts.booleans == counts.present) return CellKind::boolean;
  if (is_nearly_all(counts.times, counts.present)) return CellKind::time;
  if (!is_nearly_all(counts.numbers, counts.present)) return CellKind::text;
  // Identifiers made of digits would change if they were numbers.
  if (counts.leading_zeros > 0 || counts.within_range < counts.whole)
    return counts.whole == counts.numbers ? CellKind::text : CellKind::number;
  return counts.whole == counts.numbers ? CellKind::integer : CellKind::number;
}

Result<ColumnType> parse_column_type(std::string_view name) {
  static const std::vector<std::string> known = {"number", "integer", "text", "time", "boolean"};
  static constexpr CellKind kinds[] = {CellKind::number, CellKind::integer, CellKind::text, CellKind::time,
                                       CellKind::boolean};
  ColumnType type;
  type.pinned = true;
  if (name.starts_with("time %")) {
    type.kind = CellKind::time;
    type.time_format = name.substr(5);
    return type;
  }
  for (std::size_t i = 0; i < known.size(); ++i)
    if (name == known[i]) {
      type.kind = kinds[i];
      return type;
    }
  return invalid_input("'" + std::string(name) + "' is no column type" + suggestion(name, known) +
                       ", expected one of " + list_names(known));
}

std::string column_type_name(const ColumnType& type) {
  switch (type.kind) {
    case CellKind::integer:
      return "integer";
    case CellKind::number:
    case CellKind::unknown:
      return "number";
    case CellKind::time:
      return type.time_format.empty() ? "time" : "time " + type.time_format;
    case CellKind::boolean:
      return "boolean";
    case CellKind::text:
      break;
  }
  return "text";
}

ColumnType column_type_of_sql(std::string_view sql_type) {
  ColumnType type;
  if (sql_type == "FLOAT" || sql_type == "DOUBLE" || sql_type.starts_with("DECIMAL"))
    type.kind = CellKind::number;
  else if (sql_type == "BOOLEAN")
    type.kind = CellKind::boolean;
  else if (sql_type == "DATE" || sql_type.starts_with("TIMESTAMP"))
    type.kind = CellKind::time;
  else if (sql_type.ends_with("INT") || sql_type == "INTEGER" || sql_type == "UINTEGER")
    type.kind = CellKind::integer;
  else
    type.kind = CellKind::text;
  return type;
}

std::string_view kind_description(CellKind kind) {
  switch (kind) {
    case CellKind::integer:
      return "a whole number";
    case CellKind::number:
      return "a number";
    case CellKind::time:
      return "a time";
    case CellKind::boolean:
      return "true or false";
    case CellKind::text:
    case CellKind::unknown:
      break;
  }
  return "text";
}

std::string sql_of_conversion(const ColumnType& type, const std::string& text) {
  switch (type.kind) {
    case CellKind::integer:
      if (!type.settled) return sql_of_canonical_integer(text);
      return fmt::format(
          "coalesce({1}, CASE WHEN TRY_CAST({0} AS BIGINT) = TRY_CAST({0} AS DOUBLE) AND NOT contains({0}, '_') "
          "THEN TRY_CAST({0} AS BIGINT) END)",
          text, sql_of_canonical_integer(text));
    case CellKind::number:
      return sql_of_number(text);
    case CellKind::time:
      if (type.time_format.empty()) return sql_of_iso_time(text);
      return fmt::format("try_strptime({}, '{}')", text, type.time_format);
    case CellKind::boolean:
      return fmt::format("CASE lower({}) WHEN 'true' THEN true WHEN 'false' THEN false {}END", text,
                         type.pinned ? "WHEN '1' THEN true WHEN '0' THEN false " : "");
    case CellKind::text:
    case CellKind::unknown:
      break;
  }
  return text;
}

std::string sql_of_cell(const ColumnType& type, const std::string& text) {
  const std::string converted = sql_of_conversion(type, text);
  if (type.kind != CellKind::number) return converted;
  return fmt::format("CASE WHEN isnan({0}) THEN NULL ELSE {0} END", "(" + converted + ")");
}

const std::vector<std::string>& time_formats() {
  static const std::vector<std::string> formats = [] {
    std::vector<std::string> all;
    for (const char* date : {"%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y"})
      for (const char* time : {"", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"})
        all.push_back(std::string(date) + time);
    return all;
  }();
  return formats;
}

}  // namespace slipway::table
