// Records of a CSV text with the lines they stand on (RFC 4180 with any separator, quote and line end). DuckDB reads
// what is in good order; this reads the head of every file, and all of those that DuckDB refuses.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::table {

struct CsvDialect {
  std::string separator = ",";  // one to four bytes
  char quote = '"';             // doubled inside a quoted field; 0 for none
};

struct CsvRecord {
  std::int64_t line = 0;            // where it starts, from 1; LF, CRLF and CR end lines
  std::vector<std::string> fields;  // quotes removed, not trimmed
  std::string problem;              // why it is no record, empty if it is one
  std::size_t column = 0;           // of the problem, from 0
};

class CsvReader {
 public:
  // Appends UTF-8 text; false at the end.
  using Refill = std::function<Result<bool>(std::string&)>;
  CsvReader(CsvDialect dialect, Refill refill) : dialect_(std::move(dialect)), refill_(std::move(refill)) {}

  // The next record; false at the end. A blank line is no record, unless `blank_is_record` (files of one column). After
  // a record with a problem reading goes on at the next line. A quote that is not closed within a megabyte is a problem
  // of the line that opens it.
  Result<bool> next(CsvRecord& record);

  void set_dialect(CsvDialect dialect) { dialect_ = std::move(dialect); }
  void set_blank_is_record(bool value) { blank_is_record_ = value; }
  // The text of the next line that is not blank, without its end; "" if there is none. Nothing is consumed but the
  // blank lines before it.
  Result<std::string> peek_line();

 private:
  enum class Scan { record, blank, needs_more, end };
  Scan scan(CsvRecord& record);
  void skip_line(std::size_t from);
  // Moves over a line's end at `place`; the number of bytes of it, or none if more text must be read to tell.
  std::size_t line_end_length(std::size_t place) const;

  CsvDialect dialect_;
  Refill refill_;
  std::string text_;
  std::size_t position_ = 0;
  std::int64_t line_ = 1;
  bool at_end_ = false;
  bool blank_is_record_ = false;
};

}  // namespace slipway::table
