// The commands, one per file of commands/.
#pragma once
#include <functional>
#include <string>

#include <slipway/base/result.hpp>

#include "console.hpp"

namespace CLI {
class App;
}

namespace slipway::app {

// What a parsed command does; its Status becomes the exit code.
struct Context {
  Console& console;
  std::function<Status()> action;
};

// Each adds its subcommand to the parser and, when chosen, sets context.action.
void add_init(CLI::App& app, Context& context);
void add_sample(CLI::App& app, Context& context);
void add_profile(CLI::App& app, Context& context);
void add_prepare(CLI::App& app, Context& context);
void add_train(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_evaluate(CLI::App& app, Context& context);
void add_explain(CLI::App& app, Context& context);
void add_compare(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_package(CLI::App& app, Context& context);
void add_score(CLI::App& app, Context& context);
void add_serve(CLI::App& app, Context& context);
void add_replay(CLI::App& app, Context& context);
void add_monitor(CLI::App& app, Context& context);
void add_models(CLI::App& app, Context& context);
void add_runs(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_reference(CLI::App& app, Context& context);

}  // namespace slipway::app
