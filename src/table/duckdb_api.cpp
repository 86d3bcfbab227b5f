#include "duckdb_api.hpp"

#include <cstdlib>
#include <mutex>
#include <string>

#include <dlfcn.h>

namespace slipway::table {
namespace {

std::string library_path() {
  const char* chosen = std::getenv("SLIPWAY_DUCKDB_LIBRARY");
  return chosen != nullptr && *chosen != '\0' ? chosen : SLIPWAY_DUCKDB_LIBRARY;
}

Status open_library(DuckdbApi& api) {
  const std::string path = library_path();
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = ::dlerror();
    return unavailable("cannot open the DuckDB library: " + std::string(reason != nullptr ? reason : path.c_str()) +
                       " (set the environment variable SLIPWAY_DUCKDB_LIBRARY to the path of libduckdb.so)");
  }
  const char* lacking = nullptr;
#define SLIPWAY_DUCKDB_LOOK_UP(name)                                       \
  api.name = reinterpret_cast<decltype(&::name)>(::dlsym(library, #name)); \
  if (api.name == nullptr) lacking = #name;
  SLIPWAY_DUCKDB_FUNCTIONS(SLIPWAY_DUCKDB_LOOK_UP)
#undef SLIPWAY_DUCKDB_LOOK_UP
  if (lacking == nullptr) return {};
  // Left open: closing a library that has started threads or registered exit handlers is not safe.
  return unavailable("the DuckDB library " + path + " has no function " + lacking + ", expected DuckDB 1.4 or later");
}

}  // namespace

Result<const DuckdbApi*> duckdb_api() {
  static std::mutex mutex;
  static DuckdbApi api;
  static bool opened = false;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!opened) {
    SLIPWAY_CHECK(open_library(api));
    opened = true;
  }
  return &api;
}

}  // namespace slipway::table
