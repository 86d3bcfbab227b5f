// Reading settings by an option table.
#pragma once
#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/learners/learner.hpp>

namespace slipway::learners {

// `options` with the settings applied in order; an unknown name is an error with the nearest. `others` are names that
// the caller reads elsewhere; they only make the message complete.
template <class Options>
Status apply_settings(Options& options, std::span<const params::Option<Options>> table, const Settings& settings,
                      std::string_view learner, const std::vector<std::string>& others = {}) {
  for (const auto& [name, value] : settings) {
    const params::Option<Options>* option = params::find_option(table, name);
    if (option == nullptr) {
      std::vector<std::string> names = params::option_names(table);
      names.insert(names.begin(), others.begin(), others.end());
      return value.error(fmt::format("{} has no option '{}'{}; it has {}", learner, name, suggestion(name, names),
                                     list_names(names, names.size())));
    }
    SLIPWAY_CHECK(params::set_option(options, *option, value));
  }
  return {};
}

}  // namespace slipway::learners
