// What a table holds, column by column: for `profile`, the report, and the reference that monitoring compares with.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <slipway/table/table.hpp>

namespace slipway::table {

struct Frequency {
  std::string value;
  std::int64_t count = 0;
};

struct ColumnProfile {
  std::string name;
  std::string type;  // number, integer, text, time
  std::int64_t rows = 0;
  std::int64_t missing = 0;
  std::int64_t distinct = 0;  // exact, missing not counted
  // Numbers, integers and times (in seconds since the epoch); NaN when every row is missing, 0 for text. Mean and
  // sample standard deviation (0 for one value) are over the finite values.
  double minimum = 0, maximum = 0, mean = 0, standard_deviation = 0;
  std::vector<double> quantiles;  // at 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99 (linear interpolation)
  // 50 equal-width bins [edge, next edge) between the 0.5 % and 99.5 % quantiles; the end bins also hold what lies
  // beyond them, so that the counts add up to the rows that are not missing. One bin {low, high} where the quantiles
  // are equal. Quantiles and histogram are empty when every row is missing, and for text.
  std::vector<double> histogram_edges;
  std::vector<std::int64_t> histogram_counts;
  std::vector<Frequency> most_frequent;  // text: up to 20, by count then value
  bool constant = false;                 // no two cells differ (all of them missing included); false without rows
  bool id_like = false;                  // whole numbers or text, 20 or more present, 99 % of them distinct
};

struct TableProfile {
  std::int64_t rows = 0;
  std::int64_t duplicate_rows = 0;  // rows equal to an earlier row in every column
  std::vector<ColumnProfile> columns;
};

TableProfile profile_table(const Table& table);

}  // namespace slipway::table
