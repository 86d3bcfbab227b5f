// Reading, cleaning and writing tables with DuckDB, which is loaded from its shared library at the first use.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/cleaning.hpp>
#include <slipway/table/table.hpp>

namespace slipway::table {

struct ColumnInfo {
  std::string name;
  std::string sql_type;  // DuckDB's name from describe(); number, integer, ... where load() is told a type
};

// What could not be read: a cell that is not of its column's type, or a row whose form is wrong.
struct Reject {
  std::string file;           // or the table of a database
  std::int64_t line;          // from 1: of a text file the line where the row starts, or else the number of the row
  std::string column;         // empty if no column can be blamed
  std::string value;          // of the cell, or what stands on the line
  std::string reason;         // "'abc' is not a number"
  std::string unit = "line";  // what `line` counts: line or row
};

struct LoadReport {
  std::int64_t rows = 0;
  std::int64_t rejected_rows = 0;
  std::vector<Reject> rejects;      // by file and line; a row may have several
  std::vector<ColumnInfo> columns;  // with the types to pin (see LoadOptions::types)
  std::string digest;               // SHA-256 of the rows as they came; of databases only, files: digest_location
};

// The cells that are taken as missing unless told otherwise: empty, ?, NA, N/A, NULL, null, nan, NaN.
const std::vector<std::string>& default_missing_markers();

// How a source is read, where it differs from the usual.
struct LoadOptions {
  std::vector<std::string> missing_markers = default_missing_markers();
  // Pins columns, by name, to number, integer, text, boolean, time, or time with a format of strptime ("time
  // %d.%m.%Y"); columns that the data lacks are passed over, the others are inferred.
  std::vector<ColumnInfo> types = {};
  std::string delimiter = {};     // of CSV files; empty: , ; tab or |, by the header line
  std::string quote = "\"";       // of CSV files; empty for none
  std::string encoding = "auto";  // of CSV files, see docs/sources.md
  // Rows that may be left out because they do not fit; one more is an error.
  std::int64_t max_rejects = 0;
  std::string table = {};  // of a database file or server
  std::string query = {};  // instead of a table, in the database's own SQL
};

// An in-memory DuckDB database in which sources are named tables. Not safe for concurrent use; move-only.
class Database {
 public:
  // threads as in Threads; results do not depend on it. With a memory limit (4GB, 500MB) tables lie in a file among the
  // temporary ones (TMPDIR) and what a query needs beyond the limit is spilled there; a single row, the keys of one
  // hash table's partition and what `fetch` returns must still fit.
  static Result<Database> open(int threads, const std::string& memory_limit = {});
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // Loads `location` as table `name`: a CSV/TSV (also .gz, .zst), Parquet, JSON or NDJSON file, a folder or a glob of
  // such files of one kind, `-` for standard input, a SQLite file (FILE#TABLE, or `table` or `query` among the options,
  // where it has several tables) or a PostgreSQL server (postgresql://user@host/database, likewise). Empty strings and
  // the missing markers are missing; blanks around text are trimmed. CSV files have a header line; a column's type is
  // inferred from all of its cells: if 95 % of them or more are numbers (or times), it is one of numbers, and other
  // cells do not fit; a column without any value is one of numbers. A row that does not fit is an error that names the
  // file, the line, the column and the value, or is left out and reported, up to the limit in the options.
  Result<LoadReport> load(std::string_view name, const std::string& location, const LoadOptions& options = {});
  // Makes (or replaces) table `name` from one query over the tables loaded (DuckDB dialect). Row order is that of the
  // query.
  Status create(std::string_view name, std::string_view query);
  Result<std::vector<ColumnInfo>> describe(std::string_view name);
  Result<std::int64_t> count(std::string_view name);
  // Applies steps in order to table `name`; the order of the rows that stay is kept. An unknown column or a condition
  // that cannot be evaluated is an error that names the step, and the table stays as it was. With `dropped`, a table of
  // that name gets the rows that went, as they were before the first step.
  Result<std::vector<CleaningCount>> clean(std::string_view name, const std::vector<CleaningStep>& steps,
                                           std::string_view dropped = {});
  // Brings a table (or query) into memory. Floating-point and decimal columns become numbers, integers stay exact,
  // booleans become integers 0/1, dates and timestamps times, all else text (whole numbers beyond 64 bits too).
  Result<Table> fetch(std::string_view query);
  // Writes table `name` to a .csv or .parquet file as write_table does, without all of it in memory.
  Status write(std::string_view name, const std::filesystem::path& file);
  // Runs a statement for its effect.
  Status execute(std::string_view sql);

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Loads a source into memory in one call.
Result<Table> read_table(const std::string& location, int threads, const LoadOptions& options = {});

// True for sources whose content has no digest before it is read: databases on servers.
bool is_server(const std::string& location);

// One row per reject: file, line, column, value, reason.
Table rejects_table(const std::vector<Reject>& rejects);

// Writes .csv or .parquet by the file's ending, whole or not at all. Missing cells of a CSV are empty; numbers are in
// the shortest form that reads back as the same float32.
Status write_table(const Table& table, const std::filesystem::path& file, int threads);

// The same for a table that need not be in memory: `produce` hands its blocks of rows, of equal columns and one at
// least, to the function it is given, and passes on that function's errors.
Status write_blocks(const std::filesystem::path& file, int threads,
                    const std::function<Status(const std::function<Status(const Table&)>&)>& produce);

// A digest of all that a location holds (file names aside): SHA-256 over the files' contents in name order.
Result<std::string> digest_location(const std::string& location);

// "amount" -> "\"amount\"" with quotes doubled, for use in SQL.
std::string quote_identifier(std::string_view name);
std::string quote_literal(std::string_view text);

}  // namespace slipway::table
