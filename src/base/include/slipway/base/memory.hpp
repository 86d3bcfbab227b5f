// How much memory this process holds.
#pragma once
#include <cstdint>
#include <optional>

namespace slipway {

// Bytes in memory now, and the most there have been; nothing where the system does not say.
std::optional<std::uint64_t> resident_memory();
std::optional<std::uint64_t> peak_memory();

}  // namespace slipway
