#include "connection.hpp"

#include <atomic>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <unistd.h>

#include <slipway/base/parallel.hpp>
#include <slipway/base/text.hpp>

#include "cell_functions.hpp"

namespace slipway::table {
namespace {

// DuckDB makes the folder only when it spills; a fixed name would be shared by processes.
std::string spill_folder_name() {
  static std::atomic<unsigned> counter{0};
  std::error_code code;
  const std::filesystem::path folder = std::filesystem::temp_directory_path(code);
  if (code) return {};
  return (folder / ("slipway-spill-" + std::to_string(::getpid()) + "-" + std::to_string(counter++))).string();
}

ErrorCode code_of(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_INTERNAL:
    case DUCKDB_ERROR_FATAL:
      return ErrorCode::internal;
    case DUCKDB_ERROR_OUT_OF_MEMORY:
      return ErrorCode::unavailable;
    default:
      return ErrorCode::invalid_input;
  }
}

// A size as DuckDB writes it, such as 3.7 GiB.
double size_in_bytes(const std::string& text) {
  constexpr std::string_view units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  const std::size_t blank = text.find(' ');
  double bytes = parse_number(text.substr(0, blank)).value_or(0);
  for (const std::string_view unit : units) {
    if (blank == std::string::npos || text.substr(blank + 1) == unit) break;
    bytes *= 1024;
  }
  return bytes;
}

}  // namespace

QueryResult::QueryResult(QueryResult&& other) noexcept
    : api_(other.api_), result_(std::exchange(other.result_, duckdb_result{})) {}

QueryResult::~QueryResult() { api_->duckdb_destroy_result(&result_); }

Status QueryResult::error() {
  const char* message = api_->duckdb_result_error(&result_);
  if (message == nullptr || *message == '\0') return {};
  return Error(code_of(api_->duckdb_result_error_type(&result_)), message);
}

std::vector<std::vector<std::string>> QueryResult::texts() {
  std::vector<std::vector<std::string>> rows;
  const std::size_t width = api_->duckdb_column_count(&result_);
  while (duckdb_data_chunk fetched = api_->duckdb_fetch_chunk(result_)) {
    const Chunk chunk(*api_, fetched);
    const std::size_t first = rows.size();
    rows.resize(first + chunk.size(), std::vector<std::string>(width));
    for (std::size_t j = 0; j < width; ++j) {
      const duckdb_vector vector = chunk.vector(j);
      const auto* cells = static_cast<const duckdb_string_t*>(api_->duckdb_vector_get_data(vector));
      const std::uint64_t* validity = api_->duckdb_vector_get_validity(vector);
      for (std::size_t i = 0; i < chunk.size(); ++i)
        if (is_valid(validity, i)) rows[first + i][j] = string_view_of(cells[i]);
    }
  }
  return rows;
}

std::vector<std::int64_t> QueryResult::first_row_integers() {
  std::vector<std::int64_t> values(api_->duckdb_column_count(&result_), 0);
  const Chunk chunk(*api_, api_->duckdb_fetch_chunk(result_));
  if (chunk.get() == nullptr || chunk.size() == 0) return values;
  for (std::size_t j = 0; j < values.size(); ++j) {
    const duckdb_vector vector = chunk.vector(j);
    if (is_valid(api_->duckdb_vector_get_validity(vector), 0))
      values[j] = *static_cast<const std::int64_t*>(api_->duckdb_vector_get_data(vector));
  }
  return values;
}

Result<std::unique_ptr<Connection>> Connection::open(int threads, const std::string& memory_limit) {
  SLIPWAY_TRY(const DuckdbApi* api, duckdb_api());
  std::unique_ptr<Connection> connection(new Connection(*api));
  connection->spill_folder_ = spill_folder_name();
  connection->threads_ = Threads(threads).count();
  const std::string count = std::to_string(connection->threads_);
  duckdb_config config = nullptr;
  if (api->duckdb_create_config(&config) != DuckDBSuccess) return internal_error("DuckDB made no configuration");
  const std::pair<const char*, const char*> settings[] = {{"threads", count.c_str()},
                                                          {"preserve_insertion_order", "true"},
                                                          {"autoinstall_known_extensions", "false"},
                                                          {"autoload_known_extensions", "false"},
                                                          {"temp_directory", connection->spill_folder_.c_str()}};
  std::string refused;
  for (const auto& [name, value] : settings)
    if (api->duckdb_set_config(config, name, value) != DuckDBSuccess) refused = name;
  std::string file;
  if (!memory_limit.empty()) {
    if (api->duckdb_set_config(config, "memory_limit", memory_limit.c_str()) != DuckDBSuccess) {
      api->duckdb_destroy_config(&config);
      return invalid_input("the memory limit is '" + memory_limit + "', expected a size such as 4GB or 500MB");
    }
    std::error_code code;
    std::filesystem::create_directories(connection->spill_folder_, code);
    if (code) return unavailable("cannot make " + connection->spill_folder_ + ": " + code.message());
    file = connection->spill_folder_ + "/tables.duckdb";
  }
  char* reason = nullptr;
  const bool opened = refused.empty() && api->duckdb_open_ext(file.empty() ? nullptr : file.c_str(),
                                                              &connection->database_, config, &reason) == DuckDBSuccess;
  api->duckdb_destroy_config(&config);
  if (!opened) {
    const std::string text = reason != nullptr ? reason : "it does not know the setting " + refused;
    if (reason != nullptr) api->duckdb_free(reason);
    return internal_error("DuckDB did not start: " + text);
  }
  if (api->duckdb_connect(connection->database_, &connection->connection_) != DuckDBSuccess)
    return internal_error("DuckDB gave no connection");
  // Times with an offset become UTC whatever zone the machine is in.
  SLIPWAY_CHECK(connection->run("SET TimeZone = 'UTC'"));
  SLIPWAY_CHECK(connection->run("SET enable_progress_bar = false"));
  if (!memory_limit.empty()) {
    SLIPWAY_TRY(auto limit, connection->query("SELECT current_setting('memory_limit')"));
    connection->memory_limit_ = size_in_bytes(limit.texts().at(0).at(0));
  }
  SLIPWAY_CHECK(register_cell_functions(*api, connection->connection_));
  return connection;
}

Connection::~Connection() {
  if (connection_ != nullptr) api_->duckdb_disconnect(&connection_);
  if (database_ != nullptr) api_->duckdb_close(&database_);
  std::error_code ignored;
  if (!spill_folder_.empty()) std::filesystem::remove_all(spill_folder_, ignored);
}

Result<QueryResult> Connection::query(const std::string& sql) {
  // The C interface takes zero-terminated text: what stands behind a zero would be dropped silently.
  if (sql.find('\0') != std::string::npos) return invalid_input("a query must not hold a zero byte");
  QueryResult result(*api_);
  if (api_->duckdb_query(connection_, sql.c_str(), result.handle()) == DuckDBSuccess) return result;
  const char* message = api_->duckdb_result_error(result.handle());
  return Error(code_of(api_->duckdb_result_error_type(result.handle())),
               message != nullptr ? message : "DuckDB failed without a message");
}

Result<QueryResult> Connection::stream(const std::string& sql) {
  if (sql.find('\0') != std::string::npos) return invalid_input("a query must not hold a zero byte");
  duckdb_prepared_statement statement = nullptr;
  duckdb_pending_result pending = nullptr;
  QueryResult result(*api_);
  std::string reason;
  if (api_->duckdb_prepare(connection_, sql.c_str(), &statement) != DuckDBSuccess) {
    const char* message = api_->duckdb_prepare_error(statement);
    reason = message != nullptr ? message : "DuckDB failed without a message";
  } else if (api_->duckdb_pending_prepared_streaming(statement, &pending) != DuckDBSuccess) {
    const char* message = api_->duckdb_pending_error(pending);
    reason = message != nullptr ? message : "DuckDB failed without a message";
  } else if (api_->duckdb_execute_pending(pending, result.handle()) != DuckDBSuccess) {
    const char* message = api_->duckdb_result_error(result.handle());
    reason = message != nullptr ? message : "DuckDB failed without a message";
  }
  api_->duckdb_destroy_pending(&pending);
  api_->duckdb_destroy_prepare(&statement);
  if (!reason.empty()) return invalid_input(reason);
  return result;
}

Status Connection::run(const std::string& sql) {
  SLIPWAY_CHECK(query(sql));
  return {};
}

Result<Appender> Appender::open(Connection& connection, const char* catalog, const char* table,
                                const std::vector<duckdb_type>& types) {
  const DuckdbApi& api = connection.api();
  Appender appender(api);
  appender.appender_ = std::make_unique<duckdb_appender>(nullptr);
  if (api.duckdb_appender_create_ext(connection.handle(), *catalog == '\0' ? nullptr : catalog, nullptr, table,
                                     appender.appender_.get()) != DuckDBSuccess)
    return appender.failure();
  std::vector<duckdb_logical_type> logical;
  for (const duckdb_type type : types) logical.push_back(api.duckdb_create_logical_type(type));
  appender.chunk_ = std::make_unique<Chunk>(api, api.duckdb_create_data_chunk(logical.data(), logical.size()));
  for (duckdb_logical_type& type : logical) api.duckdb_destroy_logical_type(&type);
  appender.capacity_ = api.duckdb_vector_size();
  return appender;
}

Appender::~Appender() {
  if (appender_ != nullptr && *appender_ != nullptr) api_->duckdb_appender_destroy(appender_.get());
}

Error Appender::failure() {
  const char* message = *appender_ != nullptr ? api_->duckdb_appender_error(*appender_) : nullptr;
  return internal_error(std::string("DuckDB did not take the rows: ") + (message != nullptr ? message : "no reason"));
}

Status Appender::append(std::size_t rows) {
  api_->duckdb_data_chunk_set_size(chunk_->get(), rows);
  if (api_->duckdb_append_data_chunk(*appender_, chunk_->get()) != DuckDBSuccess) return failure();
  api_->duckdb_data_chunk_reset(chunk_->get());
  return {};
}

Status Appender::close() {
  if (api_->duckdb_appender_close(*appender_) != DuckDBSuccess) return failure();
  return {};
}

}  // namespace slipway::table
