// The text of a CSV file as far as messages and the choice of separator need it; DuckDB reads the cells.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::table {

struct FirstLine {
  std::string text;               // without its end and a byte order mark; "" if the file holds blank lines only
  std::int64_t lines_before = 0;  // blank ones
};
// The first line of an uncompressed file that is not blank.
Result<FirstLine> first_line_of(const std::filesystem::path& file);

// The fields of one record: quotes removed (RFC 4180), not trimmed. Stops at the end of the record.
std::vector<std::string> split_record(std::string_view record, char separator);

// The separator of a file with this first line: a tab for .tsv and .tab, or else the commonest of , ; tab | outside
// quotes (a comma if none occurs).
char find_separator(std::string_view first_line, const std::filesystem::path& file);

// The line (from 1) at which record number `record` (from 0, the header is 0) of an uncompressed file starts; quoted
// cells may span lines; blank lines are no records, unless the file has a single column. Unreadable files and
// compressed ones give record + 1.
std::int64_t line_of_record(const std::filesystem::path& file, std::int64_t record, bool single_column);

// The line (from 1) of the byte at `position` (from 1) of an uncompressed file.
std::int64_t line_of_position(const std::filesystem::path& file, std::int64_t position);

}  // namespace slipway::table
