#include "csv_reader.hpp"

#include <slipway/base/text.hpp>

#include "text_decoder.hpp"

namespace slipway::table {
namespace {

constexpr std::size_t longest_record = 1 << 20;
constexpr std::size_t kept_text = 1 << 18;

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

}  // namespace

std::size_t CsvReader::line_end_length(std::size_t place) const {
  return text_[place] == '\r' && place + 1 < text_.size() && text_[place + 1] == '\n' ? 2 : 1;
}

void CsvReader::skip_line(std::size_t from) {
  const std::size_t end = text_.find_first_of("\r\n", from);
  position_ = end == std::string::npos ? text_.size() : end + line_end_length(end);
  ++line_;
}

CsvReader::Scan CsvReader::scan(CsvRecord& record) {
  record.line = line_;
  record.fields.clear();
  record.problem.clear();
  record.column = 0;
  const std::size_t start = position_;
  if (start == text_.size()) return at_end_ ? Scan::end : Scan::needs_more;
  const std::string_view separator = dialect_.separator;
  std::int64_t lines = 0;
  std::size_t i = start;
  record.fields.emplace_back();
  bool at_field_start = true, was_quoted = false;
  const auto fail = [&](std::string problem) {
    const std::size_t end = text_.find_first_of("\r\n", start);
    const bool whole_line = end != std::string::npos && !(text_[end] == '\r' && end + 1 == text_.size());
    if (!whole_line && !at_end_) return Scan::needs_more;
    record.problem = std::move(problem);
    record.column = record.fields.size() - 1;
    skip_line(start);
    return Scan::record;
  };
  for (;;) {
    if (i >= text_.size()) {
      if (!at_end_) return Scan::needs_more;
      break;
    }
    const char c = text_[i];
    if (at_field_start && dialect_.quote != '\0' && c == dialect_.quote) {
      std::string& field = record.fields.back();
      ++i;
      for (;;) {
        const std::size_t quote = text_.find(dialect_.quote, i);
        const std::size_t stop = quote == std::string::npos ? text_.size() : quote;
        for (std::size_t k = i; k < stop; ++k)
          if (text_[k] == '\n' || (text_[k] == '\r' && !(k + 1 < text_.size() && text_[k + 1] == '\n'))) ++lines;
        field.append(text_, i, stop - i);
        i = stop;
        if (quote == std::string::npos) {
          if (!at_end_ && text_.size() - start < longest_record) return Scan::needs_more;
          return fail("a quoted value is not closed");
        }
        // At the end of what is there it cannot be told whether the quote is doubled.
        if (quote + 1 >= text_.size() && !at_end_) return Scan::needs_more;
        if (quote + 1 < text_.size() && text_[quote + 1] == dialect_.quote) {
          field += dialect_.quote;
          i = quote + 2;
          continue;
        }
        i = quote + 1;
        break;
      }
      at_field_start = false;
      was_quoted = true;
      continue;
    }
    if (is_line_end(c)) {
      if (c == '\r' && i + 1 == text_.size() && !at_end_) return Scan::needs_more;
      break;
    }
    if (c == separator[0] && std::string_view(text_).substr(i).starts_with(separator)) {
      record.fields.emplace_back();
      i += separator.size();
      at_field_start = true;
      was_quoted = false;
      continue;
    }
    if (c == separator[0] && separator.size() > 1 && !at_end_ && text_.size() - i < separator.size())
      return Scan::needs_more;
    at_field_start = false;
    if (was_quoted) {
      if (c != ' ' && c != '\t')
        return fail(
            "a quoted value is not closed as it should be (a separator must follow its last quote; a quote "
            "inside it is written twice)");
      ++i;
      continue;
    }
    // As far as the field goes in one piece.
    std::size_t stop = i + 1;
    while (stop < text_.size() && text_[stop] != separator[0] && !is_line_end(text_[stop])) ++stop;
    record.fields.back().append(text_, i, stop - i);
    i = stop;
  }
  const bool blank = record.fields.size() == 1 && trim(std::string_view(text_).substr(start, i - start)).empty();
  position_ = i < text_.size() ? i + line_end_length(i) : i;
  line_ += lines + 1;
  if (blank && !(blank_is_record_ && i < text_.size())) return Scan::blank;
  for (std::size_t f = 0; f < record.fields.size(); ++f) {
    const std::size_t bad = first_invalid_utf8(record.fields[f]);
    if (bad != std::string::npos && record.problem.empty()) {
      static constexpr char digits[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(record.fields[f][bad]);
      record.problem = std::string("the text is not UTF-8 (byte 0x") + digits[byte >> 4] + digits[byte & 15] +
                       "); if it is Latin-1 or Windows-1252, say so with `encoding`";
      record.column = f;
    }
  }
  return Scan::record;
}

Result<bool> CsvReader::next(CsvRecord& record) {
  for (;;) {
    switch (scan(record)) {
      case Scan::record:
        return true;
      case Scan::end:
        return false;
      case Scan::blank:
        continue;
      case Scan::needs_more:
        break;
    }
    if (position_ > kept_text) {
      text_.erase(0, position_);
      position_ = 0;
    }
    SLIPWAY_TRY(const bool more, refill_(text_));
    at_end_ = !more;
  }
}

Result<std::string> CsvReader::peek_line() {
  for (;;) {
    const std::size_t end = text_.find_first_of("\r\n", position_);
    const bool complete = end != std::string::npos && !(text_[end] == '\r' && end + 1 == text_.size());
    if (complete || at_end_) {
      const std::size_t stop = end == std::string::npos ? text_.size() : end;
      const std::string line = text_.substr(position_, stop - position_);
      if (!trim(line).empty()) return line;
      if (end == std::string::npos) return std::string();
      position_ = end + line_end_length(end);
      ++line_;
      continue;
    }
    SLIPWAY_TRY(const bool more, refill_(text_));
    at_end_ = !more;
  }
}

}  // namespace slipway::table
