#include "decision_context.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/features/features.hpp>
#include <slipway/model/model.hpp>

namespace slipway::pipeline {
namespace {

constexpr std::int64_t microseconds_per_day = 86'400'000'000;

Result<evaluate::Cost> cost_of(const std::string& text, std::string_view name, const table::Table& table,
                               std::span<const std::uint32_t> rows) {
  evaluate::Cost cost;
  if (const auto number = parse_number(text)) {
    if (!std::isfinite(*number))
      return invalid_input(fmt::format("evaluate: costs: {}: '{}' is no finite number", name, text));
    cost.constant = *number;
    return cost;
  }
  // The formula language of derived features, by the operator that computes them.
  features::FeaturePlan plan;
  plan.derived.push_back({"cost", text});
  model::ModelBuilder builder("costs");
  const std::vector<float> no_target(rows.size());
  SLIPWAY_TRY(auto fitted, features::fit(builder, plan, table, rows, {model::Task::regression, 1, {}, no_target}, 0)
                               .with_context(fmt::format("evaluate: costs: {}", name)));
  cost.per_row = std::move(fitted.training.values);
  for (std::size_t i = 0; i < cost.per_row.size(); ++i)
    if (!std::isfinite(cost.per_row[i]))
      return invalid_input(
          fmt::format("evaluate: costs: {} = {}: row {} gives no number; prepare: drop_missing, or "
                      "coalesce(column, 0)",
                      name, text, rows[i]));
  return cost;
}

const table::TimeColumn* time_column(const Configuration& configuration, const table::Table& table) {
  const table::Column* column = configuration.schema.time.empty() ? nullptr : table.find(configuration.schema.time);
  return column == nullptr ? nullptr : std::get_if<table::TimeColumn>(&column->data);
}

// Seconds or microseconds of a time column make no good names; its cells do.
std::string edge_text(const table::Column& column, double value) {
  if (std::holds_alternative<table::TimeColumn>(column.data))
    return format_time(static_cast<std::int64_t>(value) * 1'000'000).substr(0, 10);
  return format_number(static_cast<float>(value));
}

}  // namespace

Result<std::optional<evaluate::Costs>> costs_of(const Configuration& configuration, const table::Table& table,
                                                std::span<const std::uint32_t> rows) {
  if (!configuration.evaluate.costs) return std::optional<evaluate::Costs>{};
  const CostPlan& plan = *configuration.evaluate.costs;
  evaluate::Costs costs;
  SLIPWAY_TRY(costs.true_positive, cost_of(plan.true_positive, "true_positive", table, rows));
  SLIPWAY_TRY(costs.false_positive, cost_of(plan.false_positive, "false_positive", table, rows));
  SLIPWAY_TRY(costs.false_negative, cost_of(plan.false_negative, "false_negative", table, rows));
  SLIPWAY_TRY(costs.true_negative, cost_of(plan.true_negative, "true_negative", table, rows));
  return std::optional<evaluate::Costs>(std::move(costs));
}

std::vector<std::int32_t> days_of(const Configuration& configuration, const table::Table& table,
                                  std::span<const std::uint32_t> rows) {
  std::vector<std::int32_t> days;
  const table::TimeColumn* times = time_column(configuration, table);
  if (times == nullptr) return days;
  for (std::uint32_t row : rows) {
    const std::int64_t time = times->values[row];
    days.push_back(
        time == missing_time ? -1 : static_cast<std::int32_t>(std::max<std::int64_t>(0, time / microseconds_per_day)));
  }
  return days;
}

double rows_per_day(const Configuration& configuration, const Dataset& dataset) {
  std::set<std::int32_t> days;
  std::size_t rows = 0;
  for (const auto* part : {&dataset.split.train, &dataset.split.test})
    for (std::int32_t day : days_of(configuration, dataset.prepared.table, *part))
      if (day >= 0) {
        days.insert(day);
        ++rows;
      }
  return days.empty() ? 0 : static_cast<double>(rows) / static_cast<double>(days.size());
}

std::vector<std::int32_t> groups_of(const Configuration& configuration, const table::Table& table,
                                    std::span<const std::uint32_t> rows) {
  const table::Column* column = configuration.schema.group.empty() ? nullptr : table.find(configuration.schema.group);
  if (column == nullptr) return {};
  const table::TextColumn text = table::as_text(*column);
  std::vector<std::int32_t> groups;
  for (std::uint32_t row : rows) groups.push_back(text.codes[row]);
  return groups;
}

Result<evaluate::Grouping> grouping_of(const table::Table& table, const std::string& name,
                                       std::span<const std::uint32_t> rows) {
  constexpr std::size_t most_values = 50, few_numbers = 8;
  SLIPWAY_TRY(const table::Column* column, table.get(name));
  evaluate::Grouping grouping{name, {}, std::vector<std::int32_t>(rows.size(), -1)};
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (column->is_missing(rows[i])) missing.push_back(i);
  const auto add_missing = [&] {
    if (missing.empty()) return;
    for (std::size_t i : missing) grouping.codes[i] = static_cast<std::int32_t>(grouping.names.size());
    grouping.names.emplace_back("missing");
  };
  const auto by_value = [&](const table::TextColumn& text) {
    std::vector<std::size_t> counts(text.dictionary.size());
    for (std::uint32_t row : rows)
      if (text.codes[row] >= 0) ++counts[static_cast<std::size_t>(text.codes[row])];
    std::vector<std::size_t> order;
    for (std::size_t value = 0; value < counts.size(); ++value)
      if (counts[value] > 0) order.push_back(value);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return counts[a] != counts[b] ? counts[a] > counts[b] : text.dictionary[a] < text.dictionary[b];
    });
    if (order.size() > most_values) order.resize(most_values);
    std::vector<std::int32_t> code(counts.size(), -1);
    for (std::size_t value : order) {
      code[value] = static_cast<std::int32_t>(grouping.names.size());
      grouping.names.push_back(text.dictionary[value]);
    }
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (text.codes[rows[i]] >= 0) grouping.codes[i] = code[static_cast<std::size_t>(text.codes[rows[i]])];
  };
  if (const auto* text = std::get_if<table::TextColumn>(&column->data)) {
    by_value(*text);
    add_missing();
    return grouping;
  }
  SLIPWAY_TRY(const std::vector<float> all, table::as_numbers(*column));
  std::vector<float> present;
  for (std::uint32_t row : rows)
    if (!std::isnan(all[row])) present.push_back(all[row]);
  std::sort(present.begin(), present.end());
  std::vector<float> distinct = present;
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<float> edges;  // the highest value of each group but the last
  if (distinct.size() <= few_numbers) {
    for (std::size_t i = 0; i < distinct.size(); ++i) grouping.names.push_back(edge_text(*column, distinct[i]));
    edges = distinct;
    if (!edges.empty()) edges.pop_back();
  } else {
    for (std::size_t quarter = 1; quarter < 4; ++quarter) {
      const float edge = present[(present.size() - 1) * quarter / 4];
      if (edge < distinct.back() && (edges.empty() || edge > edges.back())) edges.push_back(edge);
    }
    for (std::size_t i = 0; i <= edges.size(); ++i)
      grouping.names.push_back(i == 0 ? "up to " + edge_text(*column, edges.empty() ? distinct.back() : edges[0])
                               : i == edges.size() ? "above " + edge_text(*column, edges[i - 1])
                                                   : "above " + edge_text(*column, edges[i - 1]) + ", up to " +
                                                         edge_text(*column, edges[i]));
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!std::isnan(all[rows[i]]))
      grouping.codes[i] =
          static_cast<std::int32_t>(std::lower_bound(edges.begin(), edges.end(), all[rows[i]]) - edges.begin());
  add_missing();
  return grouping;
}

Status check_evaluate_plan(const Configuration& configuration, const Dataset& dataset) {
  const table::Table& table = dataset.prepared.table;
  for (const std::string& column : configuration.evaluate.slices)
    if (const auto found = table.get(column); !found.ok())
      return invalid_input("evaluate: slices: " + found.error().message());
  for (const auto* rows : {&dataset.split.train, &dataset.split.test})
    SLIPWAY_CHECK(costs_of(configuration, table, *rows));
  return {};
}

}  // namespace slipway::pipeline
