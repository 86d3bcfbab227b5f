// Writing JSON by hand: the few pieces that the journal's lines and the server's answers are made of.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::journal {

// Appends `text` as a quoted JSON string. Bytes that are no UTF-8 become U+FFFD, so that the result is always valid
// JSON.
void append_json_string(std::string& out, std::string_view text);

// Appends the shortest decimal that reads back as the same number; null for NaN and infinities, which JSON cannot say.
void append_json_number(std::string& out, double value);
// The same for a float32: read back as a double and rounded to float32, it is the same float32.
void append_json_number(std::string& out, float value);
void append_json_integer(std::string& out, std::int64_t value);

// Whether `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

}  // namespace slipway::journal
