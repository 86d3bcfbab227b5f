// slipway replay: the prediction log scored again.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/serving/replay.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

struct Arguments {
  std::string log;
  std::string location;
  std::string model, version, from, to;
  std::vector<std::string> slices;
  std::size_t differences = 20;
  bool shadow = false;
};

Status read_time(const char* flag, const std::string& text, std::int64_t& time) {
  if (text.empty()) return {};
  const auto parsed = parse_time(text);
  if (!parsed)
    return invalid_input(fmt::format("{}: '{}' is no time; expected ISO 8601, as in 2026-11-24T13:00", flag, text));
  time = *parsed;
  return {};
}

nlohmann::json to_json(const serving::Replay& replay) {
  nlohmann::json document = {{"rows", replay.rows},
                             {"masked", replay.masked},
                             {"refused", replay.refused},
                             {"unavailable", replay.unavailable},
                             {"same_model", replay.same_model},
                             {"equal", replay.equal},
                             {"flips", replay.flips},
                             {"largest_difference", replay.largest_difference},
                             {"logged_mean", replay.logged_mean},
                             {"replayed_mean", replay.replayed_mean},
                             {"differences", nlohmann::json::array()},
                             {"slices", nlohmann::json::array()}};
  for (const auto& one : replay.differences)
    document["differences"].push_back({{"sequence", one.sequence},
                                       {"request_id", one.request_id},
                                       {"version", one.version},
                                       {"logged", one.logged},
                                       {"replayed", one.replayed},
                                       {"logged_label", one.logged_label},
                                       {"replayed_label", one.replayed_label}});
  for (const auto& one : replay.slices)
    document["slices"].push_back({{"input", one.input},
                                  {"value", one.value},
                                  {"rows", one.rows},
                                  {"flips", one.flips},
                                  {"logged_mean", one.logged_mean},
                                  {"replayed_mean", one.replayed_mean}});
  return document;
}

std::string count(std::uint64_t number) { return group_digits(static_cast<std::int64_t>(number)); }

void print(const serving::Replay& replay, Console& console) {
  console.print(fmt::format("{} rows scored again; {} with another label; largest difference of scores {}",
                            count(replay.rows), count(replay.flips), format_number(replay.largest_difference)));
  if (replay.same_model > 0)
    console.print(fmt::format("{} of them by the version that scored them first: {} equal to the bit",
                              count(replay.same_model), count(replay.equal)));
  for (const auto& [number, what] : {std::pair{replay.masked, "an input is hidden in the log"},
                                     std::pair{replay.refused, "the model's schema refuses them"},
                                     std::pair{replay.unavailable, "their version is not there"}})
    if (number > 0) console.print(fmt::format("{} rows not scored: {}", count(number), what));
  if (!replay.differences.empty()) {
    std::vector<std::vector<std::string>> rows = {{"sequence", "request", "logged", "replayed", "label", "now"}};
    for (const auto& one : replay.differences)
      rows.push_back({std::to_string(one.sequence), one.request_id, format_number(one.logged),
                      format_number(one.replayed), one.logged_label, one.replayed_label});
    console.print(align(rows));
  }
  if (!replay.slices.empty()) {
    std::vector<std::vector<std::string>> rows = {{"input", "value", "rows", "flips", "logged mean", "replayed mean"}};
    for (const auto& one : replay.slices)
      rows.push_back({one.input, one.value, count(one.rows), count(one.flips), fmt::format("{:.4f}", one.logged_mean),
                      fmt::format("{:.4f}", one.replayed_mean)});
    console.print(align(rows));
  }
}

Status replay(const Arguments& arguments, Console& console) {
  serving::ReplayOptions options;
  options.rows.model = arguments.model;
  options.rows.version = arguments.version;
  options.rows.shadow = arguments.shadow;
  SLIPWAY_CHECK(read_time("--from", arguments.from, options.rows.from));
  SLIPWAY_CHECK(read_time("--to", arguments.to, options.rows.to));
  options.slices = arguments.slices;
  options.most_differences = arguments.differences;
  SLIPWAY_TRY(const serving::Replay result, serving::replay_journal(arguments.log, arguments.location, options));
  print(result, console);
  console.document(to_json(result));
  if (result.equal < result.same_model)
    return check_failed(fmt::format("{} rows do not score as they did by the version that scored them",
                                    result.same_model - result.equal));
  return {};
}

}  // namespace

void add_replay(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("replay", "Score a prediction log again");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("log", arguments->log, "folder of the prediction log")->required();
  command
      ->add_option("location", arguments->location,
                   "a bundle, which scores all rows, or a registry's folder: each row by the version that scored it")
      ->required();
  command->add_option("--slice", arguments->slices, "an input by whose values flips are counted; may be repeated");
  command->add_option("--model", arguments->model, "only rows of this model");
  command->add_option("--of-version", arguments->version, "only rows that this version scored");
  command->add_option("--from", arguments->from, "only rows from this time on, ISO 8601");
  command->add_option("--to", arguments->to, "only rows before this time");
  command->add_option("--differences", arguments->differences, "rows that differ and are listed")
      ->capture_default_str();
  command->add_flag("--shadow", arguments->shadow, "also rows that a shadow version scored");
  command->footer("Example: slipway replay predictions/ models/fraud/4 --slice state");
  command->callback([arguments, &context] {
    context.action = [arguments, &context] { return replay(*arguments, context.console); };
  });
}

}  // namespace slipway::app
