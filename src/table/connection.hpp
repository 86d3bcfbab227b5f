// Owners of DuckDB's handles, and queries that return Results.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

#include "duckdb_api.hpp"

namespace slipway::table {

// The rows of one query, freed with it.
class QueryResult {
 public:
  explicit QueryResult(const DuckdbApi& api) : api_(&api) {}
  QueryResult(QueryResult&& other) noexcept;
  QueryResult& operator=(QueryResult&&) = delete;
  ~QueryResult();

  duckdb_result* handle() { return &result_; }
  std::int64_t rows_changed() { return static_cast<std::int64_t>(api_->duckdb_rows_changed(&result_)); }
  // What went wrong while chunks of a stream were fetched; nothing if all came.
  Status error();
  // Every cell as text, row by row; for small answers whose columns were all cast to VARCHAR. NULL becomes "".
  std::vector<std::vector<std::string>> texts();
  // Every cell of the first row as a whole number; for aggregates whose columns were all cast to BIGINT.
  std::vector<std::int64_t> first_row_integers();

 private:
  const DuckdbApi* api_;
  duckdb_result result_{};
};

// A chunk of rows, freed with it.
class Chunk {
 public:
  Chunk(const DuckdbApi& api, duckdb_data_chunk chunk) : api_(&api), chunk_(chunk) {}
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;
  ~Chunk() {
    if (chunk_ != nullptr) api_->duckdb_destroy_data_chunk(&chunk_);
  }
  duckdb_data_chunk get() const { return chunk_; }
  std::size_t size() const { return api_->duckdb_data_chunk_get_size(chunk_); }
  duckdb_vector vector(std::size_t column) const { return api_->duckdb_data_chunk_get_vector(chunk_, column); }

 private:
  const DuckdbApi* api_;
  duckdb_data_chunk chunk_;
};

// A column's type in a result, freed with it.
class LogicalType {
 public:
  LogicalType(const DuckdbApi& api, duckdb_logical_type type) : api_(&api), type_(type) {}
  LogicalType(const LogicalType&) = delete;
  LogicalType& operator=(const LogicalType&) = delete;
  ~LogicalType() { api_->duckdb_destroy_logical_type(&type_); }
  duckdb_logical_type get() const { return type_; }

 private:
  const DuckdbApi* api_;
  duckdb_logical_type type_;
};

// A database of this process alone and the connection to it. Not safe for concurrent use.
class Connection {
 public:
  // In memory, or in a file of the spill folder where there is a memory limit (DuckDB's form: 4GB, 500MiB; "" for
  // none): tables in a file need not be in memory. The spill folder lies in the folder for temporary files (TMPDIR) and
  // goes with the connection.
  static Result<std::unique_ptr<Connection>> open(int threads, const std::string& memory_limit = {});
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  const DuckdbApi& api() const { return *api_; }
  duckdb_connection handle() const { return connection_; }
  int threads() const { return threads_; }
  // Bytes; 0 without a limit of the caller's.
  double memory_limit() const { return memory_limit_; }
  // The error is DuckDB's own text, untranslated: see sql_error.hpp.
  Result<QueryResult> query(const std::string& sql);
  // The same, without all rows in memory at once: chunks are computed as they are fetched. `failure` is an error of a
  // later chunk (see QueryResult::error()).
  Result<QueryResult> stream(const std::string& sql);
  Status run(const std::string& sql);

 private:
  explicit Connection(const DuckdbApi& api) : api_(&api) {}
  const DuckdbApi* api_;
  double memory_limit_ = 0;
  int threads_ = 1;
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
  std::string spill_folder_;
};

// Rows into a table, in order, chunk by chunk.
class Appender {
 public:
  // `catalog` is "" or "temp"; the types are those of the table's columns.
  static Result<Appender> open(Connection& connection, const char* catalog, const char* table,
                               const std::vector<duckdb_type>& types);
  Appender(Appender&&) noexcept = default;
  Appender& operator=(Appender&&) = delete;
  ~Appender();

  std::size_t capacity() const { return capacity_; }
  // The vectors of the chunk that the next append() takes; every cell of them valid to begin with.
  duckdb_vector vector(std::size_t column) const { return chunk_->vector(column); }
  Status append(std::size_t rows);
  // Nothing is certain to be in the table before this.
  Status close();

 private:
  explicit Appender(const DuckdbApi& api) : api_(&api) {}
  Error failure();

  const DuckdbApi* api_;
  std::unique_ptr<duckdb_appender> appender_;
  std::unique_ptr<Chunk> chunk_;
  std::size_t capacity_ = 0;
};

inline bool is_valid(const std::uint64_t* validity, std::size_t row) {
  return validity == nullptr || ((validity[row / 64] >> (row % 64)) & 1) != 0;
}

inline std::string_view string_view_of(const duckdb_string_t& text) {
  // The layout is part of DuckDB's C interface; calling its accessors once per cell costs more than the copy.
  return text.value.inlined.length <= 12 ? std::string_view(text.value.inlined.inlined, text.value.inlined.length)
                                         : std::string_view(text.value.pointer.ptr, text.value.pointer.length);
}

}  // namespace slipway::table
