// slipway sample: example data of the kind a bank has.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/table/sample.hpp>
#include <slipway/table/source.hpp>

#include "commands.hpp"
#include "option_flags.hpp"

namespace slipway::app {
namespace {

struct Arguments {
  std::string kind;
  std::string out;
  table::SampleOptions options;
};

Status sample(const Arguments& arguments, Console& console) {
  if (arguments.kind != "fraud")
    return invalid_input(fmt::format("unknown sample '{}'; there is fraud", arguments.kind));
  console.begin("make transactions", 0);
  SLIPWAY_TRY(const table::Table table, table::sample_fraud(arguments.options));
  console.end();
  console.begin("write", 0);
  SLIPWAY_CHECK(table::write_table(table, arguments.out, 0));
  console.end();
  std::int64_t frauds = 0;
  if (const table::Column* labels = table.find("is_fraud"))
    for (std::int64_t label : std::get<table::IntegerColumn>(labels->data).values) frauds += label == 1;
  console.print(fmt::format("{} transactions, {} of them fraud, in {}",
                            group_digits(static_cast<std::int64_t>(table.rows())), group_digits(frauds),
                            arguments.out));
  console.document({{"out", arguments.out}, {"rows", table.rows()}, {"frauds", frauds}});
  return {};
}

}  // namespace

void add_sample(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("sample", "Make example data: card transactions with several kinds of fraud");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("kind", arguments->kind, "which data: fraud")->required();
  command->add_option("--out", arguments->out, "file to write: .csv or .parquet")->required();
  add_option_flags<table::SampleOptions>(*command, arguments->options, table::sample_options);
  command->footer("Example: slipway sample fraud --rows 1000000 --seed 1 --out tx.parquet");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return sample(*arguments, context.console); };
  });
}

}  // namespace slipway::app
