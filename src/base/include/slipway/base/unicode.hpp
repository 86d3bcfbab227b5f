// Characters of UTF-8 text and their lower case, by Unicode's simple mapping: one character for one, the same
// everywhere. (The full mapping, which Python's str.lower has, differs for two letters: it makes an i and a dot of
// U+0130 and a final sigma of a capital one at the end of a word.)
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

bool is_utf8(std::string_view text);
// The characters of a text; a byte that is no part of one counts as one, 0xfffd.
std::vector<char32_t> characters_of(std::string_view text);
void append_character(std::string& text, char32_t character);

char32_t lower_case_of(char32_t character);
// What is no UTF-8 stays as it is.
std::string unicode_lower_case(std::string_view text);
// The other characters whose lower case it is, ascending.
std::vector<char32_t> upper_forms(char32_t lower);

}  // namespace slipway
