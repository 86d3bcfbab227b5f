// The bytes of a file as they are meant: .gz and .zst are unpacked on the way, whatever the file is called.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include <slipway/base/result.hpp>

namespace slipway::table {

// Reads from the start to the end, once. Memory use does not depend on the file. Not safe for concurrent use.
class ByteReader {
 public:
  // Plain, gzip (RFC 1952, several members too) or Zstandard (RFC 8878, several frames too), told by the first bytes.
  static Result<ByteReader> open(const std::filesystem::path& file);
  ByteReader(ByteReader&&) noexcept;
  ByteReader& operator=(ByteReader&&) noexcept;
  ~ByteReader();

  // none, gzip or zstd.
  std::string_view compression() const;
  // Appends the next bytes (about a megabyte at most) to `bytes`; false at the end, when nothing is appended. Damaged
  // or cut off compressed data is an error that names the file.
  Result<bool> read(std::string& bytes);

 private:
  struct State;
  explicit ByteReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::table
