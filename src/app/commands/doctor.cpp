// slipway doctor: does this machine have what Slipway needs?
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/table/source.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

using nlohmann::json;

Status doctor(Console& console) {
  std::vector<std::vector<std::string>> lines;
  json checks = json::array();
  bool healthy = true;
  const auto check = [&](const std::string& what, const Result<std::string>& outcome) {
    healthy &= outcome.ok();
    const std::string detail = outcome.ok() ? *outcome : outcome.error().message();
    lines.push_back({outcome.ok() ? "ok" : "FAILED", what, detail});
    checks.push_back({{"check", what}, {"ok", outcome.ok()}, {"detail", detail}});
  };
  check("build", Result<std::string>(std::string(pipeline::build_identity())));
  check("processors", Result<std::string>(std::to_string(std::thread::hardware_concurrency())));
  const auto duckdb = []() -> Result<std::string> {
    SLIPWAY_TRY(auto database, table::Database::open(1));
    SLIPWAY_TRY(const table::Table version, database.fetch("select version() as version"));
    return version.column(0).cell_text(0);
  };
  check("DuckDB", duckdb());
  check("ONNX Runtime", engine::OnnxRuntime::library_version());
  for (const auto& learner : learners::catalogue())
    check("learner", Result<std::string>(fmt::format("{}: {}", learner.name, learner.documentation)));
  console.print(align(lines));
  console.document({{"healthy", healthy}, {"checks", checks}});
  if (!healthy) return check_failed("something that Slipway needs is missing; scripts/bootstrap installs it");
  return {};
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("doctor", "Check that this machine has what Slipway needs");
  command->footer("Example: slipway doctor");
  command->callback([&context] { context.action = [&context] { return doctor(context.console); }; });
}

}  // namespace slipway::app
