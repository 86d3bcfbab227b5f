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
  constexpr std::size_t block_rows = std::size_t{1} << 17;
  std::int64_t rows = 0, frauds = 0;
  console.begin("make transactions", static_cast<std::size_t>(arguments.options.rows));
  const Status made = table::write_blocks(arguments.out, 0, [&](const auto& write) {
    return table::sample_fraud(arguments.options, block_rows, [&](const table::Table& block) -> Status {
      SLIPWAY_CHECK(write(block));
      rows += static_cast<std::int64_t>(block.rows());
      for (const std::int64_t label : std::get<table::IntegerColumn>(block.find("is_fraud")->data).values)
        frauds += label == 1;
      console.advance(block.rows());
      return {};
    });
  });
  if (!made.ok()) return made;
  console.end();
  console.print(
      fmt::format("{} transactions, {} of them fraud, in {}", group_digits(rows), group_digits(frauds), arguments.out));
  console.document({{"out", arguments.out}, {"rows", rows}, {"frauds", frauds}});
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
