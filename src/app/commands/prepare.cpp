// slipway prepare: read and clean only, and see what each step does.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/pipeline/dataset.hpp>
#include <slipway/pipeline/feature_table.hpp>
#include <slipway/table/source.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

Status prepare(const std::string& file, const std::string& out, const std::string& features, int threads,
               Console& console) {
  SLIPWAY_TRY(const auto configuration, pipeline::read_configuration(file));
  SLIPWAY_TRY(auto prepared, pipeline::prepare(configuration, {}, threads, console));
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
  json document = {
      {"rows", prepared.table.rows()}, {"columns", prepared.table.names()}, {"steps", steps}, {"out", out}};
  if (!features.empty()) {
    SLIPWAY_TRY(const auto dataset, pipeline::make_dataset(configuration, std::move(prepared), console));
    SLIPWAY_TRY(const table::Table table, pipeline::feature_table(configuration, dataset));
    SLIPWAY_CHECK(table::write_table(table, features, threads));
    console.print(fmt::format("{} rows with their features in {}",
                              group_digits(static_cast<std::int64_t>(table.rows())), features));
    document["features"] = features;
  }
  console.document(document);
  return {};
}

}  // namespace

void add_prepare(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("prepare", "Read and clean the sources of a configuration");
  auto file = std::make_shared<std::string>("slipway.yaml");
  auto out = std::make_shared<std::string>();
  auto features = std::make_shared<std::string>();
  auto threads = std::make_shared<int>(0);
  command->add_option("configuration", *file, "the configuration")->capture_default_str();
  command->add_option("--out", *out, "write the cleaned table here: .csv or .parquet");
  command->add_option("--features", *features,
                      "write training rows as the learner gets them and test rows as the model makes them here");
  command->add_option("--threads", *threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway prepare slipway.yaml --out clean.parquet");
  command->callback([=, &context] {
    context.action = [=, &context] { return prepare(*file, *out, *features, *threads, context.console); };
  });
}

}  // namespace slipway::app
