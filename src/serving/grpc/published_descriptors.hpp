// The descriptors of grpc/published/*.proto and of what they import: a google.protobuf.FileDescriptorSet, made by the
// build.
#pragma once
#include <cstddef>

namespace slipway::serving {

extern const unsigned char published_descriptors[];
extern const std::size_t published_descriptors_size;

}  // namespace slipway::serving
