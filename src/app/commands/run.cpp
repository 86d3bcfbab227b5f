// slipway run and slipway train: the whole line, with and without a configuration.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/pipeline/run.hpp>

#include "commands.hpp"
#include "interrupt.hpp"
#include "json_numbers.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

Status report_result(const pipeline::RunResult& result, Console& console) {
  json metrics = json::object(), seconds = json::object();
  for (const auto& [name, value] : result.metrics) metrics[name] = finite(value);
  for (const auto& [name, value] : result.seconds) seconds[name] = finite(value);
  json document = {{"run", result.id},
                   {"bundle", result.gates ? json(nullptr) : json(result.bundle.string())},
                   {"version", result.version.empty() ? json(nullptr) : json(result.version)},
                   {"report", result.report.string()},
                   {"metrics", metrics},
                   {"training", result.training},
                   {"seconds", seconds},
                   {"cached", result.cached},
                   {"notes", result.notes},
                   {"model_digest", result.model_digest},
                   {"largest_difference", finite(result.largest_difference)},
                   {"gates_passed", !result.gates.has_value()}};
  if (result.gates) document["error"] = result.gates->message();
  console.print(result.summary);
  console.document(document);
  if (result.gates) return *result.gates;
  return {};
}

struct RunArguments {
  std::string configuration = "slipway.yaml";
  pipeline::RunOptions options;
  bool no_cache = false;
};

Status run(RunArguments arguments, Console& console) {
  SLIPWAY_TRY(const auto configuration, pipeline::read_configuration(arguments.configuration));
  arguments.options.cache = !arguments.no_cache;
  SLIPWAY_TRY(const auto result, pipeline::run(configuration, arguments.options, console));
  return report_result(result, console);
}

struct TrainArguments {
  std::string data;
  std::string target;
  std::string learner = "random_forest";
  std::vector<std::string> settings;
  std::string calibrate;
  std::string name;
  std::string positive;
  std::vector<std::string> ids;
  std::string time;
  std::string weight;
  std::uint64_t seed = 42;
  double test = 0.2;
  int folds = 5;
  pipeline::RunOptions options;
};

Status train(TrainArguments arguments, Console& console) {
  auto configuration = pipeline::default_configuration(arguments.data, arguments.target);
  SLIPWAY_TRY(const learners::Learner* learner, learners::find_learner(arguments.learner).with_context("--learner"));
  if (arguments.learner != configuration.learner) configuration.settings.clear();
  configuration.learner = arguments.learner;
  for (const std::string& setting : arguments.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos)
      return invalid_input(fmt::format("--set {}: expected NAME=VALUE, as in n_estimators=300", setting));
    const std::string name = setting.substr(0, equals);
    std::erase_if(configuration.settings, [&](const auto& known) { return known.first == name; });
    const std::string text = setting.substr(equals + 1);
    params::Value value = params::scalar(text);
    value.file = "--set";
    // A list or a map is written as in YAML.
    if (text.starts_with('[') || text.starts_with('{')) {
      SLIPWAY_TRY(value, params::parse_yaml(text, "--set " + name));
    }
    configuration.settings.emplace_back(name, std::move(value));
  }
  SLIPWAY_CHECK(learner->check(configuration.settings).with_context("--set"));
  if (!arguments.calibrate.empty())
    SLIPWAY_CHECK(set_calibration(configuration, params::scalar(arguments.calibrate)).with_context("--calibrate"));
  // Not from --out: the same data and options give the same model.onnx wherever it is written.
  std::string name = arguments.name.empty() ? std::filesystem::path(arguments.data).stem().string() : arguments.name;
  if (name.empty()) name = "model";
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '_';
  configuration.name = name;
  configuration.schema.positive = arguments.positive;
  configuration.schema.ids = arguments.ids;
  configuration.schema.time = arguments.time;
  configuration.schema.weight = arguments.weight;
  configuration.seed = arguments.seed;
  configuration.split.options.seed = arguments.seed;
  configuration.split.options.test = arguments.test;
  configuration.search.folds = arguments.folds;
  arguments.options.cache = false;
  arguments.options.record = false;
  SLIPWAY_TRY(const auto result, pipeline::run(configuration, arguments.options, console));
  return report_result(result, console);
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("run", "Run a configuration: from the raw table to a published bundle");
  auto arguments = std::make_shared<RunArguments>();
  command->add_option("configuration", arguments->configuration, "the configuration")->capture_default_str();
  command->add_option("--threads", arguments->options.threads,
                      "threads to use; 0 = all processors. The result does not depend on it");
  command->add_option("--out", arguments->options.out, "write the bundle here instead of into the registry");
  command->add_option("--why", arguments->options.reason, "the reason, kept in the registry's history");
  command->add_flag("--no-cache", arguments->no_cache, "neither use nor fill the stage cache");
  command->footer("Example: slipway run slipway.yaml --threads 2");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] {
      catch_interrupts();
      return run(*arguments, context.console);
    };
  });
}

void add_train(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("train", "Train a model on a table, with sensible defaults");
  auto arguments = std::make_shared<TrainArguments>();
  command->add_option("data", arguments->data, "CSV, Parquet or JSON file, folder or glob")->required();
  command->add_option("--target", arguments->target, "the column to predict")->required();
  command->add_option("--out", arguments->options.out, "folder of the bundle to write")->required();
  command->add_option("--learner", arguments->learner, "which learner")->capture_default_str();
  command->add_option("--set", arguments->settings, "a learner's option: NAME=VALUE, can be given several times")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--calibrate", arguments->calibrate,
                      "fit the probabilities anew on rows of their own: platt or isotonic");
  command->add_option("--name", arguments->name, "the model's name; by default that of the data file");
  command->add_option("--positive", arguments->positive, "label of the positive class");
  command->add_option("--id", arguments->ids, "columns that identify a row: kept in scores, never learnt from");
  command->add_option("--time", arguments->time, "column that holds the row's time");
  command->add_option("--weight", arguments->weight, "column that says how much each row counts in training");
  command->add_option("--seed", arguments->seed, "start of the random numbers")->capture_default_str();
  command->add_option("--test", arguments->test, "share of rows for the test")->capture_default_str();
  command->add_option("--folds", arguments->folds, "folds of the cross-validation")->capture_default_str();
  command->add_option("--threads", arguments->options.threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway train adult.csv --target income --set n_estimators=300 --out income");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] {
      catch_interrupts();
      return train(*arguments, context.console);
    };
  });
}

}  // namespace slipway::app
