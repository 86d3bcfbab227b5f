// Database::load: Parquet and JSON here, CSV in csv_load.cpp.
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>

#include "csv_load.hpp"
#include "csv_text.hpp"
#include "csv_types.hpp"
#include "database.hpp"
#include "location.hpp"
#include "sql_error.hpp"

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

// What is read from the file, text trimmed.
std::string sql_of_read(const ColumnInfo& column, CellKind pinned) {
  const std::string name = quote_identifier(column.name);
  if (column.sql_type == "FLOAT" || column.sql_type == "DOUBLE")
    return fmt::format("CASE WHEN isnan({0}) THEN NULL ELSE {0} END", name);
  // JSON keeps the quotes around text where a field holds text in one row and a number in another.
  if (column.sql_type == "JSON") return sql_of_trimmed("(" + name + "->>'$')");
  if (column.sql_type == "VARCHAR") return sql_of_trimmed(name);
  if (pinned == CellKind::text) return fmt::format("CAST({} AS VARCHAR)", name);
  return name;
}

// Parquet and JSON files bring their types; text that was told to be something else is converted afterwards.
Status convert_pinned(Connection& connection, std::string_view table, const std::string& location,
                      const std::vector<ColumnInfo>& columns, const std::vector<ColumnInfo>& types) {
  for (const ColumnInfo& column : columns)
    for (const ColumnInfo& wanted : types) {
      if (wanted.name != column.name || !is_text(column)) continue;
      ColumnType type;
      SLIPWAY_TRY(type.kind, parse_cell_kind(wanted.sql_type));
      if (type.kind == CellKind::text) continue;
      type.settled = true;
      const std::string name = quote_identifier(column.name);
      const std::string converted = sql_of_conversion(type, name);
      SLIPWAY_TRY(auto misfits,
                  connection.query(fmt::format("SELECT (rowid + 1)::VARCHAR, {0} FROM {1} WHERE {0} IS NOT "
                                               "NULL AND {2} IS NULL ORDER BY rowid LIMIT 1",
                                               name, quote_identifier(table), converted)));
      const auto rows = misfits.texts();
      if (!rows.empty())
        return invalid_input(fmt::format("{}: row {}: column '{}': '{}' is not {}", location, rows[0][0], column.name,
                                         rows[0][1].substr(0, 60), kind_description(type.kind)));
      SLIPWAY_CHECK(connection.run(fmt::format("CREATE OR REPLACE TABLE {0} AS SELECT * REPLACE ({1} AS {2}) FROM {0}",
                                               quote_identifier(table), sql_of_cell(type, name), name)));
    }
  return {};
}

}  // namespace

Status Database::load(std::string_view name, const std::string& location,
                      const std::vector<std::string>& missing_markers, const std::vector<ColumnInfo>& types) {
  Connection& connection = *state_->connection;
  SLIPWAY_TRY(const Location found, find_files(location));
  for (const ColumnInfo& type : types) SLIPWAY_CHECK(parse_cell_kind(type.sql_type).with_context(type.name));
  if (found.kind == FileKind::csv) return load_csv(connection, name, found, missing_markers, types);
  std::string files;
  for (const auto& file : found.files) files += (files.empty() ? "" : ", ") + quote_literal(file.string());
  const std::string reader = found.kind == FileKind::parquet
                                 ? "read_parquet([" + files + "])"
                                 : "read_json([" + files + "], sample_size = -1, maximum_depth = 1)";
  auto columns = describe_query(connection, "FROM " + reader);
  if (!columns.ok()) return explain_read_error(columns.error(), location, found.kind);
  std::string outer, inner;
  for (const ColumnInfo& column : *columns) {
    CellKind pinned = CellKind::unknown;
    for (const ColumnInfo& type : types)
      if (type.name == column.name) {
        SLIPWAY_TRY(pinned, parse_cell_kind(type.sql_type));
      }
    const std::string quoted = quote_identifier(column.name);
    const char* comma = outer.empty() ? "" : ", ";
    inner += fmt::format("{}{} AS {}", comma, sql_of_read(column, pinned), quoted);
    outer +=
        fmt::format("{}{} AS {}", comma, is_text(column) ? sql_of_present(quoted, missing_markers) : quoted, quoted);
  }
  const Status made = connection.run(fmt::format("CREATE OR REPLACE TABLE {} AS SELECT {} FROM (SELECT {} FROM {})",
                                                 quote_identifier(name), outer, inner, reader));
  if (!made.ok()) return explain_read_error(made.error(), location, found.kind);
  return convert_pinned(connection, name, location, *columns, types);
}

}  // namespace slipway::table
