#pragma once
#include <string_view>

namespace slipway::package {

// True for a relative path with '/' that stays inside its folder: no empty, "." or ".." parts, no backslash, no control
// characters.
inline bool is_inner_path(std::string_view name) {
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 32 || c == '\\' || c == ':') return false;
  while (true) {
    const std::size_t end = name.find('/');
    const std::string_view part = name.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 1);
  }
}

}  // namespace slipway::package
