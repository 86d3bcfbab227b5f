// slipway import: another tool's model as a bundle of our own.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/package/import.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/build_identity.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

struct Arguments {
  std::string file;
  std::string out;
  std::string classes;
  package::ImportOptions options;
};

Result<model::Model> read_model(const Arguments& arguments, const std::string& bytes, std::string& format) {
  if (const auto recognised = package::recognise_import_format(bytes)) {
    format = package::import_format_name(*recognised);
    return package::import_model(bytes, arguments.options);
  }
  format = "Slipway ONNX";
  if (package::summarise_onnx(bytes).ok()) return package::read_onnx(bytes);
  return invalid_input("it is none of the formats that can be imported: XGBoost JSON or UBJ, LightGBM text, ONNX");
}

Status import_file(Arguments arguments, Console& console) {
  if (!arguments.classes.empty()) arguments.options.classes = split(arguments.classes, ',');
  SLIPWAY_TRY(const std::string bytes, read_file(arguments.file));
  std::string format;
  SLIPWAY_TRY(const model::Model model, read_model(arguments, bytes, format).with_context(arguments.file));
  package::Manifest manifest;
  manifest.name = model.name;
  manifest.lineage.build = pipeline::build_identity();
  manifest.notes["imported from"] = format;
  manifest.notes["imported file digest"] = sha256_hex(bytes);
  if (model.task == model::Task::binary) manifest.threshold = {0.5, "default"};
  package::BundleWriter writer(std::move(manifest));
  SLIPWAY_CHECK(writer.add_model(model));
  SLIPWAY_CHECK(writer.publish(arguments.out, true));
  console.print(fmt::format("{} ({}, {}, {} inputs) is imported into {}", arguments.file, format,
                            model::task_name(model.task), model.inputs.size(), arguments.out));
  console.document({{"bundle", arguments.out},
                    {"format", format},
                    {"task", model::task_name(model.task)},
                    {"inputs", model.inputs.size()}});
  return {};
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("import", "Bring in a model of XGBoost, LightGBM or an ONNX file of Slipway's");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("model", arguments->file, "XGBoost JSON or UBJ, LightGBM text, or ONNX")->required();
  command->add_option("--out", arguments->out, "folder of the bundle to write")->required();
  command->add_option("--name", arguments->options.name, "the model's name")->capture_default_str();
  command->add_option("--target", arguments->options.target, "name of the target column")->capture_default_str();
  command->add_option("--classes", arguments->classes, "labels by class number, separated by commas: 0,1");
  command->add_flag("--all-rounds", arguments->options.all_rounds, "XGBoost: also the rounds after the best one");
  command->footer("Example: slipway import model.json --name fraud --target is_fraud --out fraud");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return import_file(*arguments, context.console); };
  });
}

}  // namespace slipway::app
