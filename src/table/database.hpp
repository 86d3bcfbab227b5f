// What a Database holds, shared by the files that implement its parts.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <slipway/table/source.hpp>

#include "connection.hpp"

namespace slipway::table {

struct Database::State {
  std::unique_ptr<Connection> connection;

  Result<std::vector<std::string>> table_names();
  // Of all tables, in their order, each name once.
  Result<std::vector<std::string>> column_names();
  // An error that names the nearest table if there is no such table.
  Status expect_table(std::string_view name);
  // The error in our words, with the names that the statement could have used.
  Error explain(const Error& error);
};

Result<std::vector<ColumnInfo>> describe_query(Connection& connection, const std::string& query);

// The rows of a query as a Table; the error is DuckDB's own.
Result<Table> fetch_query(Connection& connection, const std::string& query);

Result<std::vector<CleaningCount>> clean_table(Connection& connection, std::string_view name,
                                               const std::vector<CleaningStep>& steps, std::string_view dropped);

// The query with every column cast to a type that a Table has, missing cells NULL.
Result<std::string> plain_query(Connection& connection, const std::string& query);
// The rows of a plain query in blocks, in order, as they are computed. There is one block at least.
Status fetch_blocks(Connection& connection, const std::string& query, const std::function<Status(const Table&)>& each);

// Writes the rows of a query, see Database::write.
Status write_query(Connection& connection, const std::string& query, const std::filesystem::path& file);

// SQL for what a column lacks: NULL, for text also blank, for floating point also NaN.
std::string sql_of_missing(const ColumnInfo& column);

}  // namespace slipway::table
