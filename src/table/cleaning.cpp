// Cleaning steps as deletions and updates in place: they keep the order of the rows without sorting.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "database.hpp"
#include "sql_error.hpp"

namespace slipway::table {
namespace {

using Kind = CleaningStep::Kind;

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::drop_missing:
      return "drop_missing";
    case Kind::keep:
      return "keep";
    case Kind::drop:
      return "drop";
    case Kind::drop_duplicates:
      return "drop_duplicates";
    case Kind::clip:
      return "clip";
  }
  return "";
}

std::string step_text(const CleaningStep& step) {
  const std::string kind(kind_name(step.kind));
  switch (step.kind) {
    case Kind::keep:
    case Kind::drop:
      return kind + ": " + std::string(trim(step.expression));
    case Kind::drop_missing:
      return kind + ": " + (step.columns.empty() ? "any column" : list_names(step.columns, 1000));
    case Kind::drop_duplicates:
      return kind + ": by " + (step.columns.empty() ? "all columns" : list_names(step.columns, 1000));
    case Kind::clip:
      return fmt::format("{}: {} to {} .. {}", kind, list_names(step.columns, 1000), format_number(step.minimum),
                         format_number(step.maximum));
  }
  return kind;
}

bool is_fractional(const std::string& sql_type) {
  return sql_type == "FLOAT" || sql_type == "DOUBLE" || sql_type.starts_with("DECIMAL");
}

bool is_whole(const std::string& sql_type) {
  return sql_type.ends_with("INT") || sql_type == "INTEGER" || sql_type == "UINTEGER";
}

class Cleaner {
 public:
  Cleaner(Connection& connection, std::string_view table, std::vector<ColumnInfo> columns)
      : connection_(connection), table_(quote_identifier(table)), columns_(std::move(columns)) {
    for (const ColumnInfo& column : columns_) names_.push_back(column.name);
  }

  // Rows deleted, or changed by clip.
  Result<std::int64_t> apply(const CleaningStep& step) {
    SLIPWAY_TRY(const std::vector<ColumnInfo> columns, columns_of(step));
    switch (step.kind) {
      case Kind::drop_missing:
        return drop_missing(columns);
      case Kind::keep:
        return drop_where(step.expression, "NOT coalesce(CAST((", "\n) AS BOOLEAN), false)");
      case Kind::drop:
        return drop_where(step.expression, "CAST((", "\n) AS BOOLEAN)");
      case Kind::drop_duplicates:
        return drop_duplicates(columns, !step.columns.empty());
      case Kind::clip:
        return clip(columns, step.minimum, step.maximum);
    }
    return internal_error("unknown cleaning step");
  }

  Result<std::int64_t> count() {
    SLIPWAY_TRY(auto answer, connection_.query("SELECT count(*) FROM " + table_));
    return answer.first_row_integers()[0];
  }

 private:
  Result<std::vector<ColumnInfo>> columns_of(const CleaningStep& step) {
    if (step.columns.empty()) return columns_;
    std::vector<ColumnInfo> found;
    for (const std::string& name : step.columns) {
      const auto column = std::find(names_.begin(), names_.end(), name);
      if (column == names_.end())
        return not_found("there is no column '" + name + "'" + suggestion(name, names_) + "; the columns are " +
                         list_names(names_));
      found.push_back(columns_[static_cast<std::size_t>(column - names_.begin())]);
    }
    return found;
  }

  Result<std::int64_t> change(const std::string& sql) {
    auto done = connection_.query(sql);
    if (!done.ok()) return explain_sql_error(done.error(), names_, {});
    return done->rows_changed();
  }

  // What a column lacks is NULL, for text also blank, for floating point also NaN.
  static std::string missing_condition(const ColumnInfo& column) {
    const std::string name = quote_identifier(column.name);
    std::string condition = name + " IS NULL";
    if (column.sql_type == "VARCHAR") condition += " OR trim(" + name + ", E' \\t\\r\\n') = ''";
    if (column.sql_type == "FLOAT" || column.sql_type == "DOUBLE") condition += " OR isnan(" + name + ")";
    return "(" + condition + ")";
  }

  static std::string missing_condition(const std::vector<ColumnInfo>& columns) {
    std::string condition;
    for (const ColumnInfo& column : columns) condition += (condition.empty() ? "" : " OR ") + missing_condition(column);
    return condition;
  }

  Result<std::int64_t> drop_missing(const std::vector<ColumnInfo>& columns) {
    return change("DELETE FROM " + table_ + " WHERE " + missing_condition(columns));
  }

  Result<std::int64_t> drop_where(const std::string& expression, const char* before, const char* after) {
    if (trim(expression).empty()) return invalid_input("the condition is empty, expected one such as amount > 0");
    return change("DELETE FROM " + table_ + " WHERE " + before + expression + after);
  }

  Result<std::int64_t> drop_duplicates(const std::vector<ColumnInfo>& columns, bool by_key) {
    std::string keys;
    for (const ColumnInfo& column : columns) keys += (keys.empty() ? "" : ", ") + quote_identifier(column.name);
    const std::string among = by_key ? " WHERE NOT (" + missing_condition(columns) + ")" : "";
    return change(
        fmt::format("DELETE FROM {0} WHERE rowid IN (SELECT number FROM (SELECT rowid AS number, row_number() OVER "
                    "(PARTITION BY {1} ORDER BY rowid) AS place FROM {0}{2}) WHERE place > 1)",
                    table_, keys, among));
  }

  Result<std::int64_t> clip(const std::vector<ColumnInfo>& columns, double minimum, double maximum) {
    if (!(minimum <= maximum))
      return invalid_input("the lower bound " + format_number(minimum) + " is not below the upper bound " +
                           format_number(maximum));
    std::int64_t changed = 0;
    for (const ColumnInfo& column : columns) {
      if (!is_fractional(column.sql_type) && !is_whole(column.sql_type))
        return invalid_input("column '" + column.name + "' is of type " + column.sql_type + ", expected numbers");
      // A whole number is clipped to a whole number within the bounds.
      const double low = is_whole(column.sql_type) ? std::ceil(minimum) : minimum;
      const double high = is_whole(column.sql_type) ? std::floor(maximum) : maximum;
      SLIPWAY_TRY(const std::int64_t raised, set_where(column, " < ", low));
      SLIPWAY_TRY(const std::int64_t lowered, set_where(column, " > ", high));
      changed += raised + lowered;
    }
    return changed;
  }

  Result<std::int64_t> set_where(const ColumnInfo& column, const char* comparison, double bound) {
    if (!std::isfinite(bound)) return std::int64_t{0};
    const std::string name = quote_identifier(column.name);
    const std::string value = "CAST(" + format_number(bound) + " AS DOUBLE)";
    const std::string present = is_fractional(column.sql_type) ? " AND NOT isnan(CAST(" + name + " AS DOUBLE))" : "";
    return change("UPDATE " + table_ + " SET " + name + " = CAST(" + value + " AS " + column.sql_type + ") WHERE " +
                  name + comparison + value + present);
  }

  Connection& connection_;
  std::string table_;
  std::vector<ColumnInfo> columns_;
  std::vector<std::string> names_;
};

Result<std::vector<CleaningCount>> apply_all(Cleaner& cleaner, const std::vector<CleaningStep>& steps) {
  std::vector<CleaningCount> counts;
  SLIPWAY_TRY(std::int64_t rows, cleaner.count());
  for (const CleaningStep& step : steps) {
    CleaningCount count{step_text(step), rows, rows, 0};
    SLIPWAY_TRY(const std::int64_t touched, cleaner.apply(step).with_context(count.step));
    if (step.kind == Kind::clip)
      count.rows_changed = touched;
    else
      count.rows_out = rows -= touched;
    counts.push_back(std::move(count));
  }
  return counts;
}

}  // namespace

Result<std::vector<CleaningCount>> clean_table(Connection& connection, std::string_view name,
                                               const std::vector<CleaningStep>& steps) {
  SLIPWAY_TRY(std::vector<ColumnInfo> columns, describe_query(connection, "FROM " + quote_identifier(name)));
  SLIPWAY_CHECK(connection.run("BEGIN TRANSACTION"));
  Cleaner cleaner(connection, name, std::move(columns));
  auto counts = apply_all(cleaner, steps);
  const Status ended = connection.run(counts.ok() ? "COMMIT" : "ROLLBACK");
  if (counts.ok() && !ended.ok()) return ended.error();
  return counts;
}

}  // namespace slipway::table
