// CSV files into one table of a database, each column with the narrowest type that all its cells have.
#pragma once
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/source.hpp>

#include "cell_store.hpp"
#include "connection.hpp"
#include "location.hpp"

namespace slipway::table {

// Makes (or replaces) table `name`, see Database::load; gives the columns with the types to pin. DuckDB reads files
// that are in good order in one pass, with types guessed from rows all over the first file; where a guess fails or a
// file is in no good order, all files are read again by CsvReader, which knows the line of every row.
Result<std::vector<ColumnInfo>> load_csv(Connection& connection, std::string_view name, const Location& location,
                                         const LoadOptions& options, Rejects& rejects);

}  // namespace slipway::table
