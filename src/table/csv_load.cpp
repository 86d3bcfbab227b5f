#include "csv_load.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "csv_text.hpp"
#include "csv_types.hpp"
#include "sql_error.hpp"

namespace slipway::table {
namespace {

namespace fs = std::filesystem;

// All cells as text, in file order; dropped when the typed table is made.
constexpr std::string_view cells = "temp.slipway_cells";

// What DuckDB must know to cut a file into cells.
struct Layout {
  std::vector<std::string> names;
  char separator = ',';
  std::int64_t lines_before = 0;  // blank ones before the header
};

std::string sql_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts) list += (list.size() > 1 ? ", " : "") + quote_literal(text);
  return list + "]";
}

std::string sql_of_reader(const fs::path& file, const Layout& layout, const std::vector<std::string>& markers,
                          std::string_view more = "") {
  std::string columns;
  for (const std::string& name : layout.names)
    columns += (columns.empty() ? "" : ", ") + quote_literal(name) + ": 'VARCHAR'";
  return fmt::format(
      R"(read_csv({}, auto_detect = false, header = true, skip = {}, delim = {}, quote = '"', escape = '"', nullstr = {}, columns = {{{}}}{}))",
      sql_list({file.string()}), layout.lines_before, quote_literal(std::string(1, layout.separator)),
      sql_list(markers), columns, more);
}

Result<FirstLine> first_line(Connection& connection, const fs::path& file) {
  if (!is_compressed(file)) return first_line_of(file);
  auto answer = connection.query(
      "SELECT line FROM read_csv(" + sql_list({file.string()}) +
      ", auto_detect = false, header = false, delim = '\x01', quote = '', escape = '', columns = {'line': 'VARCHAR'}) "
      "LIMIT 1");
  if (!answer.ok())
    return Error(answer.error().code(),
                 file.string() + ": cannot be unpacked: " + short_reason(answer.error().message()));
  const auto lines = answer->texts();
  return lines.empty() ? FirstLine() : FirstLine{lines[0][0]};
}

Result<Layout> read_layout(Connection& connection, const fs::path& file) {
  SLIPWAY_TRY(const FirstLine first, first_line(connection, file));
  const std::string& line = first.text;
  if (trim(line).empty())
    return invalid_input(file.string() + " is empty, expected a header line with the columns' names");
  Layout layout;
  layout.lines_before = first.lines_before;
  layout.separator = find_separator(line, file);
  std::map<std::string, std::size_t> seen;
  for (const std::string& field : split_record(line, layout.separator)) {
    const std::size_t position = layout.names.size() + 1;
    std::string name(trim(field));
    if (name.empty()) name = fmt::format("column_{}", position);
    const auto [before, is_new] = seen.emplace(lower_case(name), position);
    if (!is_new)
      return invalid_input(
          fmt::format("{}: line 1: the column name '{}' stands twice, at positions {} and {} (upper and "
                      "lower case are not told apart)",
                      file.string(), name, before->second, position));
    layout.names.push_back(std::move(name));
  }
  return layout;
}

Status check_same_header(const fs::path& first, const Layout& expected, const fs::path& file, const Layout& found) {
  for (std::size_t i = 0; i < std::max(expected.names.size(), found.names.size()); ++i) {
    const std::string want = i < expected.names.size() ? "'" + expected.names[i] + "'" : "no more columns";
    const std::string have = i < found.names.size() ? "'" + found.names[i] + "'" : "no more columns";
    if (want != have)
      return invalid_input(fmt::format("{}: line 1: the header has {} at position {}, expected {} as in {}",
                                       file.string(), have, i + 1, want, first.string()));
  }
  return {};
}

std::string shortened(std::string_view text) {
  return text.size() <= 60 ? std::string(text) : std::string(text.substr(0, 57)) + "...";
}

// Reads the file once more with DuckDB's table of rejected rows to find the first that does not fit.
Error explain_structure(Connection& connection, const fs::path& file, const Layout& layout, const Error& failure) {
  const std::string fallback = file.string() + ": " + short_reason(failure.message());
  if (failure.code() != ErrorCode::invalid_input) return {failure.code(), fallback};
  const auto again =
      connection.query("SELECT count(COLUMNS(*)) FROM " + sql_of_reader(file, layout, {""}, ", store_rejects = true"));
  auto rejects = connection.query(
      "SELECT line::VARCHAR, line_byte_position::VARCHAR, error_type::VARCHAR, column_name, csv_line[1:100000] "
      "FROM reject_errors ORDER BY line_byte_position, byte_position LIMIT 1");
  if (!rejects.ok()) return {failure.code(), fallback};
  const auto rows = rejects->texts();
  for (const char* table : {"reject_errors", "reject_scans"})
    if (const Status dropped = connection.run(std::string("DROP TABLE IF EXISTS ") + table); !dropped.ok())
      return dropped.error();
  if (rows.empty()) return {failure.code(), fallback};
  const auto& row = rows[0];
  const std::int64_t line = is_compressed(file)
                                ? static_cast<std::int64_t>(parse_number(row[0]).value_or(0))
                                : line_of_position(file, static_cast<std::int64_t>(parse_number(row[1]).value_or(1)));
  const std::string where = fmt::format("{}: line {}: ", file.string(), line);
  const std::string column = row[3].empty() ? "" : "column '" + row[3] + "': ";
  const std::string& kind = row[2];
  if (kind == "MISSING COLUMNS" || kind == "TOO MANY COLUMNS") {
    const std::size_t start = row[4].find_first_not_of("\r\n");
    const std::size_t found =
        split_record(std::string_view(row[4]).substr(start == std::string::npos ? 0 : start), layout.separator).size();
    return invalid_input(fmt::format("{}{} value{}, expected {} ({})", where, found, found == 1 ? "" : "s",
                                     layout.names.size(), list_names(layout.names, 8)));
  }
  if (kind == "UNQUOTED VALUE")
    return invalid_input(
        where + column +
        "a quoted value is not closed as it should be (it ends with a quote before the next separator; a "
        "quote inside it is written twice)");
  if (kind == "LINE SIZE OVER MAXIMUM")
    return invalid_input(where + "the line is longer than 2 MB; is a quote before it not closed?");
  if (kind.find("ENCODING") != std::string::npos || kind.find("UNICODE") != std::string::npos)
    return invalid_input(where + column + "the text is not UTF-8; convert the file first");
  return invalid_input(where + column + short_reason(failure.message()));
}

class Loader {
 public:
  Loader(Connection& connection, const Location& location, const std::vector<std::string>& markers)
      : connection_(connection), files_(location.files), markers_(markers) {
    if (std::find(markers_.begin(), markers_.end(), "") == markers_.end()) markers_.insert(markers_.begin(), "");
  }
  ~Loader() { (void)connection_.run("DROP TABLE IF EXISTS " + std::string(cells)).ok(); }

  Status read_cells() {
    SLIPWAY_TRY(layout_, read_layout(connection_, files_[0]));
    for (std::size_t i = 0; i < files_.size(); ++i) {
      Layout layout = layout_;
      if (i > 0) {
        SLIPWAY_TRY(layout, read_layout(connection_, files_[i]));
        SLIPWAY_CHECK(check_same_header(files_[0], layout_, files_[i], layout));
      }
      const std::string head = i == 0 ? "CREATE OR REPLACE TEMP TABLE slipway_cells AS FROM "
                                      : "INSERT INTO " + std::string(cells) + " FROM ";
      auto read = connection_.query(head + sql_of_reader(files_[i], layout, markers_));
      if (!read.ok()) return explain_structure(connection_, files_[i], layout, read.error());
      ends_.push_back((i == 0 ? 0 : ends_.back()) + read->first_row_integers()[0]);
    }
    return {};
  }

  Status make_table(std::string_view name, const std::vector<ColumnInfo>& pinned) {
    SLIPWAY_TRY(std::vector<ColumnType> types, guess_types(pinned));
    SLIPWAY_CHECK(write_table_as(name, types));
    SLIPWAY_TRY(const std::vector<std::size_t> doubtful, find_doubtful(name, types));
    if (doubtful.empty()) return {};
    for (const std::size_t j : doubtful) {
      SLIPWAY_TRY(types[j], settle_type(j, types[j]));
    }
    return write_table_as(name, types);
  }

 private:
  std::string quoted(std::size_t column) const { return quote_identifier(layout_.names[column]); }
  // All of a column's cells as `text`, with their row's `number`.
  std::string texts_of(std::size_t column) const {
    return fmt::format("(SELECT {} AS text, number FROM (SELECT {} AS text, rowid AS number FROM {}))",
                       sql_of_present("text", markers_), sql_of_trimmed(quoted(column)), cells);
  }

  Result<std::vector<ColumnType>> guess_types(const std::vector<ColumnInfo>& pinned) {
    // A guess only decides what is tried first: find_doubtful() checks it on all rows.
    constexpr int sample_rows = 4096;
    std::string counts_of_all, present, trimmed;
    for (std::size_t j = 0; j < layout_.names.size(); ++j) {
      const char* comma = j > 0 ? ", " : "";
      counts_of_all += comma + sql_of_counts(quoted(j));
      present += fmt::format("{}{} AS {}", comma, sql_of_present(quoted(j), markers_), quoted(j));
      trimmed += fmt::format("{}{} AS {}", comma, sql_of_trimmed(quoted(j)), quoted(j));
    }
    SLIPWAY_TRY(auto answer,
                connection_.query(fmt::format("SELECT {} FROM (SELECT {} FROM (SELECT {} FROM {} LIMIT {}))",
                                              counts_of_all, present, trimmed, cells, sample_rows)));
    const std::vector<std::int64_t> counts = answer.first_row_integers();
    std::vector<ColumnType> types;
    for (std::size_t j = 0; j < layout_.names.size(); ++j) {
      ColumnType type;
      type.kind = guess_kind(read_counts(counts, j));
      for (const ColumnInfo& column : pinned)
        if (column.name == layout_.names[j]) {
          SLIPWAY_TRY(type.kind, parse_cell_kind(column.sql_type));
          type.pinned = true;
        }
      types.push_back(std::move(type));
    }
    return types;
  }

  Status write_table_as(std::string_view name, const std::vector<ColumnType>& types) {
    std::string outer, inner;
    for (std::size_t j = 0; j < types.size(); ++j) {
      const char* comma = j > 0 ? ", " : "";
      const bool is_text = types[j].kind == CellKind::text || types[j].kind == CellKind::unknown;
      inner += fmt::format("{}{} AS {}", comma, is_text || types[j].settled ? sql_of_trimmed(quoted(j)) : quoted(j),
                           quoted(j));
      outer += fmt::format("{}{} AS {}", comma,
                           is_text ? sql_of_present(quoted(j), markers_) : sql_of_cell(types[j], quoted(j)), quoted(j));
    }
    auto made = connection_.run(fmt::format("CREATE OR REPLACE TABLE {} AS SELECT {} FROM (SELECT {} FROM {})",
                                            quote_identifier(name), outer, inner, cells));
    if (!made.ok()) return Error(made.error().code(), files_[0].string() + ": " + short_reason(made.error().message()));
    return {};
  }

  // Columns of which some cell was lost in the conversion, or of which nothing is known yet.
  Result<std::vector<std::size_t>> find_doubtful(std::string_view name, const std::vector<ColumnType>& types) {
    std::string raw, typed;
    for (std::size_t j = 0; j < types.size(); ++j) {
      raw += fmt::format("{}count({})", j > 0 ? ", " : "", quoted(j));
      typed += fmt::format("{}count({})", j > 0 ? ", " : "", quoted(j));
    }
    SLIPWAY_TRY(auto raw_answer, connection_.query(fmt::format("SELECT {} FROM {}", raw, cells)));
    SLIPWAY_TRY(auto typed_answer, connection_.query(fmt::format("SELECT {} FROM {}", typed, quote_identifier(name))));
    const auto before = raw_answer.first_row_integers(), after = typed_answer.first_row_integers();
    std::vector<std::size_t> doubtful;
    for (std::size_t j = 0; j < types.size(); ++j)
      if (types[j].kind == CellKind::unknown || (types[j].kind != CellKind::text && before[j] != after[j]))
        doubtful.push_back(j);
    return doubtful;
  }

  Result<ColumnType> settle_type(std::size_t column, ColumnType type) {
    SLIPWAY_TRY(auto answer,
                connection_.query(fmt::format("SELECT {} FROM {}", sql_of_counts("text"), texts_of(column))));
    const CellCounts counts = read_counts(answer.first_row_integers(), 0);
    if (!type.pinned) {
      type.kind = settle_kind(counts);
      if (type.kind == CellKind::text && counts.dates_by_parts == counts.present) {
        SLIPWAY_TRY(type.time_format, find_time_format(column, counts.present));
        if (!type.time_format.empty()) type.kind = CellKind::time;
      }
    }
    type.settled = true;
    if (type.kind != CellKind::text) SLIPWAY_CHECK(check_cells(column, type, counts));
    return type;
  }

  Result<std::string> find_time_format(std::size_t column, std::int64_t present) {
    const std::vector<std::string>& formats = time_formats();
    std::string select;
    for (const std::string& format : formats)
      select += fmt::format("{}count(try_strptime(text, '{}'))", select.empty() ? "" : ", ", format);
    SLIPWAY_TRY(auto answer, connection_.query(fmt::format("SELECT {} FROM {}", select, texts_of(column))));
    const auto counts = answer.first_row_integers();
    for (std::size_t i = 0; i < formats.size(); ++i)
      if (counts[i] == present) return formats[i];
    return std::string();
  }

  // The first cell that is not of its column's type is an error.
  Status check_cells(std::size_t column, const ColumnType& type, const CellCounts& counts) {
    SLIPWAY_TRY(auto answer, connection_.query(fmt::format(
                                 "SELECT number::VARCHAR, text FROM {} WHERE text IS NOT NULL AND {} IS NULL "
                                 "ORDER BY number LIMIT 1",
                                 texts_of(column), sql_of_conversion(type, "text"))));
    const auto rows = answer.texts();
    if (rows.empty()) return {};
    const std::int64_t row = static_cast<std::int64_t>(parse_number(rows[0][0]).value_or(0));
    std::size_t file = 0;
    while (file + 1 < files_.size() && row >= ends_[file]) ++file;
    const std::int64_t record = row - (file == 0 ? 0 : ends_[file - 1]) + 1;
    // An inferred column is one of numbers, whole or not: which of the two makes no difference to the culprit.
    const CellKind shown = !type.pinned && type.kind == CellKind::integer ? CellKind::number : type.kind;
    std::string message = fmt::format("{}: line {}: column '{}': '{}' is not {}", files_[file].string(),
                                      line_of_record(files_[file], record, layout_.names.size() == 1),
                                      layout_.names[column], shortened(rows[0][1]), kind_description(shown));
    if (!type.pinned)
      message += fmt::format(" ({} of the column's {} values are)",
                             type.kind == CellKind::time ? counts.times : counts.numbers, counts.present);
    return invalid_input(message);
  }

  Connection& connection_;
  std::vector<fs::path> files_;
  std::vector<std::string> markers_;
  Layout layout_;
  std::vector<std::int64_t> ends_;  // rows up to and including each file
};

}  // namespace

std::string sql_of_trimmed(const std::string& text) {
  // trim() with one argument takes spaces only, but is four times as fast.
  return fmt::format(
      "CASE WHEN contains({0}, E'\\t') OR contains({0}, E'\\n') OR contains({0}, E'\\r') THEN trim({0}, E' \\t\\r\\n') "
      "ELSE trim({0}) END",
      text);
}

std::string sql_of_present(const std::string& text, const std::vector<std::string>& missing_markers) {
  // Not IN: DuckDB makes a join of a long list, and a join does not keep the order of the rows.
  std::vector<std::string> markers = missing_markers;
  if (std::find(markers.begin(), markers.end(), "") == markers.end()) markers.insert(markers.begin(), "");
  return fmt::format("CASE WHEN list_contains({}, {}) THEN NULL ELSE {} END", sql_list(markers), text, text);
}

Status load_csv(Connection& connection, std::string_view name, const Location& location,
                const std::vector<std::string>& missing_markers, const std::vector<ColumnInfo>& types) {
  Loader loader(connection, location, missing_markers);
  SLIPWAY_CHECK(loader.read_cells());
  Status made = loader.make_table(name, types);
  // Cells that do not fit are NULL in the table by now: nobody may take it for a good one.
  if (!made.ok()) SLIPWAY_CHECK(connection.run("DROP TABLE IF EXISTS " + quote_identifier(name)));
  return made;
}

}  // namespace slipway::table
