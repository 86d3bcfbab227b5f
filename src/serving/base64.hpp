// base64 (RFC 4648).
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace slipway::serving {

// base64, or with `url` base64url, with or without padding; nothing if it is none.
std::optional<std::string> decode_base64(std::string_view text, bool url);

}  // namespace slipway::serving
