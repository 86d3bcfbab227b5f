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

struct Arguments {
  std::string file = "slipway.yaml";
  std::string out;
  std::string features;
  std::string rejects;
  std::string memory;
  int threads = 0;
};

Status prepare(const Arguments& arguments, Console& console) {
  SLIPWAY_TRY(auto configuration, pipeline::read_configuration(arguments.file));
  if (!arguments.memory.empty()) configuration.source.memory_limit = arguments.memory;
  pipeline::Preparation prepared;
  std::optional<pipeline::Prepared> in_memory;
  if (arguments.out.empty() || !arguments.features.empty()) {
    SLIPWAY_TRY(in_memory, pipeline::prepare(configuration, {}, arguments.threads, console));
    if (!arguments.out.empty()) SLIPWAY_CHECK(table::write_table(in_memory->table, arguments.out, arguments.threads));
    prepared = *in_memory;
  } else {
    SLIPWAY_TRY(prepared, pipeline::prepare_to_file(configuration, arguments.out, arguments.threads, console));
  }
  json steps = json::array();
  std::vector<std::vector<std::string>> lines = {{"step", "rows in", "rows out", "changed"}};
  std::string examples;
  for (const auto& step : prepared.cleaning) {
    lines.push_back(
        {step.step, group_digits(step.rows_in), group_digits(step.rows_out), group_digits(step.rows_changed)});
    json shown = json::array();
    for (const auto& example : step.examples) {
      shown.push_back({{"row", example.row}, {"what", example.what}});
      examples += fmt::format("  {}: row {}: {}\n", step.step, example.row, example.what);
    }
    steps.push_back({{"step", step.step},
                     {"rows_in", step.rows_in},
                     {"rows_out", step.rows_out},
                     {"rows_changed", step.rows_changed},
                     {"examples", shown}});
  }
  json types = json::object();
  std::vector<std::vector<std::string>> columns = {{"source", "column", "type"}};
  for (const auto& [source, of_source] : prepared.types)
    for (const auto& column : of_source) {
      types[source][column.name] = column.sql_type;
      columns.push_back({source, column.name, column.sql_type});
    }
  std::string rejects;
  if (!prepared.rejects.empty()) {
    rejects = arguments.rejects.empty() ? (configuration.folder / "rejects.csv").string() : arguments.rejects;
    SLIPWAY_CHECK(table::write_table(table::rejects_table(prepared.rejects), rejects, arguments.threads));
  }
  SLIPWAY_TRY(const auto pins, pipeline::pin_types(configuration, prepared));
  console.print(align(columns));
  console.print("");
  console.print(align(lines));
  if (!examples.empty()) console.print("examples\n" + examples);
  if (!rejects.empty())
    console.print(
        fmt::format("{} rows do not fit and are left out: {}", group_digits(prepared.rejected_rows), rejects));
  if (!pins.empty())
    console.print(fmt::format("the types are kept in {}: later files are read by them", pins.string()));
  console.print(fmt::format("{} rows, {} columns{}", group_digits(prepared.rows), prepared.columns.size(),
                            arguments.out.empty() ? "" : " in " + arguments.out));
  json document = {{"rows", prepared.rows},
                   {"columns", prepared.columns},
                   {"types", types},
                   {"steps", steps},
                   {"rejected_rows", prepared.rejected_rows},
                   {"rejects", rejects.empty() ? json(nullptr) : json(rejects)},
                   {"out", arguments.out},
                   {"seconds", {{"read", prepared.read_seconds}, {"prepare", prepared.prepare_seconds}}}};
  if (!arguments.features.empty()) {
    SLIPWAY_TRY(const auto dataset, pipeline::make_dataset(configuration, *std::move(in_memory), console));
    SLIPWAY_TRY(const table::Table table, pipeline::feature_table(configuration, dataset));
    SLIPWAY_CHECK(table::write_table(table, arguments.features, arguments.threads));
    console.print(fmt::format("{} rows with their features in {}",
                              group_digits(static_cast<std::int64_t>(table.rows())), arguments.features));
    document["features"] = arguments.features;
  }
  console.document(document);
  return {};
}

}  // namespace

void add_prepare(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("prepare", "Read and clean the sources of a configuration");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("configuration", arguments->file, "the configuration")->capture_default_str();
  command->add_option("--out", arguments->out, "write the cleaned table here: .csv or .parquet");
  command->add_option("--features", arguments->features,
                      "write training rows as the learner gets them and test rows as the model makes them here");
  command->add_option("--memory", arguments->memory,
                      "memory for reading and cleaning, as in 4GB; instead of source.memory_limit");
  command->add_option("--rejects", arguments->rejects,
                      "where the rows that do not fit are listed; by default rejects.csv beside the configuration");
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway prepare slipway.yaml --out clean.parquet --memory 4GB");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return prepare(*arguments, context.console); };
  });
}

}  // namespace slipway::app
