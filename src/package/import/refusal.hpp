// How the readers of this folder give up: thrown inside only, and turned into an Error where they hand over a Result.
#pragma once
#include <new>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include <slipway/base/result.hpp>

namespace slipway::package {

struct Refusal : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Arguments>
[[noreturn]] void refuse(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  throw Refusal(fmt::format(format, std::forward<Arguments>(arguments)...));
}

// Runs a reader that may throw.
template <class Reader>
auto guarded(std::string_view what, const Reader& reader) -> Result<decltype(reader())> {
  try {
    return reader();
  } catch (const std::bad_alloc&) {
    return unavailable(fmt::format("{}: not enough memory", what));
  } catch (const std::exception& error) {
    return invalid_input(fmt::format("{}: {}", what, error.what()));
  }
}

}  // namespace slipway::package
