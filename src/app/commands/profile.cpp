// slipway profile: what a table holds and what in it would mislead a model.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/pipeline/data_profile.hpp>
#include <slipway/table/source.hpp>

#include "commands.hpp"
#include "json_numbers.hpp"
#include "option_flags.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

struct Arguments {
  std::string data;
  std::string out;
  pipeline::Configuration configuration;
  int threads = 0;
};

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
    document["histogram"] = {{"edges", finite(column.histogram_edges)}, {"counts", column.histogram_counts}};
  }
  return document;
}

json to_json(const pipeline::DataProfile& profile) {
  json document = {{"rows", profile.table.rows},
                   {"duplicate_rows", profile.table.duplicate_rows},
                   {"columns", json::array()},
                   {"correlations", json::array()},
                   {"warnings", profile.warnings}};
  for (const auto& column : profile.table.columns) document["columns"].push_back(to_json(column));
  for (const auto& pair : profile.correlations)
    document["correlations"].push_back({{"columns", {pair.first, pair.second}},
                                        {"measure", table::association_name(pair.association)},
                                        {"value", finite(pair.value)},
                                        {"rows", pair.rows}});
  if (profile.target.empty()) return document;
  json classes = json::array(), leakage = json::array();
  for (const auto& entry : profile.classes) classes.push_back({{"class", entry.name}, {"rows", entry.rows}});
  for (const auto& finding : profile.leakage)
    leakage.push_back({{"check", finding.check},
                       {"column", finding.column.empty() ? json(nullptr) : json(finding.column)},
                       {"severe", finding.severe},
                       {"value", finite(finding.value)},
                       {"evidence", finding.evidence}});
  document["target"] = {{"name", profile.target},
                        {"task", profile.task},
                        {"classes", classes},
                        {"without_target", profile.without_target},
                        {"train_rows", profile.train_rows},
                        {"test_rows", profile.test_rows}};
  document["leakage"] = leakage;
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

Status profile(const Arguments& arguments, Console& console) {
  console.begin("read", 0);
  SLIPWAY_TRY(const table::Table table, table::read_table(arguments.data, arguments.threads));
  console.end();
  console.begin("profile", 0);
  SLIPWAY_TRY(const pipeline::DataProfile profile, pipeline::profile_data(table, arguments.configuration));
  console.end();
  std::vector<std::vector<std::string>> lines = {{"column", "type", "missing", "distinct", "what it holds"}};
  for (const auto& column : profile.table.columns) {
    std::string remark;
    if (column.constant) remark = " (constant)";
    if (column.id_like) remark = " (looks like an identifier)";
    const double share =
        column.rows > 0 ? 100.0 * static_cast<double>(column.missing) / static_cast<double>(column.rows) : 0;
    lines.push_back({column.name, column.type, fmt::format("{:.2f} %", share), group_digits(column.distinct),
                     summary(column) + remark});
  }
  console.print(fmt::format("{} rows, {} of them equal to an earlier row", group_digits(profile.table.rows),
                            group_digits(profile.table.duplicate_rows)));
  console.print(align(lines));
  for (const auto& entry : profile.classes)
    console.print(fmt::format("class {}: {} rows", entry.name, group_digits(entry.rows)));
  for (const std::string& warning : profile.warnings) console.print("warning: " + warning);
  json document = to_json(profile);
  if (!arguments.out.empty()) {
    SLIPWAY_CHECK(write_file(arguments.out, pipeline::profile_page(profile, arguments.data)));
    console.print("page: " + arguments.out);
  }
  document["page"] = arguments.out.empty() ? json(nullptr) : json(arguments.out);
  console.document(document);
  return {};
}

}  // namespace

void add_profile(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("profile", "Show what a table holds: types, distributions, correlations, signs of leakage");
  auto arguments = std::make_shared<Arguments>();
  auto& configuration = arguments->configuration;
  configuration = pipeline::default_configuration("", "");
  command
      ->add_option("data", arguments->data,
                   "CSV, Parquet, JSON or SQLite file, folder or glob, server, - for standard input")
      ->required();
  command->add_option("--target", configuration.schema.target,
                      "the column to predict: adds class balance and leakage checks");
  command->add_option("--out", arguments->out, "write a page: .html");
  command->add_option("--id", configuration.schema.ids, "columns that identify a row");
  command->add_option("--time", configuration.schema.time, "column that holds the row's time");
  command->add_option("--group", configuration.schema.group, "column that holds the entity, such as a card");
  command
      ->add_option("--split", configuration.split.options.method,
                   "split that the leakage checks look across: random, stratified, grouped or time")
      ->capture_default_str();
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway profile transactions.csv --target is_fraud --time timestamp --out profile.html");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return profile(*arguments, context.console); };
  });
}

}  // namespace slipway::app
