// slipway evaluate: a bundle's quality on labelled rows.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/pipeline/dataset.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "bundles.hpp"
#include "commands.hpp"
#include "json_numbers.hpp"
#include "rows.hpp"
#include "timing.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

struct Arguments {
  std::string bundle;
  std::string data;
  std::string out;
  std::string weight;
  std::vector<std::string> gates;
  RowsArguments rows;
  int threads = 0;
};

Result<std::vector<evaluate::Gate>> parse_gates(const std::vector<std::string>& texts) {
  std::vector<evaluate::Gate> gates;
  for (const std::string& text : texts) {
    const std::size_t at = text.find_first_of("<>");
    if (at == std::string::npos)
      return invalid_input(fmt::format("--gate '{}': expected METRIC and a bound, as in \"roc_auc >= 0.9\"", text));
    SLIPWAY_TRY(auto gate, evaluate::parse_gate(trim(std::string_view(text).substr(0, at)), text.substr(at)));
    gates.push_back(std::move(gate));
  }
  return gates;
}

Status evaluate_rows(const Arguments& arguments, Console& console) {
  Timing timing(console);
  SLIPWAY_TRY(const auto gates, parse_gates(arguments.gates));
  SLIPWAY_TRY(const auto bundle, find_bundle(arguments.bundle));
  const model::Model& model = bundle.model();
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(model));
  timing.begin("read");
  SLIPWAY_TRY(const Rows read, read_rows(bundle, arguments.data, arguments.rows, arguments.threads, console));
  const table::Table& all = read.table;
  SLIPWAY_TRY(const auto truth, pipeline::read_target(all, model.target, model.task, model.classes));
  // Rows without a known label say nothing about quality.
  std::vector<std::uint32_t> rows;
  std::vector<std::int32_t> labels;
  std::vector<float> values;
  for (std::uint32_t row = 0; row < all.rows(); ++row) {
    if (model.task == model::Task::regression ? !std::isfinite(truth.values[row]) : truth.labels[row] < 0) continue;
    rows.push_back(row);
    if (model.task == model::Task::regression) {
      values.push_back(truth.values[row]);
    } else {
      labels.push_back(truth.labels[row]);
    }
  }
  pipeline::Schema schema;
  schema.weight = arguments.weight;
  SLIPWAY_TRY(const auto all_weights, pipeline::read_weights(all, schema).with_context("--weight"));
  std::vector<float> weights;
  if (!all_weights.empty())
    for (const std::uint32_t row : rows) weights.push_back(all_weights[row]);
  if (rows.empty())
    return invalid_input(fmt::format("{}: no row has a known value of the target '{}'", arguments.data, model.target));
  if (rows.size() < all.rows())
    console.note(fmt::format("{} rows without a known target are left out", all.rows() - rows.size()));
  const Threads threads(arguments.threads);
  timing.begin("score");
  SLIPWAY_TRY(const auto prediction, predictor.predict_table(all.take(rows), threads).with_context(arguments.data));
  timing.begin("evaluate");
  metrics::Outcome outcome =
      pipeline::outcome_of(model.task, prediction.scores, labels, values, pipeline::threshold_of(model));
  outcome.weights = weights;
  SLIPWAY_TRY(const auto evaluation, evaluate::evaluate(outcome, model.classes, {}, threads));
  SLIPWAY_TRY(const auto results, evaluate::try_gates(evaluation, gates));
  timing.end();

  std::vector<std::vector<std::string>> lines = {{"metric", "value", "95 % interval"}};
  for (const auto& measure : evaluation.measures)
    lines.push_back(
        {measure.name, fmt::format("{:.6g}", measure.value),
         measure.interval ? fmt::format("{:.4f} to {:.4f}", measure.interval->low, measure.interval->high) : ""});
  console.print(align(lines));
  for (const std::string& note : evaluation.notes) console.note(note);
  json document = evaluate::to_json(evaluation);
  document["seconds"] = timing.seconds();
  read.describe(document);
  document["gates"] = json::array();
  for (const auto& result : results) document["gates"].push_back({{"text", result.text}, {"passed", result.passed}});
  if (!arguments.out.empty())
    SLIPWAY_CHECK(write_file(arguments.out, document.dump(2, ' ', false, json::error_handler_t::replace) + "\n"));
  console.document(document);
  return evaluate::check_gates(evaluation, gates);
}

}  // namespace

void add_evaluate(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("evaluate", "Measure a bundle's quality on labelled rows");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("bundle", arguments->bundle, "a bundle, or a registry's model such as models/fraud")->required();
  command->add_option("data", arguments->data, "labelled rows: CSV, Parquet or JSON file, folder or glob")->required();
  command->add_option("--gate", arguments->gates, "a condition that must hold, or the exit code is 1")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--weight", arguments->weight, "column that says how much each row counts");
  command->add_option("--out", arguments->out, "also write the evaluation here (JSON)");
  add_rows_flags(*command, arguments->rows);
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway evaluate models/fraud labelled.csv --gate \"average_precision >= 0.5\"");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return evaluate_rows(*arguments, context.console); };
  });
}

}  // namespace slipway::app
