#include "shared_library.hpp"

#include <dlfcn.h>

namespace slipway::table {

Result<void*> open_shared_library(const std::string& path, const std::string& advice) {
  void* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  const char* reason = ::dlerror();
  return unavailable("cannot open a library: " + std::string(reason != nullptr ? reason : path.c_str()) + " (" +
                     advice + ")");
}

Result<void*> find_function(void* library, const std::string& path, const char* name) {
  void* found = ::dlsym(library, name);
  if (found != nullptr) return found;
  return unavailable("the library " + path + " has no function " + name + ", expected a later version");
}

}  // namespace slipway::table
