// UBJSON (Universal Binary JSON, draft 12), as XGBoost writes it, into a JSON document.
#pragma once
#include <string_view>

#include <nlohmann/json.hpp>

namespace slipway::package {

// Throws Refusal with the byte where it stopped. Values nest at most 64 deep, and memory stays within a small multiple
// of the size: a container may not announce more elements than the bytes that are left could hold.
nlohmann::json read_ubjson(std::string_view bytes);

}  // namespace slipway::package
