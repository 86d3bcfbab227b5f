#include "csv_load.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "byte_reader.hpp"
#include "csv_reader.hpp"
#include "csv_text.hpp"
#include "csv_types.hpp"
#include "sql_error.hpp"
#include "text_decoder.hpp"

namespace slipway::table {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t head_rows = 2048;
constexpr std::size_t sampled_places = 12;
constexpr std::size_t sampled_bytes = 1 << 14;
constexpr std::size_t sampled_files = 16;

// A CSV file from its start.
struct OpenFile {
  std::string compression;
  Encoding encoding = Encoding::utf_8;
  std::unique_ptr<CsvReader> reader;
};

Result<OpenFile> open_file(const fs::path& file, const CsvDialect& dialect, Encoding encoding) {
  struct Stream {
    ByteReader bytes;
    std::optional<TextDecoder> decoder;
    std::string block;
  };
  SLIPWAY_TRY(ByteReader bytes, ByteReader::open(file));
  OpenFile opened;
  opened.compression = bytes.compression();
  const auto stream = std::make_shared<Stream>(Stream{std::move(bytes), std::nullopt, {}});
  SLIPWAY_TRY(const bool any, stream->bytes.read(stream->block));
  (void)any;
  opened.encoding = encoding == Encoding::automatic ? detect_encoding(stream->block) : encoding;
  stream->decoder.emplace(opened.encoding);
  opened.reader = std::make_unique<CsvReader>(dialect, [stream](std::string& text) -> Result<bool> {
    if (stream->block.empty()) {
      SLIPWAY_TRY(const bool more, stream->bytes.read(stream->block));
      if (!more) {
        stream->decoder->decode({}, true, text);
        return false;
      }
    }
    stream->decoder->decode(stream->block, false, text);
    stream->block.clear();
    return true;
  });
  return opened;
}

// What must be known to cut a file into cells.
struct Layout {
  std::vector<std::string> names;
  CsvDialect dialect;
  std::string compression;
  Encoding encoding = Encoding::utf_8;
  std::int64_t lines_before = 0;  // blank ones before the header

  bool reads_like(const Layout& other) const {
    return dialect.separator == other.dialect.separator && compression == other.compression &&
           lines_before == other.lines_before;
  }
};

struct Settings {
  std::string delimiter;  // empty: by the header line
  char quote = '"';
  Encoding encoding = Encoding::automatic;
};

Result<Settings> read_settings(const LoadOptions& options) {
  Settings settings;
  settings.delimiter = options.delimiter == "\\t" || options.delimiter == "tab" ? "\t" : options.delimiter;
  if (settings.delimiter.size() > 4 || settings.delimiter.find_first_of("\r\n\"") != std::string::npos)
    return invalid_input("the delimiter is '" + options.delimiter +
                         "', expected one to four bytes, no quote or line end");
  if (options.quote.size() > 1 || options.quote == "\n" || options.quote == "\r")
    return invalid_input("the quote is '" + options.quote + "', expected one character or none");
  settings.quote = options.quote.empty() ? '\0' : options.quote[0];
  SLIPWAY_TRY(settings.encoding, parse_encoding(options.encoding).with_context("encoding"));
  return settings;
}

// Opens a file and reads its header.
Result<OpenFile> open_layout(const fs::path& file, const Settings& settings, Layout& layout) {
  layout.dialect.quote = settings.quote;
  SLIPWAY_TRY(OpenFile opened, open_file(file, layout.dialect, settings.encoding));
  layout.compression = opened.compression;
  layout.encoding = opened.encoding;
  SLIPWAY_TRY(const std::string line, opened.reader->peek_line());
  if (line.empty()) return invalid_input(file.string() + " is empty, expected a header line with the columns' names");
  layout.dialect.separator =
      settings.delimiter.empty() ? std::string(1, find_separator(line, file)) : settings.delimiter;
  opened.reader->set_dialect(layout.dialect);
  CsvRecord header;
  SLIPWAY_TRY(const bool found, opened.reader->next(header));
  if (!found || !header.problem.empty())
    return invalid_input(fmt::format("{}: line {}: the header: {}", file.string(), header.line, header.problem));
  layout.lines_before = header.line - 1;
  std::map<std::string, std::size_t> seen;
  for (const std::string& field : header.fields) {
    const std::size_t position = layout.names.size() + 1;
    std::string name(trim(field));
    if (name.empty()) name = fmt::format("column_{}", position);
    if (name.find('\0') != std::string::npos)
      return invalid_input(fmt::format("{}: line {}: the name of column {} holds a zero byte; which encoding is it?",
                                       file.string(), header.line, position));
    const auto [before, is_new] = seen.emplace(lower_case(name), position);
    if (!is_new)
      return invalid_input(
          fmt::format("{}: line {}: the column name '{}' stands twice, at positions {} and {} (upper and "
                      "lower case are not told apart)",
                      file.string(), header.line, name, before->second, position));
    layout.names.push_back(std::move(name));
  }
  opened.reader->set_blank_is_record(layout.names.size() == 1);
  return opened;
}

Status check_same_header(const fs::path& first, const Layout& expected, const fs::path& file, const Layout& found) {
  for (std::size_t i = 0; i < std::max(expected.names.size(), found.names.size()); ++i) {
    const std::string want = i < expected.names.size() ? "'" + expected.names[i] + "'" : "no more columns";
    const std::string have = i < found.names.size() ? "'" + found.names[i] + "'" : "no more columns";
    if (want != have)
      return invalid_input(fmt::format("{}: line {}: the header has {} at position {}, expected {} as in {}",
                                       file.string(), found.lines_before + 1, have, i + 1, want, first.string()));
  }
  return {};
}

class Loader {
 public:
  Loader(Connection& connection, const Location& location, const LoadOptions& options, Rejects& rejects)
      : connection_(connection), files_(location.files), options_(options), rejects_(rejects) {
    markers_ = options.missing_markers;
    if (std::find(markers_.begin(), markers_.end(), "") == markers_.end()) markers_.insert(markers_.begin(), "");
  }

  Result<std::vector<ColumnInfo>> load(std::string_view name) {
    SLIPWAY_TRY(settings_, read_settings(options_));
    SLIPWAY_TRY(std::vector<ColumnType> types, guess_types());
    SLIPWAY_TRY(const bool read, read_in_one_pass(name, types));
    if (!read) {
      SLIPWAY_TRY(types, read_by_lines(name));
    }
    std::vector<ColumnInfo> columns;
    for (std::size_t j = 0; j < types.size(); ++j) columns.push_back({names()[j], column_type_name(types[j])});
    return columns;
  }

 private:
  const std::vector<std::string>& names() const { return layouts_[0].names; }

  static Status add_record(CellStore& store, const CsvRecord& record) {
    std::vector<std::optional<std::string_view>> cells(record.fields.begin(), record.fields.end());
    for (auto& cell : cells)
      if (cell->empty()) cell.reset();
    return store.add(cells, record.line);
  }

  // Reads every header, and rows from the heads of some files and from all over the first one.
  Result<std::vector<ColumnType>> guess_types() {
    std::optional<CellStore> sample;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      Layout layout;
      SLIPWAY_TRY(OpenFile opened, open_layout(files_[i], settings_, layout));
      if (i == 0) {
        SLIPWAY_TRY(CellStore store, CellStore::make(connection_, layout.names, markers_));
        sample.emplace(std::move(store));
      } else {
        SLIPWAY_CHECK(check_same_header(files_[0], layouts_[0], files_[i], layout));
      }
      layouts_.push_back(std::move(layout));
      if (i < sampled_files) SLIPWAY_CHECK(add_rows(*sample, *opened.reader, head_rows));
    }
    SLIPWAY_CHECK(add_rows_of_places(*sample));
    SLIPWAY_CHECK(sample->finish());
    return sample->guess_types(options_.types);
  }

  Status add_rows(CellStore& store, CsvReader& reader, std::int64_t most) {
    CsvRecord record;
    for (std::int64_t row = 0; row < most; ++row) {
      SLIPWAY_TRY(const bool more, reader.next(record));
      if (!more) return {};
      if (record.problem.empty() && record.fields.size() == names().size()) SLIPWAY_CHECK(add_record(store, record));
    }
    return {};
  }

  // A place may lie inside a quoted value: what is read wrong there is at worst a wrong guess.
  Status add_rows_of_places(CellStore& store) {
    std::error_code code;
    const std::uintmax_t size = fs::file_size(files_[0], code);
    if (code || layouts_[0].compression != "none" || layouts_[0].encoding != Encoding::utf_8 ||
        size < 4 * sampled_places * sampled_bytes)
      return {};
    std::ifstream stream(files_[0], std::ios::binary);
    for (std::size_t place = 1; place <= sampled_places; ++place) {
      std::string block(sampled_bytes, '\0');
      stream.seekg(static_cast<std::streamoff>((size - sampled_bytes) / sampled_places * place));
      stream.read(block.data(), static_cast<std::streamsize>(block.size()));
      block.resize(static_cast<std::size_t>(stream.gcount()));
      const std::size_t first = block.find('\n'), last = block.rfind('\n');
      if (first == std::string::npos || first == last) continue;
      std::string rows = block.substr(first + 1, last - first);
      CsvReader reader(layouts_[0].dialect, [&](std::string& text) -> Result<bool> {
        text += rows;
        const bool any = !rows.empty();
        rows.clear();
        return any;
      });
      SLIPWAY_CHECK(add_rows(store, reader, head_rows));
    }
    return {};
  }

  std::string sql_of_reader(const std::vector<std::string>& files, const Layout& layout) const {
    std::string columns;
    for (const std::string& name : layout.names)
      columns += (columns.empty() ? "" : ", ") + quote_literal(name) + ": 'VARCHAR'";
    const std::string quote = quote_literal(layout.dialect.quote == '\0' ? "" : std::string(1, layout.dialect.quote));
    return fmt::format(
        "read_csv({}, auto_detect = false, header = true, skip = {}, delim = {}, quote = {}, escape = {}, nullstr = "
        "{}, "
        "compression = '{}', columns = {{{}}})",
        sql_list(files), layout.lines_before, quote_literal(layout.dialect.separator), quote, quote, sql_list(markers_),
        layout.compression, columns);
  }

  // All files as one relation of texts; nothing if DuckDB cannot read them as they are.
  std::optional<std::string> sql_of_files() const {
    std::string relation;
    for (std::size_t i = 0; i < files_.size();) {
      if (layouts_[i].encoding != Encoding::utf_8) return std::nullopt;
      std::vector<std::string> alike;
      std::size_t next = i;
      for (;
           next < files_.size() && layouts_[next].reads_like(layouts_[i]) && layouts_[next].encoding == Encoding::utf_8;
           ++next)
        alike.push_back(files_[next].string());
      relation += (relation.empty() ? "FROM " : " UNION ALL FROM ") + sql_of_reader(alike, layouts_[i]);
      i = next;
    }
    return relation;
  }

  // SQL of a cell of the guessed type, which fails at a cell that shows the guess to be wrong. `value` is the column
  // of what the cell converts to. What is rarely needed stands in branches that few rows take: it costs them only.
  std::string sql_of_guess(const ColumnType& type, const std::string& column, const std::string& value) const {
    const std::string wrong = "error('slipway: ' || " + column + ")";
    switch (type.kind) {
      case CellKind::unknown:
        return fmt::format("CASE WHEN {} IS NOT NULL THEN CAST({} AS DOUBLE) END", column, wrong);
      case CellKind::text:
        if (!type.digits_only) return sql_of_text(column, markers_);
        return fmt::format(
            "CASE WHEN {0} IS NULL OR regexp_full_match({0}, '[-+]?[0-9]+') THEN {0} ELSE CAST({1} AS "
            "VARCHAR) END",
            column, wrong);
      default:
        break;
    }
    const std::string cell = fmt::format("coalesce({}, CASE WHEN {} IS NOT NULL THEN {} END)", value, column, wrong);
    return type.kind == CellKind::number ? fmt::format("nullif({}, CAST('nan' AS DOUBLE))", cell) : cell;
  }

  // SQL of what is computed once for sql_of_guess; nothing for text.
  static std::string sql_of_value(const ColumnType& type, const std::string& column) {
    if (type.kind == CellKind::text || type.kind == CellKind::unknown) return {};
    return sql_of_conversion(type, column);
  }

  // False if it cannot be done this way.
  Result<bool> read_in_one_pass(std::string_view name, const std::vector<ColumnType>& types) {
    const std::optional<std::string> relation = sql_of_files();
    if (!relation) return false;
    std::string cells, values;
    for (std::size_t j = 0; j < types.size(); ++j) {
      const std::string column = quote_identifier(names()[j]);
      const std::string value = fmt::format("\"slipway\nvalue {}\"", j);  // no file's column is called so
      if (const std::string sql = sql_of_value(types[j], column); !sql.empty())
        values += fmt::format(", {} AS {}", sql, value);
      cells += fmt::format("{}{} AS {}", j > 0 ? ", " : "", sql_of_guess(types[j], column, value), column);
    }
    const Status made =
        connection_.run(fmt::format("CREATE OR REPLACE TABLE {} AS SELECT {} FROM (SELECT *{} FROM ({}))",
                                    quote_identifier(name), cells, values, *relation));
    if (made.ok()) return true;
    if (made.error().code() == ErrorCode::invalid_input) return false;
    return Error(made.error().code(), files_[0].string() + ": " + short_reason(made.error().message()));
  }

  Result<std::vector<ColumnType>> read_by_lines(std::string_view name) {
    SLIPWAY_TRY(CellStore store, CellStore::make(connection_, names(), markers_));
    for (const fs::path& file : files_) {
      Layout layout;
      SLIPWAY_TRY(OpenFile opened, open_layout(file, settings_, layout));
      SLIPWAY_CHECK(check_same_header(files_[0], layouts_[0], file, layout));
      store.begin_file(file.string());
      CsvRecord record;
      for (;;) {
        SLIPWAY_TRY(const bool more, opened.reader->next(record));
        if (!more) break;
        if (!record.problem.empty()) {
          const bool known = record.column < names().size();
          SLIPWAY_CHECK(reject(file, record, known ? names()[record.column] : ""));
        } else if (record.fields.size() != names().size()) {
          record.problem = fmt::format("{} value{}, expected {} ({})", record.fields.size(),
                                       record.fields.size() == 1 ? "" : "s", names().size(), list_names(names(), 8));
          SLIPWAY_CHECK(reject(file, record, ""));
        } else {
          SLIPWAY_CHECK(add_record(store, record));
        }
      }
    }
    SLIPWAY_CHECK(store.finish());
    return store.make_table(name, options_.types, rejects_);
  }

  Status reject(const fs::path& file, const CsvRecord& record, const std::string& column) {
    std::string value;
    for (const std::string& field : record.fields)
      value += (value.empty() ? "" : layouts_[0].dialect.separator) + field;
    if (const std::size_t bad = first_invalid_utf8(value); bad != std::string::npos) value.resize(bad);
    return rejects_.add({file.string(), record.line, column, value.substr(0, 200), record.problem, "line"});
  }

  Connection& connection_;
  std::vector<fs::path> files_;
  const LoadOptions& options_;
  Rejects& rejects_;
  std::vector<std::string> markers_;
  Settings settings_;
  std::vector<Layout> layouts_;  // of each file
};

}  // namespace

Result<std::vector<ColumnInfo>> load_csv(Connection& connection, std::string_view name, const Location& location,
                                         const LoadOptions& options, Rejects& rejects) {
  return Loader(connection, location, options, rejects).load(name);
}

}  // namespace slipway::table
