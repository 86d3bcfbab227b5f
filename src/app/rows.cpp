#include "rows.hpp"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <slipway/table/source.hpp>

namespace slipway::app {
namespace {

// A column of whole numbers that the model takes as numbers may hold any number; as an id it keeps its digits.
bool may_be_fractional(const package::Manifest& manifest, const std::string& name) {
  if (std::find(manifest.id_columns.begin(), manifest.id_columns.end(), name) != manifest.id_columns.end())
    return false;
  if (name == manifest.target) return manifest.task == model::Task::regression;
  return std::any_of(manifest.inputs.begin(), manifest.inputs.end(), [&](const model::Input& input) {
    return input.name == name && input.kind == model::InputKind::number;
  });
}

}  // namespace

void add_rows_flags(CLI::App& command, RowsArguments& arguments) {
  command
      .add_option("--max-rejects", arguments.max_rejects,
                  "rows that may be left out because a cell is not of its column's type at training")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--rejects", arguments.rejects, "where the rows that are left out are listed")
      ->capture_default_str();
}

void Rows::describe(nlohmann::json& document) const {
  document["rejected_rows"] = rejected_rows;
  document["rejects"] = rejects.empty() ? nlohmann::json(nullptr) : nlohmann::json(rejects);
}

Result<Rows> read_rows(const package::Bundle& bundle, const std::string& location, const RowsArguments& arguments,
                       int threads, Console& console) {
  const package::Manifest& manifest = bundle.manifest();
  table::LoadOptions options;
  options.max_rejects = arguments.max_rejects;
  for (const auto& [name, type] : manifest.column_types)
    options.types.push_back({name, type == "integer" && may_be_fractional(manifest, name) ? "number" : type});
  SLIPWAY_TRY(auto database, table::Database::open(threads));
  SLIPWAY_TRY(auto report, database.load("rows", location, options));
  Rows rows;
  SLIPWAY_TRY(rows.table, database.fetch("rows"));
  rows.rejected_rows = report.rejected_rows;
  if (report.rejects.empty()) return rows;
  rows.rejects = arguments.rejects;
  SLIPWAY_CHECK(table::write_table(table::rejects_table(report.rejects), rows.rejects, threads));
  console.note(fmt::format("{}: {} of {} rows do not fit and are left out: {}", location, report.rejected_rows,
                           report.rows + report.rejected_rows, rows.rejects));
  return rows;
}

}  // namespace slipway::app
