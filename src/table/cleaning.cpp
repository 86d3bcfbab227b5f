// Cleaning steps as deletions and updates in place: they keep the order of the rows without sorting. Where all steps
// only drop rows the table itself is changed, within a transaction; else a numbered copy is, which then takes its
// place. Under a memory limit the copy is written anew by each step that changes it, because the marks of deleted and
// updated rows cannot leave memory.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <slipway/base/text.hpp>
#include <slipway/table/cleaning.hpp>

#include "cell_store.hpp"
#include "csv_types.hpp"
#include "database.hpp"
#include "row_order.hpp"
#include "sql_error.hpp"

namespace slipway::table {
namespace {

using Kind = CleaningStep::Kind;

constexpr int shown_rows = 3;
constexpr std::size_t shown_cells = 8;

std::string_view kind_name(Kind kind) {
  static constexpr std::string_view names[] = {
      "drop_missing", "fill_missing", "keep",    "drop",  "drop_duplicates", "drop_near_duplicates",
      "clip",         "outliers",     "convert", "scale", "normalise",       "merge_categories"};
  return names[static_cast<std::size_t>(kind)];
}

bool only_drops(const CleaningStep& step) {
  return step.kind == Kind::drop_missing || step.kind == Kind::keep || step.kind == Kind::drop ||
         step.kind == Kind::drop_duplicates || step.kind == Kind::drop_near_duplicates ||
         (step.kind == Kind::outliers && step.action == "drop");
}

bool is_fractional(const std::string& sql_type) {
  return sql_type == "FLOAT" || sql_type == "DOUBLE" || sql_type.starts_with("DECIMAL");
}

bool is_whole(const std::string& sql_type) {
  return sql_type.ends_with("INT") || sql_type == "INTEGER" || sql_type == "UINTEGER";
}

std::string missing_condition(const std::vector<ColumnInfo>& columns) {
  std::string condition;
  for (const ColumnInfo& column : columns) condition += (condition.empty() ? "" : " OR ") + sql_of_missing(column);
  return condition;
}

// Text without regard to case and blanks.
std::string sql_of_loose(const std::string& name) {
  return "lower(trim(regexp_replace(" + name + ", '\\s+', ' ', 'g')))";
}

class Cleaner {
 public:
  Cleaner(Connection& connection, std::string_view table, std::vector<ColumnInfo> columns)
      : connection_(connection), source_(quote_identifier(table)), table_(source_), columns_(std::move(columns)) {
    for (const ColumnInfo& column : columns_) names_.push_back(column.name);
  }

  Result<std::vector<CleaningCount>> run(const std::vector<CleaningStep>& steps, std::string_view dropped) {
    dropped_ = dropped.empty() ? "" : quote_identifier(dropped);
    const bool in_place = !is_limited() && std::all_of(steps.begin(), steps.end(), only_drops);
    SLIPWAY_CHECK(in_place ? begin_in_place() : begin_copy());
    auto counts = apply_all(steps);
    if (counts.ok()) {
      const Status done = in_place ? finish_in_place() : finish_copy();
      if (!done.ok()) counts = done.error();
    }
    (void)connection_.run("DROP TABLE IF EXISTS temp.slipway_ids").ok();
    if (counts.ok()) {
      if (in_place) SLIPWAY_CHECK(connection_.run("COMMIT"));
    } else {
      SLIPWAY_CHECK(connection_.run(in_place ? "ROLLBACK"
                                             : "DROP TABLE IF EXISTS slipway_next; DROP TABLE IF EXISTS slipway_work"));
    }
    return counts;
  }

 private:
  bool is_limited() const { return connection_.memory_limit() > 0; }

  Status begin_in_place() {
    row_ = "rowid";
    SLIPWAY_CHECK(connection_.run("BEGIN TRANSACTION"));
    if (dropped_.empty()) return {};
    return connection_.run(
        fmt::format("CREATE OR REPLACE TABLE {} AS SELECT *, rowid AS slipway_row FROM {} LIMIT 0", dropped_, source_));
  }
  Status finish_in_place() {
    if (dropped_.empty()) return {};
    return connection_.run(fmt::format(
        "CREATE OR REPLACE TABLE {0} AS SELECT * EXCLUDE (slipway_row) FROM {0} ORDER BY slipway_row", dropped_));
  }
  Status begin_copy() {
    row_ = "slipway_row";
    table_ = "slipway_work";
    return connection_.run("CREATE OR REPLACE TABLE slipway_work AS SELECT *, rowid AS slipway_row FROM " + source_);
  }
  Status finish_copy() {
    if (!dropped_.empty())
      SLIPWAY_CHECK(
          connection_.run(fmt::format("CREATE OR REPLACE TABLE {0} AS SELECT * EXCLUDE (slipway_row) FROM (SELECT *, "
                                      "rowid AS slipway_row FROM {1}) "
                                      "ANTI JOIN slipway_work USING (slipway_row) ORDER BY slipway_row",
                                      dropped_, source_)));
    SLIPWAY_CHECK(connection_.run("ALTER TABLE slipway_work DROP COLUMN slipway_row"));
    SLIPWAY_CHECK(connection_.run("DROP TABLE " + source_));
    return connection_.run("ALTER TABLE slipway_work RENAME TO " + source_);
  }

  Result<std::vector<CleaningCount>> apply_all(const std::vector<CleaningStep>& steps) {
    std::vector<CleaningCount> counts;
    SLIPWAY_TRY(auto answer, connection_.query("SELECT count(*) FROM " + table_));
    std::int64_t rows = answer.first_row_integers()[0];
    for (const CleaningStep& step : steps) {
      count_ = {describe_step(step), rows, rows, 0, {}};
      SLIPWAY_CHECK(apply(step).with_context(count_.step));
      rows = count_.rows_out;
      counts.push_back(std::move(count_));
    }
    return counts;
  }

  Status apply(const CleaningStep& step) {
    SLIPWAY_TRY(const std::vector<ColumnInfo> columns, columns_of(step));
    switch (step.kind) {
      case Kind::drop_missing:
        return drop_where(missing_condition(columns), {}, true);
      case Kind::fill_missing:
        return fill_missing(columns, step.value);
      case Kind::keep:
      case Kind::drop:
        if (trim(step.expression).empty())
          return invalid_input("the condition is empty, expected one such as amount > 0");
        if (step.kind == Kind::keep)
          return drop_where("NOT coalesce(CAST((" + step.expression + "\n) AS BOOLEAN), false)");
        return drop_where("CAST((" + step.expression + "\n) AS BOOLEAN)");
      case Kind::drop_duplicates:
        return drop_duplicates(columns, !step.columns.empty());
      case Kind::drop_near_duplicates:
        return drop_near_duplicates(step, columns);
      case Kind::clip:
        return clip(columns, step.minimum, step.maximum);
      case Kind::outliers:
        return outliers(step, columns);
      case Kind::convert:
        return convert(columns, step.value);
      case Kind::scale:
        return scale(step, columns);
      case Kind::normalise:
        return normalise(step, columns);
      case Kind::merge_categories:
        return merge_categories(step, columns);
    }
    return internal_error("unknown cleaning step");
  }

  Result<ColumnInfo> find_column(const std::string& name) const {
    const auto column = std::find(names_.begin(), names_.end(), name);
    if (column == names_.end())
      return not_found("there is no column '" + name + "'" + suggestion(name, names_) + "; the columns are " +
                       list_names(names_));
    return columns_[static_cast<std::size_t>(column - names_.begin())];
  }
  Result<std::vector<ColumnInfo>> columns_of(const CleaningStep& step) const {
    if (step.columns.empty()) return columns_;
    std::vector<ColumnInfo> found;
    for (const std::string& name : step.columns) {
      SLIPWAY_TRY(ColumnInfo column, find_column(name));
      found.push_back(std::move(column));
    }
    return found;
  }

  static Status expect_numbers(const ColumnInfo& column) {
    if (is_fractional(column.sql_type) || is_whole(column.sql_type)) return {};
    return invalid_input("column '" + column.name + "' is of type " + column.sql_type + ", expected numbers");
  }
  static Status expect_text(const ColumnInfo& column) {
    if (column.sql_type == "VARCHAR") return {};
    return invalid_input("column '" + column.name + "' is of type " + column.sql_type + ", expected text");
  }

  Result<QueryResult> query(const std::string& sql) {
    auto done = connection_.query(sql);
    if (!done.ok()) return explain_sql_error(done.error(), names_, {});
    return done;
  }

  // `examples` is a condition that holds for the first of the rows, where it costs less to tell than by `condition`. A
  // scan with a limit ends early and gives the first rows, but only conditions of ours are sure to be scans.
  Status drop_where(const std::string& condition, const std::string& examples = {}, bool is_scan = false) {
    std::string cells;
    for (std::size_t j = 0; j < std::min(shown_cells, names_.size()); ++j)
      cells += fmt::format("{}{} || coalesce({}::VARCHAR, '')", j > 0 ? " || ', ' || " : "",
                           quote_literal(names_[j] + "="), quote_identifier(names_[j]));
    SLIPWAY_TRY(auto shown, query(fmt::format("SELECT ({0} + 1)::VARCHAR, {1} FROM {2} WHERE {3}{4} LIMIT {5}", row_,
                                              cells, table_, examples.empty() ? condition : examples,
                                              is_scan ? "" : " ORDER BY " + row_, shown_rows)));
    add_examples(shown);
    if (count_.examples.empty()) return {};
    if (row_ == "rowid" && !dropped_.empty())
      SLIPWAY_CHECK(query(fmt::format("INSERT INTO {} SELECT *, rowid FROM {} WHERE {}", dropped_, table_, condition)));
    if (is_limited()) return keep_rest(condition);
    SLIPWAY_TRY(auto deleted, query("DELETE FROM " + table_ + " WHERE " + condition));
    count_.rows_out -= deleted.rows_changed();
    return {};
  }
  // A condition may look rows up, and lookups on several threads lose the order of the rows.
  Status keep_rest(const std::string& condition) {
    const auto made = run_on_one_thread(
        connection_, fmt::format("CREATE OR REPLACE TABLE slipway_next AS SELECT * FROM {} WHERE (({}\n)) IS NOT TRUE",
                                 table_, condition));
    if (!made.ok()) return explain_sql_error(made.error(), names_, {});
    SLIPWAY_CHECK(take_next());
    SLIPWAY_TRY(auto left, query("SELECT count(*) FROM " + table_));
    count_.rows_out = left.first_row_integers()[0];
    return {};
  }
  Status take_next() {
    SLIPWAY_CHECK(connection_.run("DROP TABLE " + table_));
    return connection_.run("ALTER TABLE slipway_next RENAME TO " + table_);
  }

  void add_examples(QueryResult& shown) {
    for (const auto& row : shown.texts())
      if (count_.examples.size() < static_cast<std::size_t>(shown_rows))
        count_.examples.push_back({static_cast<std::int64_t>(parse_number(row[0]).value_or(0)), row[1]});
  }

  // Sets a column to an SQL expression, of its own type, where that differs and the condition (may be empty) holds.
  Status set(const ColumnInfo& column, const std::string& expression, const std::string& condition = {}) {
    const std::string name = quote_identifier(column.name);
    const std::string value = fmt::format("CAST({} AS {})", expression, column.sql_type);
    std::string changes = fmt::format("{} IS DISTINCT FROM {}", name, value);
    if (!condition.empty()) changes = "coalesce(CAST((" + condition + "\n) AS BOOLEAN), false) AND " + changes;
    SLIPWAY_TRY(auto shown,
                query(fmt::format("SELECT ({0} + 1)::VARCHAR, {1} || coalesce({2}::VARCHAR, 'missing') || ' -> ' || "
                                  "coalesce(({3})::VARCHAR, 'missing') FROM {4} WHERE {5} ORDER BY {0} LIMIT {6}",
                                  row_, quote_literal(column.name + ": "), name, value, table_, changes, shown_rows)));
    const std::size_t before = count_.examples.size();
    add_examples(shown);
    if (count_.examples.size() == before && before < static_cast<std::size_t>(shown_rows)) return {};
    if (is_limited()) {
      SLIPWAY_TRY(auto counted, query(fmt::format("SELECT count(*) FROM {} WHERE {}", table_, changes)));
      count_.rows_changed += counted.first_row_integers()[0];
      SLIPWAY_CHECK(
          query(fmt::format("CREATE OR REPLACE TABLE slipway_next AS SELECT * REPLACE (CASE WHEN {0} THEN {1} ELSE {2} "
                            "END AS {2}) FROM {3}",
                            changes, value, name, table_)));
      return take_next();
    }
    SLIPWAY_TRY(auto updated, query(fmt::format("UPDATE {} SET {} = {} WHERE {}", table_, name, value, changes)));
    count_.rows_changed += updated.rows_changed();
    return {};
  }

  Status fill_missing(const std::vector<ColumnInfo>& columns, const std::string& value) {
    for (const ColumnInfo& column : columns) SLIPWAY_CHECK(set(column, quote_literal(value), sql_of_missing(column)));
    return {};
  }

  Status drop_ids(const std::string& select) {
    SLIPWAY_CHECK(query("CREATE OR REPLACE TEMP TABLE slipway_ids AS " + select));
    return drop_found();
  }
  Status drop_found() {
    SLIPWAY_TRY(auto first,
                query(fmt::format("SELECT n::VARCHAR FROM temp.slipway_ids ORDER BY n LIMIT {}", shown_rows)));
    std::vector<std::string> rows;
    for (auto& row : first.texts()) rows.push_back(std::move(row[0]));
    if (rows.empty()) return {};
    return drop_where(row_ + " IN (SELECT n FROM temp.slipway_ids)",
                      fmt::format("{} IN ({})", row_, fmt::join(rows, ", ")));
  }

  Status drop_duplicates(const std::vector<ColumnInfo>& columns, bool by_key) {
    std::vector<std::string> keys, equal;
    for (const ColumnInfo& column : columns) {
      keys.push_back(quote_identifier(column.name));
      equal.push_back(fmt::format("{0}.{1} IS NOT DISTINCT FROM repeated.{1}", table_, keys.back()));
    }
    const std::string among = by_key ? " WHERE NOT (" + missing_condition(columns) + ")" : "";
    // Few keys are repeated: only these are kept and looked up. Under a memory limit the keys are counted a share of
    // them at a time, such that the counts of a share fit.
    const int shares = is_limited() ? key_shares(columns.size()) : 1;
    for (int share = 0; share < shares; ++share) {
      std::string one = among;
      if (shares > 1)
        one += fmt::format("{}hash({}) % {} = {}", among.empty() ? " WHERE " : " AND ", fmt::join(keys, ", "), shares,
                           share);
      const std::string select = fmt::format(
          "SELECT {1}.{0} AS n FROM {1} JOIN (SELECT min({0}) AS \"slipway\nfirst\", {3} FROM {1}{2} GROUP BY {3} "
          "HAVING count(*) > 1) AS repeated ON {4} WHERE {1}.{0} <> \"slipway\nfirst\"",
          row_, table_, one, fmt::join(keys, ", "), fmt::join(equal, " AND "));
      SLIPWAY_CHECK(query(
          (share == 0 ? "CREATE OR REPLACE TEMP TABLE slipway_ids AS " : "INSERT INTO temp.slipway_ids ") + select));
    }
    return drop_found();
  }
  // A count takes some 64 bytes and 32 for each of its keys, and half of the memory may be counts.
  int key_shares(std::size_t keys) const {
    const double bytes = static_cast<double>(count_.rows_in) * (64 + 32 * static_cast<double>(keys));
    return static_cast<int>(std::clamp(std::ceil(bytes / (connection_.memory_limit() / 2)), 1.0, 1000.0));
  }

  Status drop_near_duplicates(const CleaningStep& step, const std::vector<ColumnInfo>& columns) {
    std::vector<std::string> keys;
    std::vector<ColumnInfo> needed;
    for (const ColumnInfo& column : columns) {
      if (column.name == step.time) continue;
      needed.push_back(column);
      const std::string name = quote_identifier(column.name);
      if (column.sql_type == "VARCHAR")
        keys.push_back(sql_of_loose(name));
      else if (is_fractional(column.sql_type))
        keys.push_back(fmt::format("round({}, {})", name, step.decimals));
      else
        keys.push_back(name);
    }
    if (keys.empty()) return invalid_input("`by` names no column");
    if (step.time.empty())
      return drop_ids(
          fmt::format("SELECT n FROM (SELECT {0} AS n, row_number() OVER (PARTITION BY {1} ORDER BY {0}) AS "
                      "place FROM {2} WHERE NOT ({3})) WHERE place > 1",
                      row_, fmt::join(keys, ", "), table_, missing_condition(needed)));
    SLIPWAY_TRY(const ColumnInfo time, find_column(step.time));
    if (!time.sql_type.starts_with("TIMESTAMP") && time.sql_type != "DATE")
      return invalid_input("column '" + time.name + "' is of type " + time.sql_type + ", expected times");
    needed.push_back(time);
    return drop_ids(
        fmt::format("SELECT n FROM (SELECT {0} AS n, epoch_us({1}) - lag(epoch_us({1})) OVER (PARTITION BY {2} ORDER "
                    "BY {1}, {0}) AS "
                    "gap FROM {3} WHERE NOT ({4})) WHERE gap <= {5}",
                    row_, quote_identifier(time.name), fmt::join(keys, ", "), table_, missing_condition(needed),
                    std::llround(step.seconds * 1e6)));
  }

  Status clip(const std::vector<ColumnInfo>& columns, double minimum, double maximum) {
    if (!(minimum <= maximum))
      return invalid_input("the lower bound " + format_number(minimum) + " is not below the upper bound " +
                           format_number(maximum));
    for (const ColumnInfo& column : columns) {
      SLIPWAY_CHECK(expect_numbers(column));
      SLIPWAY_CHECK(clip_one(column, minimum, maximum));
    }
    return {};
  }

  // A whole number is clipped to a whole number within the bounds.
  Status clip_one(const ColumnInfo& column, double minimum, double maximum) {
    const double low = is_whole(column.sql_type) ? std::ceil(minimum) : minimum;
    const double high = is_whole(column.sql_type) ? std::floor(maximum) : maximum;
    if (std::isfinite(low)) SLIPWAY_CHECK(set(column, sql_of(low), beyond(column, " < ", low)));
    if (std::isfinite(high)) SLIPWAY_CHECK(set(column, sql_of(high), beyond(column, " > ", high)));
    return {};
  }

  static std::string sql_of(double number) { return "CAST(" + format_number(number) + " AS DOUBLE)"; }
  static std::string beyond(const ColumnInfo& column, const char* comparison, double bound) {
    const std::string name = quote_identifier(column.name);
    const std::string present = is_fractional(column.sql_type) ? " AND NOT isnan(CAST(" + name + " AS DOUBLE))" : "";
    return name + comparison + sql_of(bound) + present;
  }

  Result<std::vector<double>> numbers(const std::string& select) {
    // Moments are sums of floating-point numbers.
    auto answer = run_on_one_thread(connection_, select);
    if (!answer.ok()) return explain_sql_error(answer.error(), names_, {});
    std::vector<double> values;
    const auto rows = answer->texts();
    for (const std::string& cell : rows.at(0)) values.push_back(parse_number(cell).value_or(std::nan("")));
    return values;
  }

  // Rows beyond which a column's numbers are outliers; NaN without numbers to tell.
  Result<std::pair<double, double>> bounds(const CleaningStep& step, const ColumnInfo& column) {
    const std::string value = fmt::format("CAST({} AS DOUBLE)", quote_identifier(column.name));
    const std::string from = fmt::format("(SELECT {0} AS x FROM {1} WHERE isfinite({0}))", value, table_);
    const double given = step.threshold;
    if (step.method == "iqr") {
      SLIPWAY_TRY(const auto found,
                  numbers("SELECT quantile_cont(x, 0.25)::VARCHAR, quantile_cont(x, 0.75)::VARCHAR FROM " + from));
      const double reach = (given > 0 ? given : 1.5) * (found[1] - found[0]);
      return std::pair{found[0] - reach, found[1] + reach};
    }
    if (step.method == "z") {
      SLIPWAY_TRY(const auto found, numbers("SELECT avg(x)::VARCHAR, stddev_samp(x)::VARCHAR FROM " + from));
      const double reach = (given > 0 ? given : 3) * found[1];
      return std::pair{found[0] - reach, found[0] + reach};
    }
    if (step.method == "mad") {
      SLIPWAY_TRY(const auto found, numbers("SELECT median(x)::VARCHAR, mad(x)::VARCHAR FROM " + from));
      // 1.4826 makes it the standard deviation of a normal distribution (Rousseeuw and Croux 1993).
      const double reach = (given > 0 ? given : 3.5) * 1.4826 * found[1];
      return std::pair{found[0] - reach, found[0] + reach};
    }
    static const std::vector<std::string> known = {"iqr", "z", "mad"};
    return invalid_input("unknown method '" + step.method + "'" + suggestion(step.method, known) + "; there are " +
                         list_names(known));
  }

  Status outliers(const CleaningStep& step, const std::vector<ColumnInfo>& columns) {
    for (const ColumnInfo& column : columns) {
      SLIPWAY_CHECK(expect_numbers(column));
      SLIPWAY_TRY(const auto range, bounds(step, column));
      if (!(range.first <= range.second)) continue;
      const std::string outside =
          fmt::format("(({}) OR ({}))", beyond(column, " < ", range.first), beyond(column, " > ", range.second));
      if (step.action == "drop") {
        SLIPWAY_CHECK(drop_where(outside));
      } else if (step.action == "clip") {
        SLIPWAY_CHECK(clip_one(column, range.first, range.second));
      } else if (step.action == "flag") {
        const ColumnInfo flag{column.name + "_outlier", "BIGINT"};
        if (std::find(names_.begin(), names_.end(), flag.name) != names_.end())
          return invalid_input("there is a column '" + flag.name + "' already");
        SLIPWAY_CHECK(
            query(fmt::format("ALTER TABLE {} ADD COLUMN {} BIGINT DEFAULT 0", table_, quote_identifier(flag.name))));
        columns_.push_back(flag);
        names_.push_back(flag.name);
        SLIPWAY_CHECK(set(flag, "1", outside));
      } else {
        static const std::vector<std::string> known = {"drop", "clip", "flag"};
        return invalid_input("unknown action '" + step.action + "'" + suggestion(step.action, known) + "; there are " +
                             list_names(known));
      }
    }
    return {};
  }

  Status convert(const std::vector<ColumnInfo>& columns, const std::string& wanted) {
    SLIPWAY_TRY(ColumnType type, parse_column_type(wanted));
    type.settled = true;
    static const std::string sql_types[] = {"", "BIGINT", "DOUBLE", "TIMESTAMP", "BOOLEAN", "VARCHAR"};
    const std::string& sql_type = sql_types[static_cast<std::size_t>(type.kind)];
    for (const ColumnInfo& column : columns) {
      const std::string name = quote_identifier(column.name);
      const std::string text = sql_of_trimmed("CAST(" + name + " AS VARCHAR)");
      const std::string value = sql_of_cell(type, "(" + text + ")");
      // What is lost is what counts as changed.
      const std::string lost = fmt::format("{} IS NOT NULL AND ({}) IS NULL", name, value);
      SLIPWAY_TRY(auto shown,
                  query(fmt::format("SELECT ({0} + 1)::VARCHAR, {1} || {2}::VARCHAR || ' -> missing' FROM {3} "
                                    "WHERE {4} ORDER BY {0} LIMIT {5}",
                                    row_, quote_literal(column.name + ": "), name, table_, lost, shown_rows)));
      add_examples(shown);
      SLIPWAY_TRY(auto counted, query("SELECT count(*) FROM " + table_ + " WHERE " + lost));
      count_.rows_changed += counted.first_row_integers()[0];
      SLIPWAY_CHECK(query(
          fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DATA TYPE {} USING {}", table_, name, sql_type, value)));
      for (ColumnInfo& known : columns_)
        if (known.name == column.name) known.sql_type = sql_type;
    }
    return {};
  }

  Status scale(const CleaningStep& step, const std::vector<ColumnInfo>& columns) {
    for (const ColumnInfo& column : columns) {
      SLIPWAY_CHECK(expect_numbers(column));
      ColumnInfo numbers = column;
      if (is_whole(column.sql_type)) {
        // Whole numbers times a fraction are none.
        SLIPWAY_CHECK(query(
            fmt::format("ALTER TABLE {} ALTER COLUMN {} SET DATA TYPE DOUBLE", table_, quote_identifier(column.name))));
        numbers.sql_type = "DOUBLE";
        for (ColumnInfo& known : columns_)
          if (known.name == column.name) known.sql_type = "DOUBLE";
      }
      SLIPWAY_CHECK(set(
          numbers, fmt::format("{} * {} + {}", quote_identifier(column.name), sql_of(step.factor), sql_of(step.offset)),
          step.expression));
    }
    return {};
  }

  Status normalise(const CleaningStep& step, const std::vector<ColumnInfo>& columns) {
    static const std::vector<std::string> known = {"lower", "upper"};
    if (!step.letters.empty() && std::find(known.begin(), known.end(), step.letters) == known.end())
      return invalid_input("letters: '" + step.letters + "'" + suggestion(step.letters, known) + ", expected " +
                           list_names(known));
    for (const ColumnInfo& column : columns) {
      if (step.columns.empty() && column.sql_type != "VARCHAR") continue;
      SLIPWAY_CHECK(expect_text(column));
      std::string text = "nfc_normalize(trim(regexp_replace(" + quote_identifier(column.name) + ", '\\s+', ' ', 'g')))";
      if (step.strip_accents) text = "strip_accents(" + text + ")";
      if (!step.letters.empty()) text = step.letters + "(" + text + ")";
      SLIPWAY_CHECK(set(column, "nullif(" + text + ", '')"));
    }
    return {};
  }

  Status merge_categories(const CleaningStep& step, const std::vector<ColumnInfo>& columns) {
    for (const ColumnInfo& column : columns) {
      SLIPWAY_CHECK(expect_text(column));
      const std::string name = quote_identifier(column.name);
      std::vector<std::string> merged = step.values;
      if (step.minimum_count > 0) {
        SLIPWAY_TRY(auto rare,
                    query(fmt::format("SELECT {0} FROM {1} WHERE {0} IS NOT NULL GROUP BY {0} HAVING count(*) < {2} "
                                      "ORDER BY {0}",
                                      name, table_, step.minimum_count)));
        for (auto& row : rare.texts()) merged.push_back(std::move(row[0]));
      }
      if (merged.empty()) continue;
      SLIPWAY_CHECK(
          set(column, quote_literal(step.value), fmt::format("list_contains({}, {})", sql_list(merged), name)));
    }
    return {};
  }

  Connection& connection_;
  std::string source_;
  std::string table_;  // what is changed: the source, or its copy
  std::string row_;    // the column of row numbers in table_
  std::string dropped_;
  std::vector<ColumnInfo> columns_;
  std::vector<std::string> names_;
  CleaningCount count_;  // of the step at work
};

}  // namespace

std::string sql_of_missing(const ColumnInfo& column) {
  const std::string name = quote_identifier(column.name);
  std::string condition = name + " IS NULL";
  if (column.sql_type == "VARCHAR")
    condition += " OR (" + name + " < '!' AND trim(" + name + ", E' \\t\\r\\n') = '')";  // the first test is cheap
  if (column.sql_type == "FLOAT" || column.sql_type == "DOUBLE") condition += " OR isnan(" + name + ")";
  return "(" + condition + ")";
}

std::string describe_step(const CleaningStep& step) {
  const std::string kind = std::string(kind_name(step.kind)) + ": ";
  const std::string columns = list_names(step.columns, 1000);
  switch (step.kind) {
    case Kind::keep:
    case Kind::drop:
      return kind + std::string(trim(step.expression));
    case Kind::drop_missing:
      return kind + (step.columns.empty() ? "any column" : columns);
    case Kind::fill_missing:
      return kind + columns + " with " + step.value;
    case Kind::drop_duplicates:
      return kind + "by " + (step.columns.empty() ? "all columns" : columns);
    case Kind::drop_near_duplicates:
      if (step.time.empty()) return fmt::format("{}by {}, {} decimals", kind, columns, step.decimals);
      return fmt::format("{}by {}, {} decimals, within {} s of {}", kind, columns, step.decimals,
                         format_number(step.seconds), step.time);
    case Kind::clip:
      return fmt::format("{}{} to {} .. {}", kind, columns, format_number(step.minimum), format_number(step.maximum));
    case Kind::outliers:
      return fmt::format("{}{} {} by {}{}", kind, step.action, columns, step.method,
                         step.threshold > 0 ? " " + format_number(step.threshold) : "");
    case Kind::convert:
      return kind + columns + " to " + step.value;
    case Kind::scale:
      return fmt::format("{}{} x {} + {}{}", kind, columns, format_number(step.factor), format_number(step.offset),
                         step.expression.empty() ? "" : " where " + std::string(trim(step.expression)));
    case Kind::normalise:
      return fmt::format("{}{}{}{}", kind, step.columns.empty() ? "all text" : columns,
                         step.letters.empty() ? "" : ", " + step.letters + " case",
                         step.strip_accents ? ", without accents" : "");
    case Kind::merge_categories:
      return fmt::format("{}{}: {}{} -> {}", kind, columns, list_names(step.values, 1000),
                         step.minimum_count > 0 ? fmt::format("fewer than {} rows", step.minimum_count) : "",
                         step.value);
  }
  return kind;
}

Result<std::vector<CleaningCount>> clean_table(Connection& connection, std::string_view name,
                                               const std::vector<CleaningStep>& steps, std::string_view dropped) {
  SLIPWAY_TRY(std::vector<ColumnInfo> columns, describe_query(connection, "FROM " + quote_identifier(name)));
  return Cleaner(connection, name, std::move(columns)).run(steps, dropped);
}

}  // namespace slipway::table
