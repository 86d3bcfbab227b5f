// slipway score: scores and labels for a file of rows.
#include <chrono>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/engine/predictor.hpp>
#include <slipway/table/source.hpp>

#include "bundles.hpp"
#include "commands.hpp"
#include "rows.hpp"
#include "timing.hpp"

namespace slipway::app {
namespace {

struct Arguments {
  std::string bundle;
  std::string data;
  std::string out;
  RowsArguments rows;
  int threads = 0;
};

Status score(const Arguments& arguments, Console& console) {
  Timing timing(console);
  SLIPWAY_TRY(const auto bundle, find_bundle(arguments.bundle));
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(bundle.model()));
  timing.begin("read");
  SLIPWAY_TRY(const Rows rows, read_rows(bundle, arguments.data, arguments.rows, arguments.threads, console));
  const table::Table& data = rows.table;
  timing.begin("score");
  SLIPWAY_TRY(const auto prediction,
              predictor.predict_table(data, Threads(arguments.threads)).with_context(arguments.data));

  table::Table out = data.select(id_columns(bundle, data));
  const model::Model& model = bundle.model();
  const auto names = score_columns(model);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto scores = prediction.scores.column(model.task == model::Task::binary ? 1 : i);
    SLIPWAY_CHECK(out.add({names[i], table::NumberColumn{{scores.begin(), scores.end()}}}));
  }
  if (model.task != model::Task::regression)
    SLIPWAY_CHECK(out.add({"label", table::TextColumn{prediction.labels, model.classes}}));
  timing.begin("write");
  SLIPWAY_CHECK(table::write_table(out, arguments.out, arguments.threads));
  timing.end();
  console.print(fmt::format("{} rows scored by {}, in {}", group_digits(static_cast<std::int64_t>(data.rows())),
                            bundle.manifest().name, arguments.out));
  nlohmann::json document = {{"out", arguments.out},
                             {"rows", data.rows()},
                             {"model", bundle.manifest().name},
                             {"columns", out.names()},
                             {"seconds", timing.seconds()}};
  rows.describe(document);
  console.document(document);
  return {};
}

}  // namespace

void add_score(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("score", "Score the rows of a file");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("bundle", arguments->bundle, "a bundle, or a registry's model such as models/fraud")->required();
  command->add_option("data", arguments->data, "CSV, Parquet or JSON file, folder or glob")->required();
  command->add_option("--out", arguments->out, "file to write: .csv or .parquet; ids, score, label")->required();
  add_rows_flags(*command, arguments->rows);
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway score models/fraud new.csv --out scores.parquet");
  command->callback(
      [arguments, &context] { context.action = [arguments, &context] { return score(*arguments, context.console); }; });
}

}  // namespace slipway::app
