// Tables to files: CSV text is written here, Parquet by DuckDB. Both go to a folder beside the target and are renamed.
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>

#include "database.hpp"
#include "sql_error.hpp"

namespace slipway::table {
namespace {

namespace fs = std::filesystem;

void append_csv_text(std::string& line, std::string_view text) {
  // Blanks at the ends would be trimmed by whoever reads, but quotes at least show that they belong to the text.
  const bool plain = text.find_first_of(",\"\n\r") == std::string_view::npos && trim(text).size() == text.size();
  if (plain) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

// Appends the cells of one column as text; missing cells append nothing.
class CellWriter {
 public:
  explicit CellWriter(const Column& column) : column_(column) {
    if (const auto* text = std::get_if<TextColumn>(&column.data))
      for (const std::string& value : text->dictionary) append_csv_text(quoted_.emplace_back(), value);
  }

  void append(std::string& line, std::size_t row) const {
    if (const auto* text = std::get_if<TextColumn>(&column_.data)) {
      if (text->codes[row] >= 0) line += quoted_[static_cast<std::size_t>(text->codes[row])];
    } else if (const auto* numbers = std::get_if<NumberColumn>(&column_.data)) {
      if (!std::isnan(numbers->values[row])) fmt::format_to(std::back_inserter(line), "{}", numbers->values[row]);
    } else if (const auto* integers = std::get_if<IntegerColumn>(&column_.data)) {
      const fmt::format_int digits(integers->values[row]);
      if (integers->values[row] != IntegerColumn::missing) line.append(digits.data(), digits.size());
    } else if (!column_.is_missing(row)) {
      line += format_time(std::get<TimeColumn>(column_.data).values[row]);
    }
  }

 private:
  const Column& column_;
  std::vector<std::string> quoted_;
};

struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Status write_csv(const Table& table, const fs::path& file) {
  std::unique_ptr<std::FILE, Closer> stream(std::fopen(file.c_str(), "wb"));
  const auto failed = [&] { return unavailable(std::string("cannot write: ") + std::strerror(errno)); };
  if (stream == nullptr) return failed();
  std::vector<CellWriter> writers;
  std::string text;
  for (const Column& column : table.all()) {
    if (!writers.empty()) text += ',';
    append_csv_text(text, column.name);
    writers.emplace_back(column);
  }
  text += '\n';
  constexpr std::size_t block = 1 << 20;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const std::size_t start = text.size();
    for (std::size_t j = 0; j < writers.size(); ++j) {
      if (j > 0) text += ',';
      writers[j].append(text, i);
    }
    // A blank line would be no row at all.
    if (text.size() == start) text += "\"\"";
    text += '\n';
    if (text.size() < block) continue;
    if (std::fwrite(text.data(), 1, text.size(), stream.get()) != text.size()) return failed();
    text.clear();
  }
  if (std::fwrite(text.data(), 1, text.size(), stream.get()) != text.size()) return failed();
  if (std::fclose(stream.release()) != 0) return failed();
  return {};
}

std::string_view sql_type(const ColumnData& data) {
  if (std::holds_alternative<NumberColumn>(data)) return "FLOAT";
  if (std::holds_alternative<IntegerColumn>(data)) return "BIGINT";
  return std::holds_alternative<TextColumn>(data) ? "VARCHAR" : "TIMESTAMP";
}

duckdb_type chunk_type(const ColumnData& data) {
  if (std::holds_alternative<NumberColumn>(data)) return DUCKDB_TYPE_FLOAT;
  if (std::holds_alternative<IntegerColumn>(data)) return DUCKDB_TYPE_BIGINT;
  return std::holds_alternative<TextColumn>(data) ? DUCKDB_TYPE_VARCHAR : DUCKDB_TYPE_TIMESTAMP;
}

void fill_vector(const DuckdbApi& api, const Column& column, std::size_t first, std::size_t count,
                 duckdb_vector vector) {
  api.duckdb_vector_ensure_validity_writable(vector);
  std::uint64_t* validity = api.duckdb_vector_get_validity(vector);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << (i % 64);
    if (column.is_missing(first + i))
      validity[i / 64] &= ~bit;
    else
      validity[i / 64] |= bit;
  }
  void* data = api.duckdb_vector_get_data(vector);
  const auto copy = [&](const auto& values) { std::memcpy(data, values.data() + first, count * sizeof(values[0])); };
  if (const auto* numbers = std::get_if<NumberColumn>(&column.data)) return copy(numbers->values);
  if (const auto* integers = std::get_if<IntegerColumn>(&column.data)) return copy(integers->values);
  if (const auto* times = std::get_if<TimeColumn>(&column.data)) return copy(times->values);
  const auto& text = std::get<TextColumn>(column.data);
  for (std::size_t i = 0; i < count; ++i) {
    if (text.codes[first + i] < 0) continue;
    const std::string& value = text.dictionary[static_cast<std::size_t>(text.codes[first + i])];
    api.duckdb_vector_assign_string_element_len(vector, i, value.data(), value.size());
  }
}

Status append_rows(Connection& connection, const Table& table, const char* name) {
  std::vector<duckdb_type> types;
  for (const Column& column : table.all()) types.push_back(chunk_type(column.data));
  SLIPWAY_TRY(Appender appender, Appender::open(connection, "", name, types));
  for (std::size_t first = 0; first < table.rows(); first += appender.capacity()) {
    const std::size_t count = std::min(appender.capacity(), table.rows() - first);
    for (std::size_t j = 0; j < table.columns(); ++j)
      fill_vector(connection.api(), table.column(j), first, count, appender.vector(j));
    SLIPWAY_CHECK(appender.append(count));
  }
  return appender.close();
}

Status write_parquet(const Table& table, const fs::path& file, int threads) {
  SLIPWAY_TRY(const std::unique_ptr<Connection> connection, Connection::open(threads));
  std::string columns;
  for (const Column& column : table.all())
    columns +=
        fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_identifier(column.name), sql_type(column.data));
  if (columns.empty()) return invalid_input("a table without columns cannot be written as Parquet");
  Status made = connection->run("CREATE TABLE output (" + columns + ")");
  if (!made.ok()) return invalid_input(short_reason(made.error().message()));
  SLIPWAY_CHECK(append_rows(*connection, table, "output"));
  const Status written =
      connection->run("COPY output TO " + quote_literal(file.string()) + " (FORMAT parquet, COMPRESSION zstd)");
  if (!written.ok()) return unavailable(short_reason(written.error().message()));
  return {};
}

Status write_whole(const Table& table, const fs::path& file, const std::string& ending, int threads) {
  SLIPWAY_TRY(FolderInProgress folder, FolderInProgress::beside(file));
  const fs::path temporary = folder.path() / ("table" + ending);
  SLIPWAY_CHECK(ending == ".csv" ? write_csv(table, temporary) : write_parquet(table, temporary, threads));
  SLIPWAY_CHECK(flush_to_disk(temporary));
  std::error_code code;
  fs::rename(temporary, file, code);
  if (code) return invalid_input("cannot put the file in its place: " + code.message());
  return flush_to_disk(fs::absolute(file).parent_path());
}

}  // namespace

Status write_table(const Table& table, const fs::path& file, int threads) {
  const std::string ending = lower_case(file.extension().string());
  if (ending != ".csv" && ending != ".parquet")
    return invalid_input("cannot write " + file.string() + ": its name ends in '" + ending +
                         "', expected .csv or .parquet");
  return write_whole(table, file, ending, threads).with_context("writing " + file.string());
}

}  // namespace slipway::table
