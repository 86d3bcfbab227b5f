// A look at protobuf bytes before they are parsed.
#pragma once
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway::package {

// Walks the structure of an ONNX file without building it. An error for bytes that are no protobuf of that shape and
// for files whose parsing would need far more memory than their size (a message of two bytes becomes an object of a
// hundred).
Status check_wire(std::string_view bytes);

}  // namespace slipway::package
