// Digests: SHA-256 for what must be provable (bundles, logs, stage cache), a fast 64-bit hash for tables in memory.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway {

// Incremental SHA-256 (FIPS 180-4).
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  Sha256& update(std::string_view bytes);
  // Hashes the length first, so that ("ab", "c") and ("a", "bc") differ.
  Sha256& update_framed(std::string_view bytes);
  // The digest as 64 lower-case hexadecimal digits; the object starts afresh.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
// Streams the file; memory use does not depend on its size.
Result<std::string> sha256_file(const std::filesystem::path& file);

// A fast, well mixed 64-bit hash of bytes; the same on every machine and run, not cryptographic.
std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace slipway
