// slipway explain: contributions of every input to every row's score.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/engine/predictor.hpp>
#include <slipway/explain/reasons.hpp>
#include <slipway/explain/tree_shap.hpp>
#include <slipway/table/source.hpp>

#include "bundles.hpp"
#include "commands.hpp"
#include "timing.hpp"

namespace slipway::app {
namespace {

struct Arguments {
  std::string bundle;
  std::string data;
  std::string out;
  int reasons = 0;
  int threads = 0;
};

constexpr std::size_t block = 4096;

// Rows of contributions, collected block by block.
struct Collected {
  std::vector<std::vector<float>> by_input;  // [output * inputs + input]
  std::vector<std::string> reasons;
};

Status collect(const engine::Predictor& predictor, const explain::TreeExplainer& explainer,
               const model::TableRows& rows, const Arguments& arguments, Collected& collected, Console& console) {
  const Threads threads(arguments.threads);
  const std::size_t total = rows.batch().rows;
  const std::size_t outputs = explainer.outputs().size();
  const std::size_t inputs = explainer.inputs().size();
  collected.by_input.resize(outputs * inputs);
  engine::Scratch scratch;
  model::Block features;
  explain::Contributions contributions;
  explain::ReasonOptions options;
  options.count = static_cast<std::size_t>(arguments.reasons);
  for (std::size_t begin = 0; begin < total; begin += block) {
    const std::size_t end = std::min(total, begin + block);
    const model::RowBatch batch = rows.slice(begin, end);
    SLIPWAY_CHECK(predictor.features(batch, scratch, features));
    SLIPWAY_CHECK(explainer.explain(features, contributions, threads));
    for (std::size_t i = 0; i < outputs * inputs; ++i)
      for (std::size_t row = 0; row < end - begin; ++row)
        collected.by_input[i].push_back(static_cast<float>(contributions.input(i / inputs, i % inputs, row)));
    for (std::size_t row = 0; arguments.reasons > 0 && row < end - begin; ++row) {
      SLIPWAY_TRY(const auto ranked, explain::rank_reasons(explainer, contributions, batch, row, 0, options));
      std::string text;
      for (const auto& reason : ranked) text += (text.empty() ? "" : "; ") + reason.text;
      collected.reasons.push_back(std::move(text));
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

Status explain(const Arguments& arguments, Console& console) {
  Timing timing(console);
  SLIPWAY_TRY(const auto bundle, find_bundle(arguments.bundle));
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(bundle.model()));
  SLIPWAY_TRY(const auto explainer, explain::TreeExplainer::make(bundle.model()));
  timing.begin("read");
  SLIPWAY_TRY(const table::Table data, table::read_table(arguments.data, arguments.threads));
  SLIPWAY_TRY(const auto rows, model::TableRows::from(bundle.model().inputs, data).with_context(arguments.data));
  timing.begin("explain", data.rows());
  Collected collected;
  SLIPWAY_CHECK(collect(predictor, explainer, rows, arguments, collected, console));

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
  console.print(fmt::format("{} rows explained ({}), in {}", group_digits(static_cast<std::int64_t>(data.rows())),
                            explain::explained_name(explainer.explained()), arguments.out));
  console.document({{"out", arguments.out},
                    {"rows", data.rows()},
                    {"explained", explain::explained_name(explainer.explained())},
                    {"columns", out.names()},
                    {"seconds", timing.seconds()}});
  return {};
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("explain", "Explain the scores of a file's rows: one contribution per input");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("bundle", arguments->bundle, "a bundle, or a registry's model such as models/fraud")->required();
  command->add_option("data", arguments->data, "CSV, Parquet or JSON file, folder or glob")->required();
  command->add_option("--out", arguments->out, "file to write: .csv or .parquet")->required();
  command->add_option("--reasons", arguments->reasons, "also the most important reasons in words, at most this many")
      ->check(CLI::Range(0, 100));
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway explain models/fraud new.csv --reasons 3 --out why.csv");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return explain(*arguments, context.console); };
  });
}

}  // namespace slipway::app
