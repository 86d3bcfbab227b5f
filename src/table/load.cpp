// Database::load: Parquet and JSON here, the other kinds of sources in their own files.
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>

#include "csv_load.hpp"
#include "csv_text.hpp"
#include "csv_types.hpp"
#include "database.hpp"
#include "location.hpp"
#include "postgres_load.hpp"
#include "sql_error.hpp"
#include "sqlite_load.hpp"

namespace slipway::table {
namespace {

// Notes where the first error is.
struct JsonErrorFinder : nlohmann::json_sax<nlohmann::json> {
  std::size_t position = 0;
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
    position = at;
    return false;
  }
};

// The line of the first malformed value; nothing where it cannot be told. (DuckDB's own count is one too high.)
std::optional<std::int64_t> line_of_malformed_json(const std::string& file) {
  if (is_compressed(file)) return std::nullopt;
  const auto content = read_file(file);
  if (!content.ok()) return std::nullopt;
  if (trim(*content).starts_with("[")) {
    JsonErrorFinder finder;
    if (nlohmann::json::sax_parse(*content, &finder)) return std::nullopt;
    return line_of_position(file, static_cast<std::int64_t>(finder.position));
  }
  std::int64_t line = 0;
  for (const std::string& record : split(*content, '\n'))
    if (++line; !trim(record).empty() && !nlohmann::json::accept(record)) return line;
  return std::nullopt;
}

Error explain_read_error(const Error& error, const std::string& location, FileKind kind) {
  const std::string reason = short_reason(error.message());
  if (kind == FileKind::json && reason.starts_with("Malformed JSON in file \"")) {
    const std::string file = text_between(reason, "in file \"", "\"");
    const auto line = line_of_malformed_json(file);
    const std::string what = reason.substr(reason.rfind(": ") + 2);
    return invalid_input(file + (line ? fmt::format(": line {}", *line) : "") + ": malformed JSON: " + what);
  }
  return Error(error.code(), reason)
      .with_context(location +
                    (kind == FileKind::parquet ? ": cannot be read as Parquet" : ": cannot be read as JSON"));
}

bool is_text(const ColumnInfo& column) { return column.sql_type == "VARCHAR" || column.sql_type == "JSON"; }

// What is read from the file; as text where a pin differs from the file's own type.
std::string sql_of_read(const ColumnInfo& column, bool as_text) {
  const std::string name = quote_identifier(column.name);
  // JSON keeps the quotes around text where a field holds text in one row and a number in another.
  if (column.sql_type == "JSON") return name + "->>'$'";
  if (column.sql_type == "VARCHAR") return name;
  if (as_text) return fmt::format("CAST({} AS VARCHAR)", name);
  if (column.sql_type == "FLOAT" || column.sql_type == "DOUBLE")
    return fmt::format("CASE WHEN isnan({0}) THEN NULL ELSE {0} END", name);
  return name;
}

// Parquet and JSON files bring their types; what is pinned to another one was read as text.
class PinnedReader {
 public:
  PinnedReader(Connection& connection, std::string table, std::string location, Rejects& rejects)
      : connection_(connection), table_(quote_identifier(table)), location_(std::move(location)), rejects_(rejects) {}

  Status reject_misfits(const std::string& column, ColumnType& type) {
    const std::string name = quote_identifier(column);
    SLIPWAY_CHECK(find_format(name, type));
    SLIPWAY_TRY(auto misfits, connection_.query(fmt::format(
                                  "SELECT rowid::VARCHAR, {0} FROM {1} WHERE {0} IS NOT NULL AND {2} IS NULL ORDER BY "
                                  "rowid LIMIT {3}",
                                  name, table_, sql_of_conversion(type, name),
                                  rejects_.room() + static_cast<std::int64_t>(rejected_.size()) + 1)));
    for (const auto& row : misfits.texts()) {
      const bool is_new = rejected_.insert(row[0]).second;
      const std::int64_t number = static_cast<std::int64_t>(parse_number(row[0]).value_or(0)) + 1;
      SLIPWAY_CHECK(
          rejects_.add({location_, number, column, row[1],
                        fmt::format("'{}' is not {}", row[1].substr(0, 60), kind_description(type.kind)), "row"},
                       is_new ? 1 : 0));
    }
    return {};
  }

  Status drop_rejected() {
    if (rejected_.empty()) return {};
    return connection_.run(fmt::format("DELETE FROM {} WHERE rowid IN ({})", table_, fmt::join(rejected_, ", ")));
  }

  Status convert(const std::vector<std::pair<std::string, ColumnType>>& columns) {
    if (columns.empty()) return {};
    std::string replaced;
    for (const auto& [column, type] : columns)
      replaced += fmt::format("{}{} AS {}", replaced.empty() ? "" : ", ", sql_of_cell(type, quote_identifier(column)),
                              quote_identifier(column));
    return connection_.run(
        fmt::format("CREATE OR REPLACE TABLE {0} AS SELECT * REPLACE ({1}) FROM {0}", table_, replaced));
  }

 private:
  Status find_format(const std::string& name, ColumnType& type) {
    if (type.kind != CellKind::time || !type.time_format.empty()) return {};
    SLIPWAY_TRY(auto counted, connection_.query(fmt::format("SELECT {} FROM {}", sql_of_counts(name), table_)));
    const CellCounts counts = read_counts(counted.first_row_integers(), 0);
    if (counts.present == 0 || counts.dates_by_parts != counts.present) return {};
    SLIPWAY_TRY(type.time_format, find_time_format(connection_, name, table_, counts.present));
    return {};
  }

  Connection& connection_;
  std::string table_;
  std::string location_;
  Rejects& rejects_;
  std::set<std::string> rejected_;  // row ids
};

Result<std::vector<ColumnInfo>> load_typed(Connection& connection, std::string_view name, const std::string& location,
                                           const Location& found, const LoadOptions& options, Rejects& rejects) {
  std::string files;
  for (const auto& file : found.files) files += (files.empty() ? "" : ", ") + quote_literal(file.string());
  const std::string reader = found.kind == FileKind::parquet
                                 ? "read_parquet([" + files + "])"
                                 : "read_json([" + files + "], sample_size = -1, maximum_depth = 1)";
  auto columns = describe_query(connection, "FROM " + reader);
  if (!columns.ok()) return explain_read_error(columns.error(), location, found.kind);
  std::string outer, inner;
  std::vector<ColumnInfo> kinds;
  std::vector<std::pair<std::string, ColumnType>> pinned;
  for (const ColumnInfo& column : *columns) {
    ColumnType type = column_type_of_sql(column.sql_type);
    bool differs = false, widened = false;
    for (const ColumnInfo& pin : options.types)
      if (pin.name == column.name) {
        SLIPWAY_TRY(ColumnType wanted, parse_column_type(pin.sql_type));
        widened = wanted.kind == CellKind::number && type.kind == CellKind::integer;
        differs = wanted.kind != type.kind && !widened;
        type = wanted;
      }
    const std::string quoted = quote_identifier(column.name);
    const char* comma = outer.empty() ? "" : ", ";
    inner += fmt::format("{}{} AS {}", comma,
                         widened ? fmt::format("CAST({} AS DOUBLE)", quoted) : sql_of_read(column, differs), quoted);
    outer += fmt::format("{}{} AS {}", comma, is_text(column) ? sql_of_text(quoted, options.missing_markers) : quoted,
                         quoted);
    if (differs && type.kind != CellKind::text) {
      type.settled = true;
      pinned.emplace_back(column.name, type);
    }
    kinds.push_back({column.name, column_type_name(type)});
  }
  const Status made = connection.run(fmt::format("CREATE OR REPLACE TABLE {} AS SELECT {} FROM (SELECT {} FROM {})",
                                                 quote_identifier(name), outer, inner, reader));
  if (!made.ok()) return explain_read_error(made.error(), location, found.kind);
  PinnedReader reading(connection, std::string(name), location, rejects);
  for (auto& [column, type] : pinned) SLIPWAY_CHECK(reading.reject_misfits(column, type));
  SLIPWAY_CHECK(reading.drop_rejected());
  SLIPWAY_CHECK(reading.convert(pinned));
  return kinds;
}

Result<std::vector<ColumnInfo>> load_columns(Connection& connection, std::string_view name, const std::string& location,
                                             const LoadOptions& options, Rejects& rejects, std::string& digest) {
  const SourceAddress address = split_fragment(location);
  LoadOptions chosen = options;
  if (!address.fragment.empty()) chosen.table = address.fragment;
  if (!chosen.table.empty() && !chosen.query.empty())
    return invalid_input(location + ": `table` and `query` exclude each other");
  if (is_server(address.location)) return load_postgres(connection, name, address.location, chosen, rejects, digest);
  SLIPWAY_TRY(const Location found, find_files(address.location));
  if (found.kind == FileKind::sqlite) return load_sqlite(connection, name, found, chosen, rejects);
  if (!chosen.table.empty() || !chosen.query.empty())
    return invalid_input(location + " is no database, so it has no table or query to choose");
  if (found.kind == FileKind::csv) return load_csv(connection, name, found, chosen, rejects);
  return load_typed(connection, name, address.location, found, chosen, rejects);
}

}  // namespace

Result<LoadReport> Database::load(std::string_view name, const std::string& location, const LoadOptions& options) {
  Connection& connection = *state_->connection;
  for (const ColumnInfo& type : options.types) SLIPWAY_CHECK(parse_column_type(type.sql_type).with_context(type.name));
  if (options.max_rejects < 0)
    return invalid_input(fmt::format("max_rejects is {}, expected 0 or more", options.max_rejects));
  Rejects rejects(options.max_rejects);
  LoadReport report;
  auto columns = load_columns(connection, name, location, options, rejects, report.digest);
  if (!columns.ok()) {
    // Cells that do not fit are NULL in the table by now: nobody may take it for a good one.
    SLIPWAY_CHECK(connection.run("DROP TABLE IF EXISTS " + quote_identifier(name)));
    return std::move(columns).error();
  }
  report.columns = *std::move(columns);
  SLIPWAY_TRY(report.rows, count(name));
  report.rejected_rows = rejects.rows();
  report.rejects = rejects.take();
  return report;
}

}  // namespace slipway::table
