// slipway package: the model in the formats of other engines, verified on rows.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/optimise/compress.hpp>
#include <slipway/package/mlflow.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/package/pmml.hpp>
#include <slipway/package/saved_model.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/pipeline/scoring.hpp>
#include <slipway/table/source.hpp>

#include "bundles.hpp"
#include "commands.hpp"
#include "other_engines.hpp"
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
  std::optional<double> compress;
  int threads = 0;
};

// What is packaged: the bundle's model, or a smaller one.
struct Subject {
  model::Model model;
  std::string onnx;
};

// Rows to verify on, with Slipway's own scores.
struct HeldOut {
  std::optional<model::TableRows> rows;
  engine::Prediction scores;
};

Result<HeldOut> read_held_out(const model::Model& model, const Arguments& arguments) {
  HeldOut held_out;
  if (arguments.verify.empty()) return held_out;
  SLIPWAY_TRY(const table::Table table, table::read_table(arguments.verify, arguments.threads));
  SLIPWAY_TRY(auto rows, model::TableRows::from(model.inputs, table).with_context(arguments.verify));
  held_out.rows.emplace(std::move(rows));
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(model));
  SLIPWAY_TRY(held_out.scores, predictor.predict_rows(held_out.rows->batch(), Threads(arguments.threads)));
  return held_out;
}

// The difference that compression makes on the rows; the bound is proven, so more than it is a defect.
Status measure_compression(const model::Model& original, const HeldOut& held_out, const Arguments& arguments,
                           json& document, Console& console) {
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(original));
  SLIPWAY_TRY(const auto scores, predictor.predict_rows(held_out.rows->batch(), Threads(arguments.threads)));
  double largest = 0;
  for (std::size_t i = 0; i < scores.scores.values.size(); ++i) {
    const double apart =
        std::abs(static_cast<double>(scores.scores.values[i]) - static_cast<double>(held_out.scores.scores.values[i]));
    if (apart > largest) largest = apart;
  }
  std::size_t labels = 0;
  for (std::size_t r = 0; r < scores.labels.size(); ++r) labels += scores.labels[r] != held_out.scores.labels[r];
  if (largest > *arguments.compress)
    return internal_error(
        fmt::format("compression changed a score by {:.3g}, more than {:.3g}", largest, *arguments.compress));
  document["compression"]["largest_difference"] = largest;
  document["compression"]["labels_changed"] = labels;
  console.print(fmt::format("compression changed no score by more than {:.2g} and {} of {} labels", largest, labels,
                            scores.labels.size()));
  return {};
}

Result<Subject> make_subject(const package::Bundle& bundle, const Arguments& arguments, json& document,
                             Console& console) {
  if (!arguments.compress) {
    SLIPWAY_TRY(std::string onnx, bundle.read("model.onnx"));
    return Subject{bundle.model(), std::move(onnx)};
  }
  SLIPWAY_TRY(
      auto compressed,
      optimise::compress(bundle.model(), {.largest_difference = *arguments.compress}).with_context("--compress"));
  document["compression"] = {{"bound", compressed.bound},
                             {"nodes_before", compressed.nodes_before},
                             {"nodes_after", compressed.nodes_after},
                             {"leaves_before", compressed.leaves_before},
                             {"leaves_after", compressed.leaves_after}};
  console.print(fmt::format("compressed: {} nodes of {}, {} different leaves of {}; no score moves by more than {:g}",
                            compressed.nodes_after, compressed.nodes_before, compressed.leaves_after,
                            compressed.leaves_before, compressed.bound));
  SLIPWAY_TRY(std::string onnx, package::write_onnx(compressed.model));
  return Subject{std::move(compressed.model), std::move(onnx)};
}

Status write_format(const std::string& format, const Subject& subject, const HeldOut& held_out,
                    const fs::path& folder) {
  if (format == "onnx") return write_file(folder / "model.onnx", subject.onnx);
  if (format == "onnx_compact") {
    SLIPWAY_TRY(const std::string onnx, package::write_onnx(subject.model, {.compact = true}));
    return write_file(folder / "model_compact.onnx", onnx);
  }
  if (format == "savedmodel") return package::write_saved_model(subject.model, folder / "saved_model" / "1");
  if (format == "mlflow") {
    SLIPWAY_CHECK(write_file(folder / "model.onnx", subject.onnx));
    return package::write_mlflow(subject.model, folder);
  }
  package::PmmlOptions options;
  options.application_version = pipeline::build_version();
  if (held_out.rows)
    options.verification = held_out.rows->slice(0, std::min<std::size_t>(200, held_out.rows->batch().rows));
  SLIPWAY_TRY(const std::string text, package::write_pmml(subject.model, options));
  return write_file(folder / "model.pmml", text);
}

// Every engine that is present runs what was written, on the rows. The first that disagrees is an error.
Status verify_package(const Subject& subject, const HeldOut& held_out, const fs::path& folder,
                      const Arguments& arguments, json& document, Console& console) {
  json engines = json::array();
  double largest = 0;
  std::string disagree;
  const auto enter = [&](const std::string& engine, const std::string& file, double difference, std::int64_t labels) {
    engines.push_back(
        {{"engine", engine}, {"largest_difference", difference}, {"different_labels", labels}, {"file", file}});
    largest = std::max(largest, difference);
    if (difference > pipeline::agreement_bound || labels > 0)
      disagree += fmt::format("{}{} and Slipway differ by {:.3g}, more than {:.0e}, and in {} labels",
                              disagree.empty() ? "" : "; ", engine, difference, pipeline::agreement_bound, labels);
    console.print(fmt::format("{} agrees: largest difference {:.2g}", engine, difference));
  };
  for (const std::string file : {"model.onnx", "model_compact.onnx"}) {
    // The ONNX form is checked also where only other formats are written.
    std::string bytes = subject.onnx;
    if (fs::exists(folder / file)) {
      SLIPWAY_TRY(bytes, read_file(folder / file));
    } else if (file != "model.onnx") {
      continue;
    }
    SLIPWAY_TRY(const auto agreement, pipeline::compare_with_onnx_runtime(subject.model, bytes, *held_out.rows,
                                                                          held_out.scores, Threads(arguments.threads)));
    enter(agreement.engine, file, agreement.largest_difference, agreement.different_labels);
  }
  SLIPWAY_TRY(const auto others, run_other_engines(subject.model, folder, held_out.rows->batch(), held_out.scores));
  for (const EngineResult& other : others) {
    if (other.absent.empty()) {
      enter(other.engine, "", other.largest_difference, other.different_labels);
    } else {
      engines.push_back({{"engine", other.engine}, {"absent", other.absent}});
      console.print(fmt::format("{} is not installed: not verified ({})", other.engine, other.absent));
    }
  }
  if (!disagree.empty()) return check_failed(disagree + ": nothing is written");
  document["largest_difference"] = largest;
  document["engines"] = engines;
  const json verification = {{"rows", held_out.rows->batch().rows}, {"engines", engines}};
  return write_file(folder / "verification.json",
                    verification.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

Result<std::vector<fs::path>> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files.push_back(entry.path().lexically_relative(folder));
  std::sort(files.begin(), files.end());
  return files;
}

Status package_bundle(const Arguments& arguments, Console& console) {
  static const std::vector<std::string> known = {"onnx", "onnx_compact", "pmml", "savedmodel", "mlflow"};
  const std::vector<std::string> formats = split(arguments.formats, ',');
  for (const std::string& format : formats)
    if (std::find(known.begin(), known.end(), format) == known.end())
      return invalid_input(fmt::format("--format: unknown format '{}'{}; there are {}", format,
                                       suggestion(format, known), list_names(known)));
  Timing timing(console);
  SLIPWAY_TRY(const auto bundle, find_bundle(arguments.bundle));
  json document = {{"out", arguments.out}, {"formats", formats}, {"files", json::array()}};
  SLIPWAY_TRY(const Subject subject, make_subject(bundle, arguments, document, console));
  SLIPWAY_TRY(const HeldOut held_out, read_held_out(subject.model, arguments));
  if (held_out.rows && arguments.compress)
    SLIPWAY_CHECK(measure_compression(bundle.model(), held_out, arguments, document, console));
  // All is written beside its place and verified there, then moved.
  SLIPWAY_TRY(FolderInProgress folder, FolderInProgress::beside(fs::absolute(arguments.out).lexically_normal()));
  timing.begin("write", formats.size());
  for (const std::string& format : formats) {
    SLIPWAY_CHECK(write_format(format, subject, held_out, folder.path()).with_context(format));
    console.advance(1);
  }
  if (held_out.rows) {
    timing.begin("verify");
    SLIPWAY_CHECK(verify_package(subject, held_out, folder.path(), arguments, document, console));
  }
  timing.end();
  SLIPWAY_TRY(const auto files, files_of(folder.path()));
  for (const fs::path& file : files) {
    SLIPWAY_TRY(const std::string content, read_file(folder.path() / file));
    const fs::path place = fs::path(arguments.out) / file;
    SLIPWAY_CHECK(write_file(place, content));
    const auto bytes = static_cast<std::int64_t>(content.size());
    document["files"].push_back({{"file", place.string()}, {"bytes", bytes}});
    console.print(fmt::format("{} ({} bytes)", place.string(), group_digits(bytes)));
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
  command
      ->add_option("--format", arguments->formats,
                   "formats, separated by commas: onnx, onnx_compact, pmml, savedmodel, mlflow")
      ->capture_default_str();
  command->add_option("--out", arguments->out, "folder to write into")->required();
  command->add_option(
      "--verify", arguments->verify,
      "rows on which every engine present must agree with Slipway: ONNX Runtime, and TensorFlow, MLflow and "
      "JPMML-Evaluator where $SLIPWAY_PYTHON (or python3) has them; the first go into the PMML");
  command->add_option("--compress", arguments->compress,
                      "fewer nodes and leaves; the most that any score may move by, such as 0.001 (0: not at all)");
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway package models/fraud --format onnx,pmml --out exported --verify held_out.csv");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return package_bundle(*arguments, context.console); };
  });
}

}  // namespace slipway::app
