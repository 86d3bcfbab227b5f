#include "calls.hpp"

#include <unordered_map>

namespace slipway::serving {
namespace {

const std::vector<CallMethod>& all_methods() {
  static const std::vector<CallMethod> methods = [] {
    std::vector<CallMethod> all;
    for (const auto package : {inference_methods(), tensorflow_methods(), health_methods(), reflection_methods()})
      all.insert(all.end(), package.begin(), package.end());
    return all;
  }();
  return methods;
}

}  // namespace

std::span<const CallMethod> call_methods() { return all_methods(); }

const CallMethod* find_call_method(std::string_view path) {
  static const std::unordered_map<std::string_view, const CallMethod*> index = [] {
    std::unordered_map<std::string_view, const CallMethod*> made;
    for (const CallMethod& method : all_methods()) made.emplace(method.path, &method);
    return made;
  }();
  const auto found = index.find(path);
  return found == index.end() ? nullptr : found->second;
}

}  // namespace slipway::serving
