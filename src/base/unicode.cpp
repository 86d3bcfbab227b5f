#include <algorithm>

#include <slipway/base/unicode.hpp>

#include "case_table.hpp"

namespace slipway {
namespace {

constexpr char32_t replacement = 0xfffd;

// The character at the front of a text that is not empty, and its size in bytes; 0 where there is none.
struct Decoded {
  char32_t character;
  std::size_t size;
};
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return {replacement, 0};
  char32_t character = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {replacement, 0};
    character = character << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (size == 3 && character < 0x800) || (size == 4 && character < 0x10000);
  if (overlong || character > 0x10ffff || (character >= 0xd800 && character < 0xe000)) return {replacement, 0};
  return {character, size};
}

const CaseRange* range_of(char32_t character) {
  const auto* after = std::upper_bound(std::begin(case_ranges), std::end(case_ranges), character,
                                       [](char32_t c, const CaseRange& range) { return c < range.first; });
  if (after == std::begin(case_ranges)) return nullptr;
  const CaseRange& range = *std::prev(after);
  return character <= range.last && (character - range.first) % range.step == 0 ? &range : nullptr;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = decode(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::vector<char32_t> characters_of(std::string_view text) {
  std::vector<char32_t> characters;
  while (!text.empty()) {
    const Decoded next = decode(text);
    characters.push_back(next.character);
    text.remove_prefix(std::max<std::size_t>(next.size, 1));
  }
  return characters;
}

void append_character(std::string& text, char32_t character) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (character >> shift & 0x3f)); };
  if (character < 0x80) {
    text += static_cast<char>(character);
  } else if (character < 0x800) {
    text += static_cast<char>(0xc0 | character >> 6);
    tail(0);
  } else if (character < 0x10000) {
    text += static_cast<char>(0xe0 | character >> 12);
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0 | character >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

char32_t lower_case_of(char32_t character) {
  if (character < 0x80) return character >= 'A' && character <= 'Z' ? character + ('a' - 'A') : character;
  const CaseRange* range = range_of(character);
  return range == nullptr ? character : static_cast<char32_t>(static_cast<std::int64_t>(character) + range->distance);
}

std::string unicode_lower_case(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = decode(text);
    if (next.size == 0) {
      lower += text.front();
      text.remove_prefix(1);
      continue;
    }
    append_character(lower, lower_case_of(next.character));
    text.remove_prefix(next.size);
  }
  return lower;
}

std::vector<char32_t> upper_forms(char32_t lower) {
  std::vector<char32_t> forms;
  if (lower >= 'a' && lower <= 'z') forms.push_back(lower - ('a' - 'A'));
  for (const CaseRange& range : case_ranges) {
    const std::int64_t upper = static_cast<std::int64_t>(lower) - range.distance;
    if (upper >= range.first && upper <= range.last && (upper - range.first) % range.step == 0)
      forms.push_back(static_cast<char32_t>(upper));
  }
  return forms;
}

}  // namespace slipway
