// Libraries that are opened when something first needs them, so that a program that does not never pays for them.
#pragma once
#include <string>

#include <slipway/base/result.hpp>

namespace slipway::table {

// Opens a library, never to be closed (closing one that has started threads or registered exit handlers is not safe).
// An error ends in `advice`.
Result<void*> open_shared_library(const std::string& path, const std::string& advice);

// The address of a function; an error names the library and what it lacks.
Result<void*> find_function(void* library, const std::string& path, const char* name);

}  // namespace slipway::table

// For a struct that is filled from a list of functions, one pointer per function under the same name (X macros).
#define SLIPWAY_FUNCTION_POINTER(name) decltype(&::name) name = nullptr;
#define SLIPWAY_FIND_FUNCTION(name)                                      \
  do {                                                                   \
    SLIPWAY_TRY(void* const found, find_function(library, path, #name)); \
    api.name = reinterpret_cast<decltype(&::name)>(found);               \
  } while (false);
