// The choice of a separator, and lines of text files for messages.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace slipway::table {

// The separator of a file with this first line: a tab for .tsv and .tab, or else the commonest of , ; tab | outside
// quotes (a comma if none occurs).
char find_separator(std::string_view first_line, const std::filesystem::path& file);

// The line (from 1) of the byte at `position` (from 1) of an uncompressed file.
std::int64_t line_of_position(const std::filesystem::path& file, std::int64_t position);

}  // namespace slipway::table
