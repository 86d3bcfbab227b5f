// From bytes to the messages of an ONNX file.
#pragma once
#include <string_view>

#include <google/protobuf/arena.h>

#include <slipway/base/result.hpp>

#include "onnx.pb.h"

namespace slipway::package {

// Checks the bytes' structure first, so that memory stays within a small multiple of their size. The message belongs to
// the arena.
Result<onnx::ModelFile*> parse_onnx(std::string_view bytes, google::protobuf::Arena& arena);

}  // namespace slipway::package
