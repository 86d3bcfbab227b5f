// The command line: parses, runs one command, maps its outcome to an exit code.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/pipeline/build_identity.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

constexpr int wrong_use = 2;

// What the parser says, with the nearest name for an unknown flag or command.
std::string explain_parse_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  std::string message = error.what();
  const CLI::App* chosen = &app;
  for (const CLI::App* sub : app.get_subcommands()) chosen = sub;
  std::vector<std::string> known;
  for (const CLI::Option* option : chosen->get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  if (chosen == &app)
    for (const CLI::App* sub : app.get_subcommands({})) known.push_back(sub->get_name());
  for (int i = 1; i < argc; ++i) {
    const std::string argument = split(argv[i], '=')[0];
    const bool flag = argument.starts_with("--");
    if ((flag || (chosen == &app && i == 1)) && std::find(known.begin(), known.end(), argument) == known.end())
      return fmt::format("unknown {} '{}'{}; see slipway {}--help", flag ? "option" : "command", argument,
                         suggestion(argument, known), chosen == &app ? "" : chosen->get_name() + " ");
  }
  return fmt::format("{}; see slipway {}--help", message, chosen == &app ? "" : chosen->get_name() + " ");
}

int run(int argc, char** argv) {
  Console console;
  Context context{console, {}};
  CLI::App app("Slipway: tabular data from a raw table to a monitored model in production.");
  app.set_version_flag("--version", std::string(pipeline::build_version()));
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  app.footer(
      "Exit codes: 0 success, 1 a gate or check failed, 2 wrong use or bad input, 3 internal error, 130 interrupted.");
  for (auto add : {add_init, add_sample, add_profile, add_prepare, add_train, add_run, add_evaluate, add_explain,
                   add_compare, add_package, add_import, add_score, add_serve, add_replay, add_monitor, add_models,
                   add_runs, add_doctor, add_reference})
    add(app, context);
  for (CLI::App* command : app.get_subcommands({})) {
    command->add_flag_callback(
        "--json", [&] { console.set_json(true); }, "print one JSON document on standard output and nothing else there");
    command->add_flag_callback(
        "--quiet", [&] { console.set_quiet(true); }, "no progress and no remarks");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    for (const CLI::App* sub : app.get_subcommands()) {
      console.print(sub->help());
      return 0;
    }
    console.print(app.help());
    return 0;
  } catch (const CLI::CallForVersion& version) {
    console.print(version.what());
    return 0;
  } catch (const CLI::ParseError& error) {
    console.error(explain_parse_error(app, error, argc, argv));
    return wrong_use;
  }
  const Status status = context.action();
  if (status.ok()) return 0;
  console.error(status.error().message());
  // A failed check has already printed its document.
  if (status.error().code() != ErrorCode::check_failed) console.document({{"error", status.error().message()}});
  return exit_code(status.error().code());
}

}  // namespace
}  // namespace slipway::app

int main(int argc, char** argv) {
  try {
    return slipway::app::run(argc, argv);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "slipway: out of memory\n");
    return 2;
  } catch (const std::exception& exception) {
    fmt::print(stderr, "slipway: internal error: {}\n", exception.what());
    return 3;
  }
}
