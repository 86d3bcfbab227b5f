// What wordings of reasons may name.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace slipway::explain {

inline constexpr std::string_view default_wording = "{input} {value} {direction} the {noun} by {contribution}";

// The names of the fields, without braces.
std::span<const std::string> wording_fields();

}  // namespace slipway::explain
