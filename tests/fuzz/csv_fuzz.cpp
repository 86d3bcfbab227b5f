// Any bytes as a CSV file: the reader ends, its records' lines go up, and good ones are UTF-8 whatever the encoding
// says.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "csv_reader.hpp"
#include "text_decoder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::table;
  if (size < 3) return 0;
  // The first bytes choose the encoding, the dialect and the size of the blocks that the text comes in.
  const auto encoding = static_cast<Encoding>(data[0] % 7);
  static const CsvDialect dialects[] = {{",", '"'}, {";", '\''}, {"::", '"'}, {"\t", '\0'}};
  const std::size_t block = data[2] + std::size_t{1};
  std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
  TextDecoder decoder(encoding);
  bool ended = false;
  CsvReader reader(dialects[data[1] % 4], [&](std::string& text) -> slipway::Result<bool> {
    if (ended) return false;
    const std::string_view next = rest.substr(0, block);
    rest.remove_prefix(next.size());
    ended = next.empty();
    decoder.decode(next, ended, text);
    return !ended;
  });
  reader.set_blank_is_record(data[1] >= 128);
  if (!reader.peek_line().ok()) std::abort();
  CsvRecord record;
  for (std::int64_t last = 0;;) {
    const auto more = reader.next(record);
    if (!more.ok()) std::abort();
    if (!*more) return 0;
    if (record.line <= last || record.fields.empty()) std::abort();
    last = record.line;
    if (!record.problem.empty()) continue;
    for (const std::string& field : record.fields)
      if (first_invalid_utf8(field) != std::string::npos) std::abort();
  }
}
