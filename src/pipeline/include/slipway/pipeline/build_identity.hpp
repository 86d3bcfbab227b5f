// Which build this is.
#pragma once
#include <string_view>

namespace slipway::pipeline {

// "0.1.0"
std::string_view build_version();
// The version and a digest of the sources that can change a result: part of every cache key and of a bundle's lineage.
std::string_view build_identity();

}  // namespace slipway::pipeline
