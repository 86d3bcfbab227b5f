// Flags of the command line from the same tables that YAML keys come from.
#pragma once
#include <span>
#include <string>

#include <CLI/CLI.hpp>

#include <slipway/params/options.hpp>

namespace slipway::app {

// A flag --NAME (underscores as hyphens, both understood) per option. `options` must outlive the parser.
template <class Options>
void add_option_flags(CLI::App& command, Options& options, std::span<const params::Option<Options>> table) {
  for (const auto& option : table) {
    std::string hyphens(option.name);
    std::replace(hyphens.begin(), hyphens.end(), '_', '-');
    std::string names = "--" + hyphens;
    if (hyphens != option.name) names += ",--" + std::string(option.name);
    command
        .add_option_function<std::string>(
            names,
            [&options, &option](const std::string& text) {
              params::Value value = params::scalar(text);
              value.file = "--" + std::string(option.name);
              if (const Status status = params::set_option(options, option, value); !status.ok())
                throw CLI::ValidationError(status.error().message());
            },
            std::string(option.documentation))
        ->default_str(params::show_option(options, option));
  }
}

// The same for a table in a constant array.
template <class Options, std::size_t size>
void add_option_flags(CLI::App& command, Options& options, const params::Option<Options> (&table)[size]) {
  add_option_flags<Options>(command, options, std::span<const params::Option<Options>>(table));
}

}  // namespace slipway::app
