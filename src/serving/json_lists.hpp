// Pieces of JSON for the answers that describe something.
#pragma once
#include <string>
#include <string_view>

#include <slipway/journal/json_text.hpp>

namespace slipway::serving {

// A text in quotes.
inline std::string json_text(std::string_view text) {
  std::string out;
  journal::append_json_string(out, text);
  return out;
}

// Writes "a,b,c" of what `one` makes of each element.
std::string json_list(const auto& elements, const auto& one) {
  std::string out;
  for (const auto& element : elements) {
    if (!out.empty()) out += ',';
    out += one(element);
  }
  return out;
}

}  // namespace slipway::serving
