// Text of any of the encodings that tables come in, as UTF-8.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway::table {

enum class Encoding { automatic, utf_8, utf_16, utf_16_le, utf_16_be, latin_1, windows_1252 };

// auto, utf-8, utf-16, utf-16-le, utf-16-be, latin-1 (iso-8859-1), windows-1252 (cp1252); upper or lower case.
Result<Encoding> parse_encoding(std::string_view name);

// The encoding of a text that starts with these bytes: by its byte order mark, or UTF-16 where every other byte of
// the beginning is zero, or else UTF-8. Eight-bit encodings cannot be told from bytes and must be named.
Encoding detect_encoding(std::string_view head);

// Bytes in, UTF-8 out, block by block; a byte order mark is left out. UTF-8 passes through unchecked: see
// first_invalid_utf8. Unpaired surrogates become U+FFFD.
class TextDecoder {
 public:
  explicit TextDecoder(Encoding encoding) : encoding_(encoding) {}
  // Appends to `text`. `last` says that no more bytes follow.
  void decode(std::string_view bytes, bool last, std::string& text);

 private:
  void decode_utf_16(std::string_view bytes, bool last, std::string& text);

  Encoding encoding_;
  bool started_ = false;
  std::string rest_;  // bytes of a character that is not complete yet
  char32_t high_surrogate_ = 0;
};

// The position of the first byte that is not well-formed UTF-8 (Unicode 15, table 3-7); npos if there is none.
std::size_t first_invalid_utf8(std::string_view text);

}  // namespace slipway::table
