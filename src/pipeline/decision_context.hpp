// What thresholds and slices need to know of the rows beyond labels and scores: costs, days, groups.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/evaluate/slices.hpp>
#include <slipway/evaluate/thresholds.hpp>
#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {

// Costs of the given rows, or nothing where the configuration has none. A formula that does not parse, or that gives no
// number for a row, is an error that names it.
Result<std::optional<evaluate::Costs>> costs_of(const Configuration& configuration, const table::Table& table,
                                                std::span<const std::uint32_t> rows);

// How many rows (of training and test together) come in a day; 0 without a time column.
double rows_per_day(const Configuration& configuration, const Dataset& dataset);

// Day of each row since 1970, or empty without a time column; -1 where the time is missing.
std::vector<std::int32_t> days_of(const Configuration& configuration, const table::Table& table,
                                  std::span<const std::uint32_t> rows);
// Number of each row's group (schema.group), or empty without one; -1 where it is missing.
std::vector<std::int32_t> groups_of(const Configuration& configuration, const table::Table& table,
                                    std::span<const std::uint32_t> rows);

// A column cut into groups: text by value (the 50 most frequent, the others left out), numbers and times into four of
// about equal size by their quartiles over the rows, few distinct numbers by value; "missing" for missing cells.
Result<evaluate::Grouping> grouping_of(const table::Table& table, const std::string& column,
                                       std::span<const std::uint32_t> rows);

// What can be wrong with costs and slices and is known before any model is: unknown columns, formulas that do not
// parse.
Status check_evaluate_plan(const Configuration& configuration, const Dataset& dataset);

}  // namespace slipway::pipeline
