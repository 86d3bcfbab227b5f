#include "csv_text.hpp"

#include <algorithm>
#include <array>
#include <fstream>

#include <slipway/base/text.hpp>

#include "location.hpp"

namespace slipway::table {
namespace {

constexpr std::size_t block_size = 1 << 20;

}  // namespace

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
