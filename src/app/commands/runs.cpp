// slipway runs: the runs of a project, newest first.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Status runs(const std::string& folder, Console& console) {
  std::error_code code;
  std::vector<fs::path> records;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (fs::exists(entry.path() / "run.json")) records.push_back(entry.path() / "run.json");
  if (code) return not_found(fmt::format("{} is no folder of runs", folder));
  std::sort(records.rbegin(), records.rend());
  std::vector<std::vector<std::string>> lines = {{"run", "model", "outcome", "bundle", "metrics"}};
  json document = json::array();
  for (const fs::path& file : records) {
    SLIPWAY_TRY(const std::string text, read_file(file));
    const json record = json::parse(text, nullptr, false);
    if (!record.is_object()) {
      console.note(fmt::format("{} cannot be read as a run record", file.string()));
      continue;
    }
    std::string metrics;
    for (const char* name : {"average_precision", "roc_auc", "accuracy", "rmse"})
      if (record.contains("metrics") && record["metrics"].contains(name) && record["metrics"][name].is_number())
        metrics += fmt::format("{}{} {:.4f}", metrics.empty() ? "" : ", ", name, record["metrics"][name].get<double>());
    lines.push_back({file.parent_path().filename().string(), record.value("name", ""), record.value("outcome", ""),
                     record.value("bundle", ""), metrics});
    document.push_back(record);
  }
  console.print(align(lines));
  console.document({{"runs", document}});
  return {};
}

}  // namespace

void add_runs(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("runs", "List the runs of a project, newest first");
  auto folder = std::make_shared<std::string>("runs");
  command->add_option("folder", *folder, "the folder of runs")->capture_default_str();
  command->footer("Example: slipway runs");
  command->callback([=, &context] { context.action = [=, &context] { return runs(*folder, context.console); }; });
}

}  // namespace slipway::app
