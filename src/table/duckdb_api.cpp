#include "duckdb_api.hpp"

#include <cstdlib>
#include <mutex>
#include <string>

#include "shared_library.hpp"

namespace slipway::table {
namespace {

std::string library_path() {
  const char* chosen = std::getenv("SLIPWAY_DUCKDB_LIBRARY");
  return chosen != nullptr && *chosen != '\0' ? chosen : SLIPWAY_DUCKDB_LIBRARY;
}

Status open_library(DuckdbApi& api) {
  const std::string path = library_path();
  SLIPWAY_TRY(void* const library,
              open_shared_library(path,
                                  "set the environment variable SLIPWAY_DUCKDB_LIBRARY to the path of "
                                  "libduckdb.so"));
  SLIPWAY_DUCKDB_FUNCTIONS(SLIPWAY_FIND_FUNCTION)
  return {};
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
