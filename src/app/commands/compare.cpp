// slipway compare: two runs or bundles side by side.
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/pipeline/comparison.hpp>

#include "bundles.hpp"
#include "commands.hpp"
#include "timing.hpp"

namespace slipway::app {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Arguments {
  std::string first, second;
  std::string out;
  std::string runs = "runs";
  bool fail_if_worse = false;
  int threads = 0;
  std::uint64_t seed = 42;
};

// A run's folder, a run's id in the folder of runs, or what names a bundle.
Result<pipeline::Contender> find_contender(const std::string& location, const Arguments& arguments) {
  for (const fs::path& folder : {fs::path(location), fs::path(arguments.runs) / location})
    if (fs::exists(folder / "run.json")) return pipeline::open_contender(folder, location, arguments.threads);
  auto bundle = find_bundle(location);
  if (!bundle.ok()) {
    if (bundle.error().code() == ErrorCode::not_found)
      return not_found(fmt::format("{} is no run (here or in {}) and no bundle; `slipway runs` lists the runs",
                                   location, arguments.runs));
    return std::move(bundle).error();
  }
  return pipeline::open_contender(bundle->path(), location, arguments.threads);
}

std::string number(const json& value) { return value.is_number() ? fmt::format("{:.4g}", value.get<double>()) : ""; }
std::string interval(const json& value) {
  return value.is_array() ? fmt::format("{:+.4g} to {:+.4g}", value[0].get<double>(), value[1].get<double>()) : "";
}

Status compare(const Arguments& arguments, Console& console) {
  Timing timing(console);
  timing.begin("read");
  SLIPWAY_TRY(const auto first, find_contender(arguments.first, arguments));
  SLIPWAY_TRY(const auto second, find_contender(arguments.second, arguments));
  timing.begin("compare");
  SLIPWAY_TRY(json document, pipeline::compare(first, second, arguments.seed, Threads(arguments.threads)));
  timing.end();
  const json& paired = document["paired"];
  std::vector<std::vector<std::string>> lines;
  if (paired.is_object()) {
    lines.push_back({"measure", first.name, second.name, "difference", "95 % interval", "p", "method"});
    for (const json& measure : paired.at("measures"))
      lines.push_back({measure.at("name"), number(measure.at("first")), number(measure.at("second")),
                       fmt::format("{:+.4g}", measure.at("difference").get<double>()),
                       interval(measure.value("interval", json())),
                       measure.contains("p_value") ? fmt::format("{:.2g}", measure.at("p_value").get<double>()) : "",
                       measure.value("method", "")});
  } else {
    lines.push_back({"measure", first.name, second.name});
    for (const json& measure : document.at("metrics"))
      lines.push_back({measure.at("name"), number(measure.at("first")), number(measure.at("second"))});
  }
  console.print(align(lines));
  if (paired.is_object())
    console.print(
        fmt::format("on {} rows: {}", paired.at("rows").get<std::int64_t>(), paired.at("text").get<std::string>()));
  if (const std::string note = document.at("paired_note"); !note.empty()) console.note(note);
  if (!arguments.out.empty())
    SLIPWAY_CHECK(write_file(arguments.out, pipeline::comparison_page(document, first, second)));
  document["seconds"] = timing.seconds();
  console.document(document);
  if (arguments.fail_if_worse && paired.is_object() && paired.at("verdict") == "worse")
    return check_failed(fmt::format("{} is worse than {}", second.name, first.name));
  return {};
}

}  // namespace

void add_compare(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("compare", "Put two runs or bundles side by side");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("first", arguments->first, "a run (its id or folder) or a bundle, such as models/fraud")
      ->required();
  command->add_option("second", arguments->second, "the one to compare with it")->required();
  command->add_option("--out", arguments->out, "also write the comparison here (HTML)");
  command->add_option("--runs", arguments->runs, "the folder of runs")->capture_default_str();
  command->add_flag("--fail-if-worse", arguments->fail_if_worse,
                    "exit code 1 if the second is worse on the same rows, beyond chance");
  command->add_option("--seed", arguments->seed, "start of the bootstrap's random numbers")->capture_default_str();
  command->add_option("--threads", arguments->threads, "threads to use; 0 = all processors");
  command->footer("Example: slipway compare models/fraud/1 models/fraud/2 --out comparison.html");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return compare(*arguments, context.console); };
  });
}

}  // namespace slipway::app
