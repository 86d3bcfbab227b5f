// slipway profile: what a table holds.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/table/profile.hpp>
#include <slipway/table/source.hpp>

#include "commands.hpp"
#include "json_numbers.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

json to_json(const table::ColumnProfile& column) {
  json document = {{"name", column.name},       {"type", column.type},         {"rows", column.rows},
                   {"missing", column.missing}, {"distinct", column.distinct}, {"constant", column.constant},
                   {"id_like", column.id_like}};
  if (column.type == "text") {
    document["most_frequent"] = json::array();
    for (const auto& [value, count] : column.most_frequent)
      document["most_frequent"].push_back({{"value", value}, {"count", count}});
  } else {
    document["minimum"] = finite(column.minimum);
    document["maximum"] = finite(column.maximum);
    document["mean"] = finite(column.mean);
    document["standard_deviation"] = finite(column.standard_deviation);
    document["quantiles"] = finite(column.quantiles);
  }
  return document;
}

std::string summary(const table::ColumnProfile& column) {
  if (column.missing == column.rows) return "missing in every row";
  if (column.type == "text") {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(4, column.most_frequent.size()); ++i)
      text += fmt::format("{}{} ({})", i > 0 ? ", " : "", column.most_frequent[i].value, column.most_frequent[i].count);
    return text;
  }
  if (column.type == "time")
    return fmt::format("{} to {}", format_time(static_cast<std::int64_t>(column.minimum) * 1'000'000),
                       format_time(static_cast<std::int64_t>(column.maximum) * 1'000'000));
  return fmt::format("{:.6g} to {:.6g}, median {:.6g}, mean {:.6g}", column.minimum, column.maximum,
                     column.quantiles.size() > 3 ? column.quantiles[3] : column.mean, column.mean);
}

Status profile(const std::string& location, int threads, Console& console) {
  console.begin("read", 0);
  SLIPWAY_TRY(const table::Table table, table::read_table(location, threads));
  console.end();
  console.begin("profile", 0);
  const table::TableProfile profile = table::profile_table(table);
  console.end();
  std::vector<std::vector<std::string>> lines = {{"column", "type", "missing", "distinct", "what it holds"}};
  json document = {{"rows", profile.rows}, {"duplicate_rows", profile.duplicate_rows}, {"columns", json::array()}};
  for (const auto& column : profile.columns) {
    std::string remark;
    if (column.constant) remark = " (constant)";
    if (column.id_like) remark = " (looks like an identifier)";
    const double share =
        column.rows > 0 ? 100.0 * static_cast<double>(column.missing) / static_cast<double>(column.rows) : 0;
    lines.push_back({column.name, column.type, fmt::format("{:.2f} %", share), group_digits(column.distinct),
                     summary(column) + remark});
    document["columns"].push_back(to_json(column));
  }
  console.print(fmt::format("{} rows, {} of them equal to an earlier row", group_digits(profile.rows),
                            group_digits(profile.duplicate_rows)));
  console.print(align(lines));
  console.document(document);
  return {};
}

}  // namespace

void add_profile(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("profile", "Show what a table holds: types, missing values, distributions");
  auto location = std::make_shared<std::string>();
  auto threads = std::make_shared<int>(0);
  command->add_option("data", *location, "CSV, Parquet or JSON file, folder or glob")->required();
  command->add_option("--threads", *threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway profile transactions.csv");
  command->callback(
      [=, &context] { context.action = [=, &context] { return profile(*location, *threads, context.console); }; });
}

}  // namespace slipway::app
