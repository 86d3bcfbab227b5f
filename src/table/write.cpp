// Tables to files: CSV text is written here, Parquet by DuckDB. Both go to a folder beside the target and are renamed.
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
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

// A CSV file that blocks of rows are added to; the first of them gives the header.
class CsvFile {
 public:
  explicit CsvFile(const fs::path& file) : stream_(std::fopen(file.c_str(), "wb")) {}

  Status add(const Table& table) {
    if (stream_ == nullptr) return failure();
    std::vector<CellWriter> writers;
    for (const Column& column : table.all()) {
      if (!has_header_) {
        if (!writers.empty()) text_ += ',';
        append_csv_text(text_, column.name);
      }
      writers.emplace_back(column);
    }
    if (!has_header_) text_ += '\n';
    has_header_ = true;
    constexpr std::size_t block = 1 << 20;
    for (std::size_t i = 0; i < table.rows(); ++i) {
      const std::size_t start = text_.size();
      for (std::size_t j = 0; j < writers.size(); ++j) {
        if (j > 0) text_ += ',';
        writers[j].append(text_, i);
      }
      // A blank line would be no row at all.
      if (text_.size() == start) text_ += "\"\"";
      text_ += '\n';
      if (text_.size() >= block) SLIPWAY_CHECK(flush());
    }
    return {};
  }

  Status close() {
    if (stream_ == nullptr) return failure();
    SLIPWAY_CHECK(flush());
    return std::fclose(stream_.release()) == 0 ? Status() : failure();
  }

 private:
  static Error failure() { return unavailable(std::string("cannot write: ") + std::strerror(errno)); }
  Status flush() {
    if (std::fwrite(text_.data(), 1, text_.size(), stream_.get()) != text_.size()) return failure();
    text_.clear();
    return {};
  }

  std::unique_ptr<std::FILE, Closer> stream_;
  std::string text_;
  bool has_header_ = false;
};

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

Status copy_to_parquet(Connection& connection, const std::string& query, const fs::path& file) {
  const Status written =
      connection.run("COPY (" + query + ") TO " + quote_literal(file.string()) + " (FORMAT parquet, COMPRESSION zstd)");
  if (!written.ok()) return unavailable(short_reason(written.error().message()));
  return {};
}

// A Parquet file that blocks of rows are added to; DuckDB keeps them, among the temporary files where memory is short,
// until close().
class ParquetFile {
 public:
  ParquetFile(fs::path file, int threads) : file_(std::move(file)), threads_(threads) {}

  Status add(const Table& table) {
    if (!appender_) SLIPWAY_CHECK(open(table));
    for (std::size_t first = 0; first < table.rows(); first += appender_->capacity()) {
      const std::size_t count = std::min(appender_->capacity(), table.rows() - first);
      for (std::size_t j = 0; j < table.columns(); ++j)
        fill_vector(connection_->api(), table.column(j), first, count, appender_->vector(j));
      SLIPWAY_CHECK(appender_->append(count));
    }
    return {};
  }

  Status close() {
    if (!appender_) return invalid_input("a table without columns cannot be written as Parquet");
    SLIPWAY_CHECK(appender_->close());
    return copy_to_parquet(*connection_, "FROM output", file_);
  }

 private:
  Status open(const Table& table) {
    SLIPWAY_TRY(connection_, Connection::open(threads_));
    std::string columns;
    std::vector<duckdb_type> types;
    for (const Column& column : table.all()) {
      columns +=
          fmt::format("{}{} {}", columns.empty() ? "" : ", ", quote_identifier(column.name), sql_type(column.data));
      types.push_back(chunk_type(column.data));
    }
    if (columns.empty()) return invalid_input("a table without columns cannot be written as Parquet");
    const Status made = connection_->run("CREATE TABLE output (" + columns + ")");
    if (!made.ok()) return invalid_input(short_reason(made.error().message()));
    SLIPWAY_TRY(Appender appender, Appender::open(*connection_, "", "output", types));
    appender_.emplace(std::move(appender));
    return {};
  }

  fs::path file_;
  int threads_;
  std::unique_ptr<Connection> connection_;
  std::optional<Appender> appender_;
};

// Writes beside the file with `fill`, given the temporary place, and puts the result in place.
Status write_whole(const fs::path& file, const std::function<Status(const fs::path&, bool)>& fill) {
  const std::string ending = lower_case(file.extension().string());
  if (ending != ".csv" && ending != ".parquet")
    return invalid_input("cannot write " + file.string() + ": its name ends in '" + ending +
                         "', expected .csv or .parquet");
  const auto write = [&]() -> Status {
    SLIPWAY_TRY(FolderInProgress folder, FolderInProgress::beside(file));
    const fs::path temporary = folder.path() / ("table" + ending);
    SLIPWAY_CHECK(fill(temporary, ending == ".csv"));
    SLIPWAY_CHECK(flush_to_disk(temporary));
    std::error_code code;
    fs::rename(temporary, file, code);
    if (code) return invalid_input("cannot put the file in its place: " + code.message());
    return flush_to_disk(fs::absolute(file).parent_path());
  };
  return write().with_context("writing " + file.string());
}

}  // namespace

Status write_query(Connection& connection, const std::string& query, const fs::path& file) {
  return write_whole(file, [&](const fs::path& temporary, bool is_csv) -> Status {
    SLIPWAY_TRY(const std::string plain, plain_query(connection, query));
    if (!is_csv) return copy_to_parquet(connection, plain, temporary);
    CsvFile csv(temporary);
    SLIPWAY_CHECK(fetch_blocks(connection, plain, [&](const Table& block) { return csv.add(block); }));
    return csv.close();
  });
}

Status write_blocks(const fs::path& file, int threads,
                    const std::function<Status(const std::function<Status(const Table&)>&)>& produce) {
  return write_whole(file, [&](const fs::path& temporary, bool is_csv) -> Status {
    const auto fill = [&](auto&& output) -> Status {
      SLIPWAY_CHECK(produce([&](const Table& block) { return output.add(block); }));
      return output.close();
    };
    return is_csv ? fill(CsvFile(temporary)) : fill(ParquetFile(temporary, threads));
  });
}

Status write_table(const Table& table, const fs::path& file, int threads) {
  return write_blocks(file, threads, [&](const auto& add) { return add(table); });
}

}  // namespace slipway::table
