// From a text to the row of a Lookup, without building strings.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::engine {

// A hash table over a fixed set of distinct keys (open addressing, at most half full). Immutable.
class TextIndex {
 public:
  static constexpr std::uint32_t absent = 0xffffffff;
  explicit TextIndex(std::span<const std::string> keys);
  // The position of the key in the list, or `absent`.
  std::uint32_t find(std::string_view text) const;

 private:
  struct Slot {
    std::uint32_t key = absent;
    std::uint32_t hash = 0;  // upper bits, to skip most comparisons
  };
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> begins_;  // of each key in bytes_, and the end
  std::string bytes_;
  std::uint64_t mask_ = 0;
};

}  // namespace slipway::engine
