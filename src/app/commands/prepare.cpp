// slipway prepare: read and clean only, and see what each step does.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/pipeline/dataset.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

Status prepare(const std::string& file, const std::string& out, int threads, Console& console) {
  SLIPWAY_TRY(const auto configuration, pipeline::read_configuration(file));
  SLIPWAY_TRY(const auto prepared, pipeline::prepare(configuration, {}, threads, console));
  json steps = json::array();
  std::vector<std::vector<std::string>> lines = {{"step", "rows in", "rows out", "changed"}};
  for (const auto& step : prepared.cleaning) {
    lines.push_back(
        {step.step, group_digits(step.rows_in), group_digits(step.rows_out), group_digits(step.rows_changed)});
    steps.push_back({{"step", step.step},
                     {"rows_in", step.rows_in},
                     {"rows_out", step.rows_out},
                     {"rows_changed", step.rows_changed}});
  }
  if (!out.empty()) SLIPWAY_CHECK(table::write_table(prepared.table, out, threads));
  console.print(align(lines));
  console.print(fmt::format("{} rows, {} columns{}", group_digits(static_cast<std::int64_t>(prepared.table.rows())),
                            prepared.table.columns(), out.empty() ? "" : " in " + out));
  console.document(
      {{"rows", prepared.table.rows()}, {"columns", prepared.table.names()}, {"steps", steps}, {"out", out}});
  return {};
}

}  // namespace

void add_prepare(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("prepare", "Read and clean the sources of a configuration");
  auto file = std::make_shared<std::string>("slipway.yaml");
  auto out = std::make_shared<std::string>();
  auto threads = std::make_shared<int>(0);
  command->add_option("configuration", *file, "the configuration")->capture_default_str();
  command->add_option("--out", *out, "write the cleaned table here: .csv or .parquet");
  command->add_option("--threads", *threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway prepare slipway.yaml --out clean.parquet");
  command->callback(
      [=, &context] { context.action = [=, &context] { return prepare(*file, *out, *threads, context.console); }; });
}

}  // namespace slipway::app
