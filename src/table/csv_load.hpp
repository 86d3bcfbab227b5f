// CSV files into one table of a database, each column with the narrowest type that all its cells have.
#pragma once
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/table/source.hpp>

#include "connection.hpp"
#include "location.hpp"

namespace slipway::table {

// Makes (or replaces) table `name`. `types` pins columns to number, integer, text or time; the others are inferred from
// every row. A column of which at least 95 % of the cells are numbers (or times) has that type, and the first other
// cell is an error.
Status load_csv(Connection& connection, std::string_view name, const Location& location,
                const std::vector<std::string>& missing_markers, const std::vector<ColumnInfo>& types);

// SQL for the VARCHAR expression `text` without the blanks around it.
std::string sql_of_trimmed(const std::string& text);
// SQL for the trimmed column `text` with NULL where it is empty or one of the markers.
std::string sql_of_present(const std::string& text, const std::vector<std::string>& missing_markers);

}  // namespace slipway::table
