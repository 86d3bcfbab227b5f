// slipway init: a configuration to start from.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/table/source.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string data = "data/transactions.csv";
  std::string target = "is_fraud";
  std::string name = "fraud";
  std::string folder = ".";
};

Status init(const Arguments& arguments, Console& console) {
  const fs::path file = fs::path(arguments.folder) / "slipway.yaml";
  if (fs::exists(file)) return conflict(fmt::format("{} exists already", file.string()));
  const std::string text = fmt::format(
      "name: {}\n"
      "source:\n"
      "  data: {}            # CSV, Parquet, JSON, a folder or a glob; several names need `sql`\n"
      "schema: {{target: {}}}   # also: id, time, group, weight, positive\n"
      "prepare: []              # steps in order: drop_missing, keep, drop, drop_duplicates, clip\n"
      "split: {{method: stratified, test: 0.2, seed: 42}}\n"
      "# features: {{numeric: [...], categorical: [...], derived: {{...}}}}   # without it: all usable columns\n"
      "learner: random_forest\n"
      "search:\n"
      "  method: grid\n"
      "  folds: 5\n"
      "  n_estimators: [100, 200, 300]\n"
      "  max_depth: [5, 10, 15]\n"
      "  min_samples_split: [2, 5, 10]\n"
      "package: [onnx]\n"
      "monitor: {{window: 1 day, false_alarms: 1 per month}}\n",
      arguments.name, arguments.data, arguments.target);
  SLIPWAY_CHECK(write_file(file, text));
  console.print(fmt::format("{} is made; next: slipway run {}", file.string(), file.string()));
  console.document({{"configuration", file.string()}});
  return {};
}

}  // namespace

void add_init(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("init", "Write a slipway.yaml to start from");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("folder", arguments->folder, "where to put it")->capture_default_str();
  command->add_option("--data", arguments->data, "the table to read")->capture_default_str();
  command->add_option("--target", arguments->target, "the column to predict")->capture_default_str();
  command->add_option("--name", arguments->name, "the model's name")->capture_default_str();
  command->footer("Example: slipway init --data transactions.csv --target is_fraud");
  command->callback(
      [arguments, &context] { context.action = [arguments, &context] { return init(*arguments, context.console); }; });
}

}  // namespace slipway::app
