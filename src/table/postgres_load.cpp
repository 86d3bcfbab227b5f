#include "postgres_load.hpp"

#include <memory>
#include <mutex>

#include <fmt/format.h>
#include <libpq-fe.h>

#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>

#include "shared_library.hpp"

namespace slipway::table {
namespace {

#define SLIPWAY_POSTGRES_FUNCTIONS(X) \
  X(PQconnectdb)                      \
  X(PQstatus)                         \
  X(PQerrorMessage)                   \
  X(PQfinish)                         \
  X(PQexec)                           \
  X(PQgetResult)                      \
  X(PQresultStatus)                   \
  X(PQresultErrorMessage)             \
  X(PQclear)                          \
  X(PQnfields)                        \
  X(PQfname)                          \
  X(PQftype)                          \
  X(PQgetCopyData)                    \
  X(PQfreemem)                        \
  X(PQsetClientEncoding)

struct PostgresApi {
  SLIPWAY_POSTGRES_FUNCTIONS(SLIPWAY_FUNCTION_POINTER)
};

Status open_library(PostgresApi& api) {
  const std::string path = "libpq.so.5";
  SLIPWAY_TRY(void* const library, open_shared_library(path, "install the package libpq5"));
  SLIPWAY_POSTGRES_FUNCTIONS(SLIPWAY_FIND_FUNCTION)
  return {};
}

Result<const PostgresApi*> postgres_api() {
  static std::mutex mutex;
  static PostgresApi api;
  static bool opened = false;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!opened) SLIPWAY_CHECK(open_library(api));
  opened = true;
  return &api;
}

// The address without its password, for messages.
std::string shown(const std::string& location) {
  const std::size_t start = location.find("://") + 3;
  const std::size_t at = location.find('@', start), colon = location.find(':', start);
  std::string text = location;
  if (at != std::string::npos && colon < at) text.erase(colon, at - colon);
  if (const std::size_t password = text.find("password="); password != std::string::npos)
    text.erase(password, text.find('&', password) - password);
  return text;
}

// "ERROR:  relation "x" does not exist\nLINE 1: ..." -> its first line without the kind.
std::string reason_of(std::string_view message) {
  std::string_view line = message.substr(0, message.find('\n'));
  if (const std::size_t kind = line.find("ERROR:  "); kind != std::string_view::npos) line.remove_prefix(kind + 8);
  return std::string(trim(line));
}

// Object identifiers of built-in types (PostgreSQL's pg_type.dat).
std::string type_of(Oid type) {
  switch (type) {
    case 16:
      return "boolean";
    case 20:
    case 21:
    case 23:
    case 26:
      return "integer";
    case 700:
    case 701:
    case 1700:
      return "number";
    case 1082:
    case 1114:
    case 1184:
      return "time";
    default:
      return "text";
  }
}

class Session {
 public:
  Session(const PostgresApi& api, std::string location)
      : api_(api), location_(std::move(location)), connection_(nullptr, api.PQfinish) {}

  Status open() {
    connection_.reset(api_.PQconnectdb(location_.c_str()));
    if (connection_ == nullptr || api_.PQstatus(connection_.get()) != CONNECTION_OK)
      return unavailable(shown(location_) + ": " + reason_of(api_.PQerrorMessage(connection_.get())));
    if (api_.PQsetClientEncoding(connection_.get(), "UTF8") != 0) return failure();
    // Without synchronized scans a table's rows come in the same order each time.
    SLIPWAY_CHECK(
        run("SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET synchronize_seqscans = off; SET "
            "extra_float_digits = 1; BEGIN TRANSACTION READ ONLY",
            PGRES_COMMAND_OK));
    return {};
  }

  Result<std::vector<ColumnInfo>> columns_of(const std::string& query) {
    SLIPWAY_CHECK(run("SELECT * FROM (" + query + "\n) AS slipway_query LIMIT 0", PGRES_TUPLES_OK));
    std::vector<ColumnInfo> columns;
    for (int j = 0; j < api_.PQnfields(result_.get()); ++j)
      columns.push_back({api_.PQfname(result_.get(), j), type_of(api_.PQftype(result_.get(), j))});
    return columns;
  }

  Status start_copy(const std::string& query) { return run("COPY (" + query + "\n) TO STDOUT", PGRES_COPY_OUT); }

  // The next line of the copy, valid until the next call; false at the end.
  Result<bool> next_line(std::string_view& line, std::int64_t rows) {
    char* buffer = nullptr;
    const int size = api_.PQgetCopyData(connection_.get(), &buffer, 0);
    buffer_ = Buffer(buffer, api_.PQfreemem);
    if (size > 0) {
      line = {buffer, static_cast<std::size_t>(size)};
      if (line.ends_with('\n')) line.remove_suffix(1);
      return true;
    }
    // The end of the data is no success yet: the server says so in a last result.
    std::string reason = size == -1 ? "" : reason_of(api_.PQerrorMessage(connection_.get()));
    while (PGresult* result = size == -1 ? api_.PQgetResult(connection_.get()) : nullptr) {
      if (api_.PQresultStatus(result) != PGRES_COMMAND_OK) reason = reason_of(api_.PQresultErrorMessage(result));
      api_.PQclear(result);
    }
    if (size == -1 && reason.empty() && api_.PQstatus(connection_.get()) == CONNECTION_OK) return false;
    return unavailable(fmt::format("{}: the rows broke off after {}: {}", shown(location_), rows,
                                   reason.empty() ? "the connection was lost" : reason));
  }

 private:
  using Buffer = std::unique_ptr<char, void (*)(void*)>;

  Error failure() const {
    return invalid_input(shown(location_) + ": " + reason_of(api_.PQerrorMessage(connection_.get())));
  }

  Status run(const std::string& sql, ExecStatusType expected) {
    result_ = {api_.PQexec(connection_.get(), sql.c_str()), api_.PQclear};
    if (result_ != nullptr && api_.PQresultStatus(result_.get()) == expected) return {};
    return failure();
  }

  const PostgresApi& api_;
  std::string location_;
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_{nullptr, nullptr};
  Buffer buffer_{nullptr, nullptr};
};

// COPY's text format (PostgreSQL's manual, "COPY", File Formats): tabs between fields, \N for NULL, backslash escapes.
class LineParser {
 public:
  explicit LineParser(std::size_t columns) : fields_(columns), views_(columns) {}

  // False if the line has another number of fields.
  bool parse(std::string_view line) {
    std::size_t column = 0;
    for (std::size_t start = 0; start <= line.size(); ++column) {
      if (column == fields_.size()) return false;
      const std::size_t end = std::min(line.find('\t', start), line.size());
      const std::string_view field = line.substr(start, end - start);
      if (field == "\\N") {
        views_[column].reset();
      } else if (field.find('\\') == std::string_view::npos) {
        views_[column] = field;
      } else {
        unescape(field, fields_[column]);
        views_[column] = fields_[column];
      }
      start = end + 1;
    }
    return column == fields_.size();
  }
  const std::vector<std::optional<std::string_view>>& fields() const { return views_; }

 private:
  static void unescape(std::string_view field, std::string& text) {
    static constexpr std::string_view letters = "bfnrtv", meant = "\b\f\n\r\t\v";
    text.clear();
    for (std::size_t i = 0; i < field.size(); ++i) {
      if (field[i] != '\\' || i + 1 == field.size()) {
        text += field[i];
        continue;
      }
      const std::size_t letter = letters.find(field[++i]);
      text += letter == std::string_view::npos ? field[i] : meant[letter];
    }
  }

  std::vector<std::string> fields_;
  std::vector<std::optional<std::string_view>> views_;
};

}  // namespace

Result<std::vector<ColumnInfo>> load_postgres(Connection& connection, std::string_view name,
                                              const std::string& location, const LoadOptions& options, Rejects& rejects,
                                              std::string& digest) {
  if (options.table.empty() && options.query.empty())
    return invalid_input(shown(location) + ": say what to read: `table` or `query`, or #TABLE behind the address");
  std::string query = options.query;
  if (query.empty()) {
    // "schema.table" is two names.
    query = "SELECT * FROM ";
    const std::vector<std::string> parts = split(options.table, '.');
    for (std::size_t i = 0; i < parts.size(); ++i) query += (i > 0 ? "." : "") + quote_identifier(parts[i]);
  }
  SLIPWAY_TRY(const PostgresApi* api, postgres_api());
  Session session(*api, location);
  SLIPWAY_CHECK(session.open());
  SLIPWAY_TRY(std::vector<ColumnInfo> pins, session.columns_of(query));
  std::vector<std::string> names;
  std::string cells;
  Sha256 hash;
  for (ColumnInfo& column : pins) {
    if (std::find(names.begin(), names.end(), column.name) != names.end())
      return invalid_input(fmt::format("{}: the query has two columns named '{}'", shown(location), column.name));
    names.push_back(column.name);
    cells += (cells.empty() ? "" : ", ") + quote_identifier(column.name) + "::text";
    hash.update_framed(column.name);
    for (const ColumnInfo& pin : options.types)
      if (pin.name == column.name) column.sql_type = pin.sql_type;
  }
  if (names.empty()) return invalid_input(shown(location) + ": the query gives no columns");
  SLIPWAY_TRY(CellStore store, CellStore::make(connection, names, options.missing_markers, "row"));
  store.begin_file(shown(location));
  SLIPWAY_CHECK(session.start_copy("SELECT " + cells + " FROM (" + query + "\n) AS slipway_query"));
  LineParser parser(names.size());
  std::string_view line;
  for (std::int64_t row = 1;; ++row) {
    SLIPWAY_TRY(const bool more, session.next_line(line, row - 1));
    if (!more) break;
    hash.update_framed(line);
    if (!parser.parse(line)) return internal_error(shown(location) + ": a row of COPY has another number of fields");
    SLIPWAY_CHECK(store.add(parser.fields(), row));
  }
  SLIPWAY_CHECK(store.finish());
  digest = hash.hex();
  SLIPWAY_TRY(const auto types, store.make_table(name, pins, rejects));
  std::vector<ColumnInfo> columns;
  for (std::size_t j = 0; j < names.size(); ++j) columns.push_back({names[j], column_type_name(types[j])});
  return columns;
}

}  // namespace slipway::table
