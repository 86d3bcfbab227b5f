// slipway package: the model in the formats of other engines, verified on rows.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/engine/predictor.hpp>
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

Result<pipeline::Agreement> verify_onnx(const package::Bundle& bundle, const std::string& onnx, const std::string& data,
                                        int threads) {
  SLIPWAY_TRY(const table::Table table, table::read_table(data, threads));
  SLIPWAY_TRY(const auto rows, model::TableRows::from(bundle.model().inputs, table).with_context(data));
  SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(bundle.model()));
  SLIPWAY_TRY(const auto ours, predictor.predict_rows(rows.batch(), Threads(threads)));
  return pipeline::compare_with_onnx_runtime(bundle.model(), onnx, rows, ours, Threads(threads));
}

Status package_bundle(const Arguments& arguments, Console& console) {
  static const std::vector<std::string> known = {"onnx"};
  for (const std::string& format : split(arguments.formats, ','))
    if (std::find(known.begin(), known.end(), format) == known.end())
      return invalid_input(fmt::format("--format: unknown format '{}'{}; this version writes {}", format,
                                       suggestion(format, known), list_names(known)));
  Timing timing(console);
  SLIPWAY_TRY(const auto bundle, find_bundle(arguments.bundle));
  SLIPWAY_TRY(const std::string onnx, bundle.read("model.onnx"));
  json document = {{"out", arguments.out}, {"files", json::array()}};
  if (!arguments.verify.empty()) {
    timing.begin("verify");
    SLIPWAY_TRY(const auto agreement, verify_onnx(bundle, onnx, arguments.verify, arguments.threads));
    timing.end();
    document["largest_difference"] = agreement.largest_difference;
    if (!agreement.holds())
      return check_failed(fmt::format("{} and Slipway differ by {:.3g}, more than {:.0e}: nothing is written",
                                      agreement.engine, agreement.largest_difference, pipeline::agreement_bound));
    console.print(fmt::format("{} agrees: largest difference {:.2g}", agreement.engine, agreement.largest_difference));
  }
  const fs::path file = fs::path(arguments.out) / "model.onnx";
  SLIPWAY_CHECK(write_file(file, onnx));
  document["files"].push_back({{"file", file.string()}, {"bytes", onnx.size()}});
  console.print(fmt::format("{} ({} bytes)", file.string(), group_digits(static_cast<std::int64_t>(onnx.size()))));
  console.document(document);
  return {};
}

}  // namespace

void add_package(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("package", "Write the model in formats that other engines run");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("bundle", arguments->bundle, "a bundle, or a registry's model such as models/fraud")->required();
  command->add_option("--format", arguments->formats, "formats, separated by commas: onnx")->capture_default_str();
  command->add_option("--out", arguments->out, "folder to write into")->required();
  command->add_option("--verify", arguments->verify, "rows on which every engine present must agree with Slipway");
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway package models/fraud --format onnx --out exported --verify held_out.csv");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return package_bundle(*arguments, context.console); };
  });
}

}  // namespace slipway::app
