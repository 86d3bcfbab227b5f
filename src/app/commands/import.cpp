// slipway import: another tool's model as a bundle of our own.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/monitor/reference.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/package/import.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/table/source.hpp>

#include "commands.hpp"
#include "onnx_import.hpp"

namespace slipway::app {
namespace {

struct Arguments {
  std::string file;
  std::string out;
  std::string classes;
  std::string features;
  std::string reference;
  package::ImportOptions options;
};

// What was read, and how.
struct Imported {
  model::Model model;
  std::string format;
  nlohmann::json more = nlohmann::json::object();  // for the document
  std::string remark = {};
};

Result<Imported> read_foreign_onnx(const Arguments& arguments, const std::string& bytes) {
  SLIPWAY_TRY(OnnxImport import, import_onnx_file(bytes, arguments.options));
  Imported imported{.model = std::move(import.model), .format = "ONNX"};
  imported.more["runs_in"] = import.compiled ? "engine" : "ONNX Runtime";
  if (import.compiled) {
    imported.more["largest_difference"] = import.largest_difference;
    imported.remark = fmt::format("compiled; ONNX Runtime differs by at most {:.2g} on {} made-up rows",
                                  import.largest_difference, import.rows);
    if (import.other_labels > 0)
      imported.remark +=
          fmt::format("; the file's own label is another than its scores give on {} of them", import.other_labels);
  } else {
    imported.more["not_compiled"] = import.why_not;
    imported.remark = fmt::format("kept whole, runs in ONNX Runtime: {}", import.why_not);
  }
  return imported;
}

Result<Imported> read_model(const Arguments& arguments, const std::string& bytes) {
  if (const auto recognised = package::recognise_import_format(bytes)) {
    SLIPWAY_TRY(model::Model model, package::import_model(bytes, arguments.options));
    return Imported{.model = std::move(model), .format = std::string(package::import_format_name(*recognised))};
  }
  if (const auto summary = package::summarise_onnx(bytes); summary.ok()) {
    if (!summary->made_by_slipway) return read_foreign_onnx(arguments, bytes);
    if (auto own = package::read_onnx(bytes); own.ok())
      return Imported{.model = std::move(own).value(), .format = "Slipway ONNX"};
    return read_foreign_onnx(arguments, bytes);
  }
  return invalid_input("it is none of the formats that can be imported: XGBoost JSON or UBJ, LightGBM text, ONNX");
}

// What monitoring compares with: the columns and scores of rows that the model is known to suit.
Result<std::string> monitoring_profile(const Arguments& arguments, const model::Model& model) {
  SLIPWAY_TRY(const table::Table table, table::read_table(arguments.reference, 0));
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(model));
  SLIPWAY_TRY(const auto prediction, predictor.predict_table(table, Threads(0)));
  std::vector<monitor::Feature> features;
  for (const model::Input& input : model.inputs)
    if (input.kind != model::InputKind::time)
      features.push_back({input.name, input.kind == model::InputKind::text ? monitor::FeatureKind::text
                                                                           : monitor::FeatureKind::number});
  std::vector<float> scores;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::size_t column = model.task == model::Task::binary ? 1 : 0;
    if (model.task == model::Task::multiclass) column = static_cast<std::size_t>(prediction.labels[row]);
    scores.push_back(prediction.scores.at(row, column));
  }
  SLIPWAY_TRY(const auto reference, monitor::build_reference(table, {features, scores, {}, {}}));
  return monitor::to_json(reference).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Status import_file(Arguments arguments, Console& console) {
  if (!arguments.classes.empty()) arguments.options.classes = split(arguments.classes, ',');
  SLIPWAY_TRY(const std::string bytes, read_file(arguments.file));
  if (!arguments.features.empty()) arguments.options.features = split(arguments.features, ',');
  SLIPWAY_TRY(const Imported imported, read_model(arguments, bytes).with_context(arguments.file));
  const model::Model& model = imported.model;
  package::Manifest manifest;
  manifest.name = model.name;
  manifest.lineage.build = pipeline::build_identity();
  manifest.notes["imported from"] = imported.format;
  manifest.notes["imported file digest"] = sha256_hex(bytes);
  if (model.task == model::Task::binary) manifest.threshold = {0.5, "default"};
  package::BundleWriter writer(std::move(manifest));
  SLIPWAY_CHECK(writer.add_model(model));
  if (!arguments.reference.empty()) {
    SLIPWAY_TRY(std::string profile, monitoring_profile(arguments, model).with_context("--reference"));
    SLIPWAY_CHECK(writer.add_file("profile.json", std::move(profile)));
  }
  SLIPWAY_CHECK(writer.publish(arguments.out, true));
  console.print(fmt::format("{} ({}, {}, {} inputs) is imported into {}", arguments.file, imported.format,
                            model::task_name(model.task), model.inputs.size(), arguments.out));
  if (!imported.remark.empty()) console.print(imported.remark);
  nlohmann::json document = {{"bundle", arguments.out},
                             {"format", imported.format},
                             {"task", model::task_name(model.task)},
                             {"inputs", model.inputs.size()}};
  document.update(imported.more);
  console.document(document);
  return {};
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("import", "Bring in a model of XGBoost, LightGBM, or an ONNX file of any tool");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("model", arguments->file, "XGBoost JSON or UBJ, LightGBM text, or ONNX")->required();
  command->add_option("--out", arguments->out, "folder of the bundle to write")->required();
  command->add_option("--name", arguments->options.name, "the model's name")->capture_default_str();
  command->add_option("--target", arguments->options.target, "name of the target column")->capture_default_str();
  command->add_option("--classes", arguments->classes, "labels by class number, separated by commas: 0,1");
  command->add_option("--features", arguments->features,
                      "ONNX: names of the columns of an input that holds several, separated by commas");
  command->add_option("--reference", arguments->reference,
                      "rows that the model suits, such as its training data: what `slipway monitor` compares with");
  command->add_flag("--all-rounds", arguments->options.all_rounds, "XGBoost: also the rounds after the best one");
  command->footer("Example: slipway import model.json --name fraud --target is_fraud --out fraud");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return import_file(*arguments, context.console); };
  });
}

}  // namespace slipway::app
