#include "database.hpp"

#include <algorithm>

#include <slipway/base/text.hpp>

#include "row_order.hpp"
#include "sql_error.hpp"

namespace slipway::table {
namespace {

Result<std::vector<std::string>> first_column(Connection& connection, const std::string& query) {
  SLIPWAY_TRY(auto answer, connection.query(query));
  std::vector<std::string> values;
  for (auto& row : answer.texts()) values.push_back(std::move(row[0]));
  return values;
}

// A query as it may stand in parentheses: without the semicolons and comments at its end.
std::string bare_query(std::string_view query) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < query.size(); ++i) {
    const char c = query[i];
    const std::string_view rest = query.substr(i);
    if (rest.starts_with("--")) {
      i = std::min(query.find('\n', i), query.size());
    } else if (rest.starts_with("/*")) {
      i = std::min(query.find("*/", i + 2), query.size() - 1) + 1;
    } else if (c == '\'' || c == '"') {
      // A doubled quote closes and opens again, which comes to the same.
      i = std::min(query.find(c, i + 1), query.size() - 1);
      end = i + 1;
    } else if (c != ';' && !trim(std::string_view(&c, 1)).empty()) {
      end = i + 1;
    }
  }
  return std::string(query.substr(0, end));
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string quote_literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

const std::vector<std::string>& default_missing_markers() {
  static const std::vector<std::string> markers = {"", "?", "NA", "N/A", "NULL", "null", "nan", "NaN"};
  return markers;
}

Result<std::vector<std::string>> Database::State::table_names() {
  return first_column(*connection, "SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY table_oid");
}

Result<std::vector<std::string>> Database::State::column_names() {
  SLIPWAY_TRY(const auto all, first_column(*connection,
                                           "SELECT column_name FROM duckdb_columns() WHERE NOT internal ORDER BY "
                                           "table_oid, column_index"));
  std::vector<std::string> names;
  for (const std::string& name : all)
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

Status Database::State::expect_table(std::string_view name) {
  SLIPWAY_TRY(const auto names, table_names());
  if (std::find(names.begin(), names.end(), name) != names.end()) return {};
  std::string message = "there is no table '" + std::string(name) + "'" + suggestion(name, names);
  if (!names.empty()) message += "; the tables are " + list_names(names);
  return not_found(message);
}

Error Database::State::explain(const Error& error) {
  const auto columns = column_names();
  const auto tables = table_names();
  if (!columns.ok() || !tables.ok()) return {error.code(), short_reason(error.message())};
  return explain_sql_error(error, *columns, *tables);
}

Result<std::vector<ColumnInfo>> describe_query(Connection& connection, const std::string& query) {
  SLIPWAY_TRY(auto answer, connection.query("SELECT column_name, column_type FROM (DESCRIBE " + query + "\n)"));
  std::vector<ColumnInfo> columns;
  for (auto& row : answer.texts()) columns.push_back({std::move(row[0]), std::move(row[1])});
  return columns;
}

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(int threads, const std::string& memory_limit) {
  auto state = std::make_unique<State>();
  SLIPWAY_TRY(state->connection, Connection::open(threads, memory_limit));
  return Database(std::move(state));
}

Status Database::create(std::string_view name, std::string_view query) {
  const auto made =
      run_in_order(*state_->connection, "CREATE OR REPLACE TABLE " + quote_identifier(name) + " AS", bare_query(query));
  if (!made.ok()) return state_->explain(made.error()).with_context("query for table '" + std::string(name) + "'");
  return {};
}

Result<std::vector<ColumnInfo>> Database::describe(std::string_view name) {
  SLIPWAY_CHECK(state_->expect_table(name));
  return describe_query(*state_->connection, "FROM " + quote_identifier(name));
}

Result<std::int64_t> Database::count(std::string_view name) {
  SLIPWAY_CHECK(state_->expect_table(name));
  SLIPWAY_TRY(auto answer, state_->connection->query("SELECT count(*) FROM " + quote_identifier(name)));
  return answer.first_row_integers()[0];
}

Result<std::vector<CleaningCount>> Database::clean(std::string_view name, const std::vector<CleaningStep>& steps,
                                                   std::string_view dropped) {
  SLIPWAY_CHECK(state_->expect_table(name));
  return clean_table(*state_->connection, name, steps, dropped);
}

Status Database::write(std::string_view name, const std::filesystem::path& file) {
  SLIPWAY_CHECK(state_->expect_table(name));
  return write_query(*state_->connection, "FROM " + quote_identifier(name), file);
}

Result<Table> Database::fetch(std::string_view query) {
  std::string text = bare_query(query);
  SLIPWAY_TRY(const auto names, state_->table_names());
  if (std::find(names.begin(), names.end(), text) != names.end()) text = "FROM " + quote_identifier(text);
  auto table = fetch_query(*state_->connection, text);
  if (!table.ok()) return state_->explain(table.error()).with_context("query");
  return table;
}

Status Database::execute(std::string_view sql) {
  const Status done = state_->connection->run(std::string(sql));
  if (!done.ok()) return state_->explain(done.error()).with_context("statement");
  return {};
}

Table rejects_table(const std::vector<Reject>& rejects) {
  TextColumn files, columns, values, reasons;
  IntegerColumn lines;
  const auto add = [](TextColumn& column, const std::string& text) {
    column.codes.push_back(text.empty() ? -1 : static_cast<std::int32_t>(column.dictionary.size()));
    if (!text.empty()) column.dictionary.push_back(text);
  };
  for (const Reject& reject : rejects) {
    add(files, reject.file);
    lines.values.push_back(reject.line);
    add(columns, reject.column);
    add(values, reject.value);
    add(reasons, reject.reason);
  }
  // Equal lengths and distinct names: it cannot fail.
  return *Table::make({{"file", std::move(files)},
                       {"line", std::move(lines)},
                       {"column", std::move(columns)},
                       {"value", std::move(values)},
                       {"reason", std::move(reasons)}});
}

Result<Table> read_table(const std::string& location, int threads, const LoadOptions& options) {
  SLIPWAY_TRY(Database database, Database::open(threads));
  SLIPWAY_CHECK(database.load("rows", location, options));
  return database.fetch("rows");
}

}  // namespace slipway::table
