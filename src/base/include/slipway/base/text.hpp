// Small text helpers that error messages and writers share.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

// The candidate with the smallest edit distance to `name` (Damerau-Levenshtein, restricted), if it is near enough to be
// a likely slip: at most a third of the name's length, and at least 2.
std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates);

// " (did you mean 'amount'?)", or "" when nothing is near; put behind an unknown name in a message.
std::string suggestion(std::string_view name, std::span<const std::string> candidates);

// "a, b, c and 4 more": at most `most` of the names.
std::string list_names(std::span<const std::string> names, std::size_t most = 12);

// Shortest text that reads back as the same float or double ("nan", "inf", "-inf" for those).
std::string format_number(float value);
std::string format_number(double value);

// The whole of `text` as a number (decimal or scientific, "nan", "inf"; blanks around it allowed), or nothing.
std::optional<double> parse_number(std::string_view text);

std::string lower_case(std::string_view text);  // ASCII only
std::string_view trim(std::string_view text);   // ASCII blanks
std::vector<std::string> split(std::string_view text, char separator);

// Escapes for HTML text and attribute values.
std::string escape_html(std::string_view text);

}  // namespace slipway
