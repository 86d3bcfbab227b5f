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

// An in-memory database and the connection to it. Not safe for concurrent use.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> open(int threads);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  const DuckdbApi& api() const { return *api_; }
  duckdb_connection handle() const { return connection_; }
  int threads() const { return threads_; }
  // The error is DuckDB's own text, untranslated: see sql_error.hpp.
  Result<QueryResult> query(const std::string& sql);
  Status run(const std::string& sql);

 private:
  explicit Connection(const DuckdbApi& api) : api_(&api) {}
  const DuckdbApi* api_;
  int threads_ = 1;
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
  std::string spill_folder_;
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
