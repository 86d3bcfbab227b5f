// slipway reference: the page of all options, for docs/reference/options.md.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <slipway/pipeline/reference.hpp>

#include "commands.hpp"

namespace slipway::app {

void add_reference(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("reference", "Print the reference page of all options (Markdown)");
  command->footer("Example: slipway reference > docs/reference/options.md");
  command->callback([&context] {
    context.action = [&context]() -> Status {
      const std::string page = pipeline::options_reference();
      context.console.print(std::string_view(page).substr(0, page.size() - 1));
      context.console.document({{"markdown", page}});
      return {};
    };
  });
}

}  // namespace slipway::app
