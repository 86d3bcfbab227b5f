// slipway package: the model in the formats of other engines, verified on rows.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/package/mlflow.hpp>
#include <slipway/package/pmml.hpp>
#include <slipway/package/saved_model.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/pipeline/scoring.hpp>
#include <slipway/table/source.hpp>

#include "bundles.hpp"
#include "commands.hpp"
#include "timing.hpp"

namespace slipway::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Arguments {
  std::string bundle;
  std::string formats = "onnx";
  std::string out;
  std::string verify;
  int threads = 0;
};

// Rows to verify on, with Slipway's own scores.
struct HeldOut {
  std::optional<model::TableRows> rows;
  engine::Prediction scores;
};

Result<HeldOut> read_held_out(const package::Bundle& bundle, const Arguments& arguments) {
  HeldOut held_out;
  if (arguments.verify.empty()) return held_out;
  SLIPWAY_TRY(const table::Table table, table::read_table(arguments.verify, arguments.threads));
  SLIPWAY_TRY(auto rows, model::TableRows::from(bundle.model().inputs, table).with_context(arguments.verify));
  held_out.rows.emplace(std::move(rows));
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(bundle.model()));
  SLIPWAY_TRY(held_out.scores, predictor.predict_rows(held_out.rows->batch(), Threads(arguments.threads)));
  return held_out;
}

Status write_format(const std::string& format, const package::Bundle& bundle, const std::string& onnx,
                    const HeldOut& held_out, const fs::path& folder) {
  if (format == "onnx") return write_file(folder / "model.onnx", onnx);
  if (format == "savedmodel") return package::write_saved_model(bundle.model(), folder / "saved_model" / "1");
  if (format == "mlflow") {
    SLIPWAY_CHECK(write_file(folder / "model.onnx", onnx));
    return package::write_mlflow(bundle.model(), folder);
  }
  package::PmmlOptions options;
  options.application_version = pipeline::build_version();
  if (held_out.rows)
    options.verification = held_out.rows->slice(0, std::min<std::size_t>(200, held_out.rows->batch().rows));
  SLIPWAY_TRY(const std::string text, package::write_pmml(bundle.model(), options));
  return write_file(folder / "model.pmml", text);
}

Status package_bundle(const Arguments& arguments, Console& console) {
  static const std::vector<std::string> known = {"onnx", "pmml", "savedmodel", "mlflow"};
  const std::vector<std::string> formats = split(arguments.formats, ',');
  for (const std::string& format : formats)
    if (std::find(known.begin(), known.end(), format) == known.end())
      return invalid_input(fmt::format("--format: unknown format '{}'{}; there are {}", format,
                                       suggestion(format, known), list_names(known)));
  Timing timing(console);
  SLIPWAY_TRY(const auto bundle, find_bundle(arguments.bundle));
  SLIPWAY_TRY(const std::string onnx, bundle.read("model.onnx"));
  json document = {{"out", arguments.out}, {"formats", formats}, {"files", json::array()}};
  SLIPWAY_TRY(const HeldOut held_out, read_held_out(bundle, arguments));
  if (held_out.rows) {
    timing.begin("verify");
    SLIPWAY_TRY(const auto agreement, pipeline::compare_with_onnx_runtime(bundle.model(), onnx, *held_out.rows,
                                                                          held_out.scores, Threads(arguments.threads)));
    document["largest_difference"] = agreement.largest_difference;
    if (!agreement.holds())
      return check_failed(fmt::format("{} and Slipway differ by {:.3g}, more than {:.0e}: nothing is written",
                                      agreement.engine, agreement.largest_difference, pipeline::agreement_bound));
    console.print(fmt::format("{} agrees: largest difference {:.2g}", agreement.engine, agreement.largest_difference));
  }
  timing.begin("write", formats.size());
  for (const std::string& format : formats) {
    SLIPWAY_CHECK(write_format(format, bundle, onnx, held_out, arguments.out).with_context(format));
    console.advance(1);
  }
  timing.end();
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(arguments.out))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const auto bytes = static_cast<std::int64_t>(fs::file_size(file));
    document["files"].push_back({{"file", file.string()}, {"bytes", bytes}});
    console.print(fmt::format("{} ({} bytes)", file.string(), group_digits(bytes)));
  }
  document["seconds"] = timing.seconds();
  console.document(document);
  return {};
}

}  // namespace

void add_package(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("package", "Write the model in formats that other engines run");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("bundle", arguments->bundle, "a bundle, or a registry's model such as models/fraud")->required();
  command->add_option("--format", arguments->formats, "formats, separated by commas: onnx, pmml, savedmodel, mlflow")
      ->capture_default_str();
  command->add_option("--out", arguments->out, "folder to write into")->required();
  command->add_option("--verify", arguments->verify,
                      "rows on which ONNX Runtime must agree with Slipway; the first go into the PMML");
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway package models/fraud --format onnx,pmml --out exported --verify held_out.csv");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return package_bundle(*arguments, context.console); };
  });
}

}  // namespace slipway::app
