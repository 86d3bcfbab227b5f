// A table or query of a SQLite file into a table of a database.
#pragma once
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/source.hpp>

#include "cell_store.hpp"
#include "location.hpp"

namespace slipway::table {

// See Database::load; options.table or options.query says what is read, by default the only table. SQLite's library is
// opened at the first use, the file for reading only. Types are inferred from the values, but what is stored as text in
// a column declared as text stays text unless all of it is times.
Result<std::vector<ColumnInfo>> load_sqlite(Connection& connection, std::string_view name, const Location& location,
                                            const LoadOptions& options, Rejects& rejects);

}  // namespace slipway::table
