#include "text_decoder.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <slipway/base/text.hpp>
#include <slipway/base/unicode.hpp>

namespace slipway::table {
namespace {

constexpr char32_t replacement = 0xfffd;

// Windows-1252 between 0x80 and 0x9f (WHATWG Encoding, index windows-1252); the rest is as in Latin-1.
constexpr std::array<char16_t, 32> windows_1252_high = {0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                                        0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d,   0x017d, 0x8f,
                                                        0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                                        0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

}  // namespace

Result<Encoding> parse_encoding(std::string_view name) {
  static const std::vector<std::string> names = {"auto",    "utf-8",        "utf-16",     "utf-16-le", "utf-16-be",
                                                 "latin-1", "windows-1252", "iso-8859-1", "cp1252"};
  static constexpr Encoding encodings[] = {Encoding::automatic,    Encoding::utf_8,     Encoding::utf_16,
                                           Encoding::utf_16_le,    Encoding::utf_16_be, Encoding::latin_1,
                                           Encoding::windows_1252, Encoding::latin_1,   Encoding::windows_1252};
  const std::string lower = lower_case(name);
  const auto found = std::find(names.begin(), names.end(), lower);
  if (found != names.end()) return encodings[found - names.begin()];
  return invalid_input("'" + std::string(name) + "' is no encoding" + suggestion(lower, names) + ", expected one of " +
                       list_names(names));
}

Encoding detect_encoding(std::string_view head) {
  if (head.starts_with("\xff\xfe")) return Encoding::utf_16_le;
  if (head.starts_with("\xfe\xff")) return Encoding::utf_16_be;
  const std::size_t pairs = std::min<std::size_t>(head.size() / 2, 64);
  std::size_t even_zeros = 0, odd_zeros = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    even_zeros += head[2 * i] == '\0' ? 1 : 0;
    odd_zeros += head[2 * i + 1] == '\0' ? 1 : 0;
  }
  // Header lines are largely ASCII, of which UTF-16 makes every other byte zero.
  if (odd_zeros * 2 > pairs && even_zeros * 8 < pairs) return Encoding::utf_16_le;
  if (even_zeros * 2 > pairs && odd_zeros * 8 < pairs) return Encoding::utf_16_be;
  return Encoding::utf_8;
}

void TextDecoder::decode(std::string_view bytes, bool last, std::string& text) {
  if (!started_ && encoding_ == Encoding::automatic) encoding_ = detect_encoding(bytes);
  if (!started_ && encoding_ == Encoding::utf_16)
    encoding_ = bytes.starts_with("\xfe\xff") ? Encoding::utf_16_be : Encoding::utf_16_le;
  switch (encoding_) {
    case Encoding::automatic:
    case Encoding::utf_8:
      if (!started_ && bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
      text += bytes;
      break;
    case Encoding::utf_16:
    case Encoding::utf_16_le:
    case Encoding::utf_16_be:
      decode_utf_16(bytes, last, text);
      break;
    case Encoding::latin_1:
      for (const char c : bytes) append_character(text, static_cast<unsigned char>(c));
      break;
    case Encoding::windows_1252:
      for (const char c : bytes) {
        const unsigned char byte = static_cast<unsigned char>(c);
        append_character(text, byte >= 0x80 && byte < 0xa0 ? windows_1252_high[byte - 0x80] : byte);
      }
      break;
  }
  started_ = started_ || !bytes.empty();
}

void TextDecoder::decode_utf_16(std::string_view bytes, bool last, std::string& text) {
  rest_ += bytes;
  const std::size_t units = rest_.size() / 2;
  const std::size_t high_byte = encoding_ == Encoding::utf_16_le ? 1 : 0;
  for (std::size_t i = 0; i < units; ++i) {
    const auto high = static_cast<unsigned char>(rest_[2 * i + high_byte]);
    const auto low = static_cast<unsigned char>(rest_[2 * i + 1 - high_byte]);
    const char32_t unit = static_cast<char32_t>(high << 8 | low);
    if (i == 0 && !started_ && unit == 0xfeff) continue;
    const bool is_low_surrogate = unit >= 0xdc00 && unit < 0xe000;
    if (high_surrogate_ != 0) {
      append_character(text,
                       is_low_surrogate ? 0x10000 + ((high_surrogate_ - 0xd800) << 10) + (unit - 0xdc00) : replacement);
      high_surrogate_ = 0;
      if (is_low_surrogate) continue;
    }
    if (unit >= 0xd800 && unit < 0xdc00)
      high_surrogate_ = unit;
    else
      append_character(text, is_low_surrogate ? replacement : unit);
  }
  started_ = started_ || units > 0;
  rest_.erase(0, units * 2);
  if (last && (high_surrogate_ != 0 || !rest_.empty())) append_character(text, replacement);
}

std::size_t first_invalid_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  for (std::size_t i = 0; i < text.size();) {
    std::uint64_t word = 0;
    if (i + 8 <= text.size()) {
      std::memcpy(&word, text.data() + i, 8);
      if ((word & 0x8080808080808080ull) == 0) {
        i += 8;
        continue;
      }
    }
    const unsigned char lead = byte(i);
    if (lead < 0x80) {
      ++i;
    } else if (lead >= 0xc2 && lead < 0xe0 && continues(i + 1)) {
      i += 2;
    } else if (lead >= 0xe0 && lead < 0xf0 && continues(i + 1) && continues(i + 2) &&
               !(lead == 0xe0 && byte(i + 1) < 0xa0) && !(lead == 0xed && byte(i + 1) >= 0xa0)) {
      i += 3;
    } else if (lead >= 0xf0 && lead < 0xf5 && continues(i + 1) && continues(i + 2) && continues(i + 3) &&
               !(lead == 0xf0 && byte(i + 1) < 0x90) && !(lead == 0xf4 && byte(i + 1) >= 0x90)) {
      i += 4;
    } else {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace slipway::table
