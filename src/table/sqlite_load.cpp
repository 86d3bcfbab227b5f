#include "sqlite_load.hpp"

#include <memory>
#include <mutex>

#include <fmt/format.h>
#include <sqlite3.h>

#include <slipway/base/text.hpp>

#include "shared_library.hpp"

namespace slipway::table {
namespace {

#define SLIPWAY_SQLITE_FUNCTIONS(X) \
  X(sqlite3_open_v2)                \
  X(sqlite3_close_v2)               \
  X(sqlite3_prepare_v2)             \
  X(sqlite3_step)                   \
  X(sqlite3_finalize)               \
  X(sqlite3_errmsg)                 \
  X(sqlite3_column_count)           \
  X(sqlite3_column_name)            \
  X(sqlite3_column_decltype)        \
  X(sqlite3_column_type)            \
  X(sqlite3_column_double)          \
  X(sqlite3_column_text)            \
  X(sqlite3_column_blob)            \
  X(sqlite3_column_bytes)

struct SqliteApi {
  SLIPWAY_SQLITE_FUNCTIONS(SLIPWAY_FUNCTION_POINTER)
};

Status open_library(SqliteApi& api) {
  const std::string path = "libsqlite3.so.0";
  SLIPWAY_TRY(void* const library, open_shared_library(path, "install the package libsqlite3-0"));
  SLIPWAY_SQLITE_FUNCTIONS(SLIPWAY_FIND_FUNCTION)
  return {};
}

Result<const SqliteApi*> sqlite_api() {
  static std::mutex mutex;
  static SqliteApi api;
  static bool opened = false;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!opened) SLIPWAY_CHECK(open_library(api));
  opened = true;
  return &api;
}

using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

class SqliteFile {
 public:
  SqliteFile(const SqliteApi& api, std::string file)
      : api_(api), file_(std::move(file)), base_(nullptr, api.sqlite3_close_v2) {}

  Status open() {
    sqlite3* base = nullptr;
    const int code = api_.sqlite3_open_v2(file_.c_str(), &base, SQLITE_OPEN_READONLY, nullptr);
    base_.reset(base);
    return code == SQLITE_OK ? Status() : failure();
  }
  Error failure() const { return invalid_input(file_ + ": " + api_.sqlite3_errmsg(base_.get())); }

  Result<Statement> prepare(const std::string& sql) const {
    sqlite3_stmt* statement = nullptr;
    const int code =
        api_.sqlite3_prepare_v2(base_.get(), sql.c_str(), static_cast<int>(sql.size()), &statement, nullptr);
    Statement prepared(statement, api_.sqlite3_finalize);
    if (code != SQLITE_OK) return failure();
    if (statement == nullptr) return invalid_input(file_ + ": the query is empty");
    return prepared;
  }

  Result<std::vector<std::string>> tables() const {
    SLIPWAY_TRY(
        const Statement statement,
        prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER "
                "BY name"));
    std::vector<std::string> names;
    int code = SQLITE_ROW;
    while ((code = api_.sqlite3_step(statement.get())) == SQLITE_ROW) names.push_back(text(statement.get(), 0));
    if (code != SQLITE_DONE) return failure();
    return names;
  }

  std::string text(sqlite3_stmt* statement, int column) const {
    const void* bytes = api_.sqlite3_column_text(statement, column);
    const auto size = static_cast<std::size_t>(api_.sqlite3_column_bytes(statement, column));
    return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
  }

  // The cell as text; nothing for NULL. What is stored as bytes becomes hexadecimal digits.
  std::optional<std::string> cell(sqlite3_stmt* statement, int column) const {
    switch (api_.sqlite3_column_type(statement, column)) {
      case SQLITE_NULL:
        return std::nullopt;
      case SQLITE_FLOAT:
        // sqlite3_column_text rounds to 15 digits.
        return fmt::format("{}", api_.sqlite3_column_double(statement, column));
      case SQLITE_BLOB: {
        const auto* bytes = static_cast<const unsigned char*>(api_.sqlite3_column_blob(statement, column));
        std::string digits;
        for (int i = 0; i < api_.sqlite3_column_bytes(statement, column); ++i)
          digits += fmt::format("{:02x}", bytes[i]);
        return digits;
      }
      default:
        return text(statement, column);
    }
  }

 private:
  const SqliteApi& api_;
  std::string file_;
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> base_;
};

Result<std::string> query_of(const SqliteFile& base, const std::string& file, const LoadOptions& options) {
  if (!options.query.empty()) return options.query;
  SLIPWAY_TRY(const auto tables, base.tables());
  std::string table = options.table;
  if (table.empty() && tables.size() == 1) table = tables[0];
  if (table.empty())
    return invalid_input(fmt::format("{} holds {} tables, say which one: {}#TABLE; there are {}", file, tables.size(),
                                     file, list_names(tables)));
  if (std::find(tables.begin(), tables.end(), table) == tables.end())
    return not_found(fmt::format("{} has no table '{}'{}; there are {}", file, table, suggestion(table, tables),
                                 list_names(tables)));
  return "SELECT * FROM " + quote_identifier(table);
}

// https://www.sqlite.org/datatype3.html, 3.1: what makes a column one of text.
bool declared_as_text(const char* declaration) {
  const std::string type = lower_case(declaration != nullptr ? declaration : "");
  return type.find("int") == std::string::npos &&
         (type.find("char") != std::string::npos || type.find("clob") != std::string::npos ||
          type.find("text") != std::string::npos);
}

}  // namespace

Result<std::vector<ColumnInfo>> load_sqlite(Connection& connection, std::string_view name, const Location& location,
                                            const LoadOptions& options, Rejects& rejects) {
  if (location.files.size() > 1)
    return invalid_input(fmt::format("{} and {} more files: SQLite files are read one at a time",
                                     location.files[0].string(), location.files.size() - 1));
  const std::string file = location.files[0].string();
  SLIPWAY_TRY(const SqliteApi* api, sqlite_api());
  SqliteFile base(*api, file);
  SLIPWAY_CHECK(base.open());
  SLIPWAY_TRY(const std::string query, query_of(base, file, options));
  SLIPWAY_TRY(const Statement statement, base.prepare(query));
  std::vector<std::string> names;
  std::vector<bool> stored_as_text;
  for (int j = 0; j < api->sqlite3_column_count(statement.get()); ++j) {
    names.emplace_back(api->sqlite3_column_name(statement.get(), j));
    stored_as_text.push_back(declared_as_text(api->sqlite3_column_decltype(statement.get(), j)));
  }
  if (names.empty()) return invalid_input(file + ": the query gives no columns");
  SLIPWAY_TRY(CellStore store, CellStore::make(connection, names, options.missing_markers, "row"));
  store.begin_file(file);
  std::vector<std::optional<std::string>> cells(names.size());
  std::vector<std::optional<std::string_view>> views(names.size());
  int code = SQLITE_ROW;
  for (std::int64_t row = 1; (code = api->sqlite3_step(statement.get())) == SQLITE_ROW; ++row) {
    for (std::size_t j = 0; j < names.size(); ++j) {
      cells[j] = base.cell(statement.get(), static_cast<int>(j));
      views[j] = cells[j] ? std::optional<std::string_view>(*cells[j]) : std::nullopt;
      if (cells[j] && api->sqlite3_column_type(statement.get(), static_cast<int>(j)) != SQLITE_TEXT)
        stored_as_text[j] = false;
    }
    SLIPWAY_CHECK(store.add(views, row));
  }
  if (code != SQLITE_DONE) return base.failure();
  SLIPWAY_CHECK(store.finish());
  std::vector<ColumnInfo> pins = options.types;
  SLIPWAY_TRY(const auto guesses, store.guess_types(pins));
  for (std::size_t j = 0; j < names.size(); ++j) {
    const bool pinned =
        std::any_of(pins.begin(), pins.end(), [&](const ColumnInfo& pin) { return pin.name == names[j]; });
    if (!pinned && stored_as_text[j] && guesses[j].kind != CellKind::time) pins.push_back({names[j], "text"});
  }
  SLIPWAY_TRY(const auto types, store.make_table(name, pins, rejects));
  std::vector<ColumnInfo> columns;
  for (std::size_t j = 0; j < names.size(); ++j) columns.push_back({names[j], column_type_name(types[j])});
  return columns;
}

}  // namespace slipway::table
