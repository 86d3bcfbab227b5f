// A table or query of a PostgreSQL server into a table of a database, by COPY.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/source.hpp>

#include "cell_store.hpp"

namespace slipway::table {

// See Database::load; options.table or options.query says what is read. `location` is a connection URI
// (postgresql://user@host:port/database?option=value); the password comes from it, PGPASSWORD or ~/.pgpass. Columns
// have the server's types. All is read in one transaction that can only read. `digest` becomes a SHA-256 of the rows in
// their order. A connection that is lost half-way is an error that says so and after how many rows. libpq is opened at
// the first use. (libpqxx, its C++ wrapper, throws across rooms and would be loaded by every command.)
Result<std::vector<ColumnInfo>> load_postgres(Connection& connection, std::string_view name,
                                              const std::string& location, const LoadOptions& options, Rejects& rejects,
                                              std::string& digest);

}  // namespace slipway::table
