// Queries whose rows come in one order only, whatever the number of threads.
#pragma once
#include <string>

#include <slipway/base/result.hpp>

#include "connection.hpp"

namespace slipway::table {

// Runs `prefix (query)` so that rows, order included, do not depend on the number of threads:
// - scans, filters and projections keep the order of their source;
// - joins and windows in no order of their own are ordered by all columns; ties of an ORDER BY are broken by the
// columns
//   of its source;
// - aggregates that are exact (counts, extremes, medians, sums of whole numbers, DISTINCT) run on all threads likewise;
// - all else (other aggregates, whose sums depend on who adds what; ORDER BY with LIMIT) runs on one thread.
// The error is DuckDB's own.
Result<QueryResult> run_in_order(Connection& connection, const std::string& prefix, const std::string& query);

// Runs a query on one thread: sums of floating-point numbers then have one order.
Result<QueryResult> run_on_one_thread(Connection& connection, const std::string& sql);

}  // namespace slipway::table
