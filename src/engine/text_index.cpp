#include "text_index.hpp"

#include <bit>

#include <slipway/base/hash.hpp>

namespace slipway::engine {

TextIndex::TextIndex(std::span<const std::string> keys) {
  const std::size_t size = std::bit_ceil(2 * keys.size() + 1);
  slots_.resize(size);
  mask_ = size - 1;
  begins_.push_back(0);
  for (std::uint32_t key = 0; key < keys.size(); ++key) {
    bytes_ += keys[key];
    begins_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    const std::uint64_t hash = hash_bytes(keys[key]);
    std::uint64_t at = hash & mask_;
    while (slots_[at].key != absent) at = (at + 1) & mask_;
    slots_[at] = {key, static_cast<std::uint32_t>(hash >> 32)};
  }
}

std::uint32_t TextIndex::find(std::string_view text) const {
  const std::uint64_t hash = hash_bytes(text);
  for (std::uint64_t at = hash & mask_; slots_[at].key != absent; at = (at + 1) & mask_) {
    const Slot slot = slots_[at];
    if (slot.hash != static_cast<std::uint32_t>(hash >> 32)) continue;
    const std::uint32_t begin = begins_[slot.key];
    if (std::string_view(bytes_).substr(begin, begins_[slot.key + 1] - begin) == text) return slot.key;
  }
  return absent;
}

}  // namespace slipway::engine
