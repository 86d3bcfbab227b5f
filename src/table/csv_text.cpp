#include "csv_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <slipway/base/text.hpp>

#include "location.hpp"

namespace slipway::table {
namespace {

constexpr std::size_t block_size = 1 << 20;

}  // namespace

Result<FirstLine> first_line_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return invalid_input("cannot open " + file.string() + ": " + std::strerror(errno));
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  FirstLine found;
  std::string& line = found.text;
  for (; std::getline(stream, line); ++found.lines_before) {
    if (found.lines_before == 0 && line.starts_with(byte_order_mark)) line.erase(0, byte_order_mark.size());
    line.resize(std::min(line.find('\r'), line.size()));
    if (!trim(line).empty()) return found;
  }
  return FirstLine();
}

std::vector<std::string> split_record(std::string_view record, char separator) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (i + 1 < record.size() && record[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && trim(fields.back()).empty()) {
      quoted = true;
      fields.back().clear();
    } else if (c == separator) {
      fields.emplace_back();
    } else if (c == '\n' || c == '\r') {
      break;
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

char find_separator(std::string_view first_line, const std::filesystem::path& file) {
  std::filesystem::path name = file;
  if (is_compressed(file)) name.replace_extension();
  const std::string ending = lower_case(name.extension().string());
  if (ending == ".tsv" || ending == ".tab") return '\t';
  constexpr std::array<char, 4> separators = {',', ';', '\t', '|'};
  std::array<std::size_t, 4> counts{};
  bool quoted = false;
  for (const char c : first_line) {
    if (c == '"') quoted = !quoted;
    if (!quoted)
      for (std::size_t i = 0; i < separators.size(); ++i) counts[i] += c == separators[i] ? 1 : 0;
  }
  return separators[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())];
}

std::int64_t line_of_record(const std::filesystem::path& file, std::int64_t record, bool single_column) {
  std::ifstream stream(file, std::ios::binary);
  if (is_compressed(file) || !stream) return record + 1;
  std::string block(block_size, '\0');
  std::int64_t line = 1, start = 1, records = 0;
  bool quoted = false, content = false;
  while (stream) {
    stream.read(block.data(), static_cast<std::streamsize>(block.size()));
    const std::size_t size = static_cast<std::size_t>(stream.gcount());
    for (std::size_t i = 0; i < size; ++i) {
      const char c = block[i];
      if (c == '"') {
        quoted = !quoted;  // a doubled quote toggles twice
        content = true;
      } else if (c == '\n') {
        ++line;
        if (quoted) continue;
        const bool is_record = content || (single_column && records > 0);
        if (is_record && records++ == record) return start;
        content = false;
        start = line;
      } else if (c != '\r') {
        content = true;
      }
    }
  }
  return start;
}

std::int64_t line_of_position(const std::filesystem::path& file, std::int64_t position) {
  std::ifstream stream(file, std::ios::binary);
  std::string block(block_size, '\0');
  std::int64_t line = 1;
  while (stream && position > 0) {
    stream.read(block.data(), static_cast<std::streamsize>(std::min<std::int64_t>(position, block_size)));
    line += std::count(block.data(), block.data() + stream.gcount(), '\n');
    position -= stream.gcount();
  }
  return line;
}

}  // namespace slipway::table
