// slipway explain: contributions of every input to every row's score.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/explain/explanation_plan.hpp>
#include <slipway/explain/reasons.hpp>
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
  std::string method;
  std::string baselines;
  std::string catalogue;
  std::string write_catalogue;
  int reasons = 0;
  RowsArguments rows;
  int threads = 0;
};

constexpr std::size_t block = 4096;

// Rows of contributions, collected block by block.
struct Collected {
  std::vector<std::vector<float>> by_input;  // [output * inputs + input]
  std::vector<std::string> reasons;
};

// The bundle's plan, with what the command line says instead.
Result<explain::ExplanationPlan> plan_of(const package::Bundle& bundle, const Arguments& arguments, Console& console) {
  const auto& inputs = bundle.model().inputs;
  SLIPWAY_TRY(explain::ExplanationPlan plan, explain::read_plan(
                                                 inputs, [&](std::string_view name) { return bundle.has(name); },
                                                 [&](std::string_view name) { return bundle.read(name); }));
  if (!arguments.method.empty()) {
    SLIPWAY_TRY(plan.options.method, explain::find_method(arguments.method));
  }
  if (!arguments.baselines.empty()) {
    // A baseline that does not fit would be missed: none may.
    SLIPWAY_TRY(const Rows read, read_rows(bundle, arguments.baselines, {}, arguments.threads, console));
    SLIPWAY_TRY(const auto rows, model::TableRows::from(inputs, read.table).with_context(arguments.baselines));
    if (rows.batch().rows == 0) return invalid_input(arguments.baselines + ": there are no rows to compare with");
    std::vector<std::uint32_t> all(rows.batch().rows);
    std::iota(all.begin(), all.end(), 0);
    plan.options.baselines = explain::Baselines::copy(rows.batch(), all);
  }
  if (!arguments.catalogue.empty()) {
    SLIPWAY_TRY(const std::string text, read_file(arguments.catalogue));
    SLIPWAY_TRY(auto catalogue, explain::ReasonCatalogue::parse(text, arguments.catalogue, inputs));
    plan.catalogue = std::make_shared<const explain::ReasonCatalogue>(std::move(catalogue));
  }
  return plan;
}

std::string reason_text(const std::vector<explain::Reason>& reasons) {
  std::string text;
  for (const auto& reason : reasons)
    text += (text.empty() ? "" : "; ") + (reason.code.empty() ? "" : reason.code + " ") + reason.text;
  return text;
}

Status collect(const explain::Explainer& explainer, const model::TableRows& rows, const Arguments& arguments,
               const explain::ReasonOptions& options, Collected& collected, Console& console) {
  const Threads threads(arguments.threads);
  const std::size_t total = rows.batch().rows;
  const std::size_t outputs = explainer.outputs().size();
  const std::size_t inputs = explainer.inputs().size();
  collected.by_input.resize(outputs * inputs);
  explain::Contributions contributions;
  for (std::size_t begin = 0; begin < total; begin += block) {
    const std::size_t end = std::min(total, begin + block);
    const model::RowBatch batch = rows.slice(begin, end);
    SLIPWAY_CHECK(explainer.explain(batch, contributions, threads));
    for (std::size_t i = 0; i < outputs * inputs; ++i)
      for (std::size_t row = 0; row < end - begin; ++row)
        collected.by_input[i].push_back(static_cast<float>(contributions.input(i / inputs, i % inputs, row)));
    for (std::size_t row = 0; arguments.reasons > 0 && row < end - begin; ++row) {
      SLIPWAY_TRY(const auto ranked, explain::rank_reasons(explainer, contributions, batch, row, 0, options));
      collected.reasons.push_back(reason_text(ranked));
    }
    console.advance(end - begin);
  }
  return {};
}

table::TextColumn text_column(const std::vector<std::string>& texts) {
  table::TextColumn column;
  std::unordered_map<std::string, std::int32_t> known;
  for (const std::string& text : texts) {
    const auto [entry, added] = known.emplace(text, static_cast<std::int32_t>(column.dictionary.size()));
    if (added) column.dictionary.push_back(text);
    column.codes.push_back(entry->second);
  }
  return column;
}

Status write_catalogue(const package::Bundle& bundle, const Arguments& arguments, Console& console) {
  if (std::filesystem::exists(arguments.write_catalogue))
    return conflict(arguments.write_catalogue + " exists: it is not replaced");
  SLIPWAY_CHECK(write_file(arguments.write_catalogue, explain::starting_catalogue(bundle.model().inputs)));
  console.print("a catalogue of reasons to edit: " + arguments.write_catalogue);
  console.document({{"catalogue", arguments.write_catalogue}});
  return {};
}

Status explain(const Arguments& arguments, Console& console) {
  Timing timing(console);
  SLIPWAY_TRY(const auto bundle, find_bundle(arguments.bundle));
  if (!arguments.write_catalogue.empty()) return write_catalogue(bundle, arguments, console);
  if (arguments.data.empty() || arguments.out.empty())
    return invalid_input("explain needs DATA and --out, or --write-catalogue");
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(bundle.model()));
  SLIPWAY_TRY(const explain::ExplanationPlan plan, plan_of(bundle, arguments, console));
  const auto evaluate = [predictor](const model::RowBatch& rows, model::ValueId value, model::Block& out) {
    thread_local engine::Scratch scratch;
    return predictor.evaluate(rows, value, scratch, out);
  };
  SLIPWAY_TRY(const auto explainer, explain::Explainer::make(bundle.model(), plan.options, evaluate));
  explain::ReasonOptions reasons;
  reasons.count = static_cast<std::size_t>(arguments.reasons);
  reasons.catalogue = plan.catalogue;
  timing.begin("read");
  SLIPWAY_TRY(const Rows read, read_rows(bundle, arguments.data, arguments.rows, arguments.threads, console));
  const table::Table& data = read.table;
  SLIPWAY_TRY(const auto rows, model::TableRows::from(bundle.model().inputs, data).with_context(arguments.data));
  timing.begin("explain", data.rows());
  Collected collected;
  SLIPWAY_CHECK(collect(explainer, rows, arguments, reasons, collected, console));

  table::Table out = data.select(id_columns(bundle, data));
  const auto inputs = explainer.inputs();
  const auto outputs = explainer.outputs();
  for (std::size_t output = 0; output < outputs.size(); ++output) {
    const std::string suffix = outputs.size() > 1 ? "_" + outputs[output] : "";
    for (std::size_t input = 0; input < inputs.size(); ++input) {
      // An id may be an input too: the contribution then takes a name of its own.
      std::string name = inputs[input] + suffix;
      if (out.has(name)) name += "_contribution";
      SLIPWAY_CHECK(
          out.add({name, table::NumberColumn{std::move(collected.by_input[output * inputs.size() + input])}}));
    }
    const auto base = static_cast<float>(explainer.base()[output]);
    SLIPWAY_CHECK(out.add({"base" + suffix, table::NumberColumn{std::vector<float>(data.rows(), base)}}));
  }
  if (arguments.reasons > 0) SLIPWAY_CHECK(out.add({"reasons", text_column(collected.reasons)}));
  timing.begin("write");
  SLIPWAY_CHECK(table::write_table(out, arguments.out, arguments.threads));
  timing.end();
  console.print(fmt::format("{} rows explained ({}, {}), in {}", group_digits(static_cast<std::int64_t>(data.rows())),
                            explain::explained_name(explainer.explained()), explain::method_name(explainer.method()),
                            arguments.out));
  nlohmann::json document = {{"out", arguments.out},
                             {"rows", data.rows()},
                             {"explained", explain::explained_name(explainer.explained())},
                             {"method", explain::method_name(explainer.method())},
                             {"columns", out.names()},
                             {"seconds", timing.seconds()}};
  read.describe(document);
  console.document(document);
  return {};
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("explain", "Explain the scores of a file's rows: one contribution per input");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("bundle", arguments->bundle, "a bundle, or a registry's model such as models/fraud")->required();
  command->add_option("data", arguments->data, "CSV, Parquet or JSON file, folder or glob");
  command->add_option("--out", arguments->out, "file to write: .csv or .parquet");
  command->add_option("--reasons", arguments->reasons, "also the most important reasons in words, at most this many")
      ->check(CLI::Range(0, 100));
  command->add_option("--method", arguments->method,
                      fmt::format("how, instead of the bundle's way: {}", explain::method_names));
  command->add_option("--baselines", arguments->baselines, "rows to compare with, instead of the bundle's");
  command->add_option("--catalogue", arguments->catalogue,
                      "how reasons are worded, instead of the bundle's reasons.yaml");
  command->add_option("--write-catalogue", arguments->write_catalogue,
                      "only write a catalogue of the bundle's inputs to this file, to be edited");
  add_rows_flags(*command, arguments->rows);
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway explain models/fraud new.csv --reasons 3 --out why.csv");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return explain(*arguments, context.console); };
  });
}

}  // namespace slipway::app
