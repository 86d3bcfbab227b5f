// The rows of a query into the columns of a Table, chunk by chunk.
#include <bit>
#include <cmath>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include <slipway/base/hash.hpp>
#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>

#include "database.hpp"
#include "row_order.hpp"
#include "sql_error.hpp"

namespace slipway::table {
namespace {

// Gives equal texts equal codes, in order of first appearance: open addressing over the dictionary itself.
class Encoder {
 public:
  explicit Encoder(TextColumn& column) : column_(column), slots_(64, empty) {}

  std::int32_t code(std::string_view text) {
    const std::uint64_t hash = hash_of(text);
    std::size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot] != empty) {
      const std::size_t known = static_cast<std::size_t>(slots_[slot]);
      if (hashes_[known] == hash && column_.dictionary[known] == text) return slots_[slot];
      slot = (slot + 1) & (slots_.size() - 1);
    }
    const std::int32_t code = static_cast<std::int32_t>(column_.dictionary.size());
    slots_[slot] = code;
    column_.dictionary.emplace_back(text);
    hashes_.push_back(hash);
    if (hashes_.size() * 2 > slots_.size()) grow();
    return code;
  }

 private:
  static constexpr std::int32_t empty = -1;

  static std::uint64_t hash_of(std::string_view text) {
    if (text.size() > 8) return hash_bytes(text);
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), text.size());
    return mix_bits(word ^ (static_cast<std::uint64_t>(text.size()) << 56));
  }

  void grow() {
    slots_.assign(slots_.size() * 2, empty);
    for (std::size_t i = 0; i < hashes_.size(); ++i) {
      std::size_t slot = hashes_[i] & (slots_.size() - 1);
      while (slots_[slot] != empty) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<std::int32_t>(i);
    }
  }

  TextColumn& column_;
  std::vector<std::int32_t> slots_;
  std::vector<std::uint64_t> hashes_;
};

constexpr float missing_number = std::numeric_limits<float>::quiet_NaN();

template <class Source, class Target, class Convert>
void append(const void* data, const std::uint64_t* validity, std::size_t count, std::vector<Target>& values,
            Target missing, Convert convert) {
  const Source* cells = static_cast<const Source*>(data);
  const std::size_t first = values.size();
  values.resize(first + count);
  if (validity == nullptr) {
    for (std::size_t i = 0; i < count; ++i) values[first + i] = convert(cells[i]);
    return;
  }
  for (std::size_t i = 0; i < count; ++i) values[first + i] = is_valid(validity, i) ? convert(cells[i]) : missing;
}

using Wide = __int128;

Wide widened(const duckdb_hugeint& value) {
  return static_cast<Wide>(static_cast<unsigned __int128>(value.upper) << 64 | value.lower);
}

// The float64 nearest to value / 10^digits, as a reader of the decimal's text has it; `power` is 10^digits.
double decimal_value(Wide value, int digits, double power) {
  constexpr Wide exact = Wide{1} << 53;
  constexpr int exact_power = 22;
  if (value >= -exact && value <= exact && digits <= exact_power) return static_cast<double>(value) / power;
  std::string text;  // backwards
  for (Wide rest = value; rest != 0; rest /= 10) {
    const auto digit = static_cast<int>(rest % 10);
    text += static_cast<char>('0' + std::abs(digit));
  }
  if (value < 0) text += '-';
  std::reverse(text.begin(), text.end());
  return parse_number(fmt::format("{}e-{}", text, digits)).value_or(0);
}

// Collects one column. `overflowed` tells of whole numbers that do not fit in 64 bits.
class Collector {
 public:
  Collector(const DuckdbApi& api, duckdb_type type, duckdb_logical_type logical) : api_(api), type_(type) {
    if (type == DUCKDB_TYPE_DECIMAL) {
      storage_ = api.duckdb_decimal_internal_type(logical);
      digits_ = api.duckdb_decimal_scale(logical);
      power_ = std::pow(10.0, digits_);
    } else if (type == DUCKDB_TYPE_ENUM) {
      storage_ = api.duckdb_enum_internal_type(logical);
      enum_size_ = api.duckdb_enum_dictionary_size(logical);
      for (std::uint32_t i = 0; i < enum_size_; ++i) {
        char* value = api.duckdb_enum_dictionary_value(logical, i);
        enum_values_.emplace_back(value);
        api.duckdb_free(value);
      }
    }
    if (is_number()) {
      data_ = NumberColumn{};
    } else if (type == DUCKDB_TYPE_VARCHAR || type == DUCKDB_TYPE_ENUM) {
      encoder_.emplace(data_.emplace<TextColumn>());
    } else if (is_time()) {
      data_ = TimeColumn{};
    } else {
      data_ = IntegerColumn{};
    }
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  static bool can_collect(duckdb_type type) {
    switch (type) {
      case DUCKDB_TYPE_BOOLEAN:
      case DUCKDB_TYPE_TINYINT:
      case DUCKDB_TYPE_SMALLINT:
      case DUCKDB_TYPE_INTEGER:
      case DUCKDB_TYPE_BIGINT:
      case DUCKDB_TYPE_UTINYINT:
      case DUCKDB_TYPE_USMALLINT:
      case DUCKDB_TYPE_UINTEGER:
      case DUCKDB_TYPE_UBIGINT:
      case DUCKDB_TYPE_HUGEINT:
      case DUCKDB_TYPE_FLOAT:
      case DUCKDB_TYPE_DOUBLE:
      case DUCKDB_TYPE_DECIMAL:
      case DUCKDB_TYPE_VARCHAR:
      case DUCKDB_TYPE_ENUM:
      case DUCKDB_TYPE_DATE:
      case DUCKDB_TYPE_TIMESTAMP:
      case DUCKDB_TYPE_TIMESTAMP_TZ:
      case DUCKDB_TYPE_TIMESTAMP_S:
      case DUCKDB_TYPE_TIMESTAMP_MS:
      case DUCKDB_TYPE_TIMESTAMP_NS:
        return true;
      default:
        return false;
    }
  }

  bool overflowed() const { return overflowed_; }
  ColumnData take() { return std::move(data_); }

  void add(duckdb_vector vector, std::size_t count) {
    const void* data = api_.duckdb_vector_get_data(vector);
    const std::uint64_t* validity = api_.duckdb_vector_get_validity(vector);
    if (auto* numbers = std::get_if<NumberColumn>(&data_)) return add_numbers(*numbers, data, validity, count);
    if (auto* integers = std::get_if<IntegerColumn>(&data_)) return add_integers(*integers, data, validity, count);
    if (auto* times = std::get_if<TimeColumn>(&data_)) return add_times(*times, data, validity, count);
    add_texts(std::get<TextColumn>(data_), data, validity, count);
  }

 private:
  bool is_number() const {
    return type_ == DUCKDB_TYPE_FLOAT || type_ == DUCKDB_TYPE_DOUBLE || type_ == DUCKDB_TYPE_DECIMAL;
  }
  bool is_time() const {
    return type_ == DUCKDB_TYPE_DATE || type_ == DUCKDB_TYPE_TIMESTAMP || type_ == DUCKDB_TYPE_TIMESTAMP_TZ ||
           type_ == DUCKDB_TYPE_TIMESTAMP_S || type_ == DUCKDB_TYPE_TIMESTAMP_MS || type_ == DUCKDB_TYPE_TIMESTAMP_NS;
  }

  void add_numbers(NumberColumn& column, const void* data, const std::uint64_t* validity, std::size_t count) {
    const auto scaled = [this](Wide value) { return static_cast<float>(decimal_value(value, digits_, power_)); };
    if (type_ == DUCKDB_TYPE_FLOAT)
      append<float>(data, validity, count, column.values, missing_number, [](float value) { return value; });
    else if (type_ == DUCKDB_TYPE_DOUBLE)
      append<double>(data, validity, count, column.values, missing_number,
                     [](double value) { return static_cast<float>(value); });
    else if (storage_ == DUCKDB_TYPE_SMALLINT)
      append<std::int16_t>(data, validity, count, column.values, missing_number, scaled);
    else if (storage_ == DUCKDB_TYPE_INTEGER)
      append<std::int32_t>(data, validity, count, column.values, missing_number, scaled);
    else if (storage_ == DUCKDB_TYPE_BIGINT)
      append<std::int64_t>(data, validity, count, column.values, missing_number, scaled);
    else
      append<duckdb_hugeint>(data, validity, count, column.values, missing_number,
                             [&](const duckdb_hugeint& value) { return scaled(widened(value)); });
  }

  template <class Source>
  void add_whole(IntegerColumn& column, const void* data, const std::uint64_t* validity, std::size_t count) {
    append<Source>(data, validity, count, column.values, IntegerColumn::missing,
                   [](Source value) { return static_cast<std::int64_t>(value); });
  }

  void add_integers(IntegerColumn& column, const void* data, const std::uint64_t* validity, std::size_t count) {
    switch (type_) {
      case DUCKDB_TYPE_BOOLEAN:
        return add_whole<bool>(column, data, validity, count);
      case DUCKDB_TYPE_TINYINT:
        return add_whole<std::int8_t>(column, data, validity, count);
      case DUCKDB_TYPE_SMALLINT:
        return add_whole<std::int16_t>(column, data, validity, count);
      case DUCKDB_TYPE_INTEGER:
        return add_whole<std::int32_t>(column, data, validity, count);
      case DUCKDB_TYPE_UTINYINT:
        return add_whole<std::uint8_t>(column, data, validity, count);
      case DUCKDB_TYPE_USMALLINT:
        return add_whole<std::uint16_t>(column, data, validity, count);
      case DUCKDB_TYPE_UINTEGER:
        return add_whole<std::uint32_t>(column, data, validity, count);
      case DUCKDB_TYPE_UBIGINT:
        return append<std::uint64_t>(data, validity, count, column.values, IntegerColumn::missing,
                                     [this](std::uint64_t value) {
                                       overflowed_ |= (value >> 63) != 0;
                                       return static_cast<std::int64_t>(value);
                                     });
      case DUCKDB_TYPE_HUGEINT:
        return append<duckdb_hugeint>(data, validity, count, column.values, IntegerColumn::missing,
                                      [this](const duckdb_hugeint& value) {
                                        const std::int64_t low = static_cast<std::int64_t>(value.lower);
                                        overflowed_ |= value.upper != (low < 0 ? -1 : 0);
                                        return low;
                                      });
      default:
        return add_whole<std::int64_t>(column, data, validity, count);
    }
  }

  void add_times(TimeColumn& column, const void* data, const std::uint64_t* validity, std::size_t count) {
    // DuckDB stores infinite times as the extreme values: they become missing.
    constexpr std::int64_t infinite = std::numeric_limits<std::int64_t>::max();
    const auto scaled = [](std::int64_t factor) {
      return [factor](std::int64_t value) {
        std::int64_t result = missing_time;
        if (value == infinite || value == -infinite || __builtin_mul_overflow(value, factor, &result))
          return missing_time;
        return result;
      };
    };
    if (type_ == DUCKDB_TYPE_DATE)
      append<std::int32_t>(data, validity, count, column.values, missing_time, [](std::int32_t day) {
        const bool finite =
            day != std::numeric_limits<std::int32_t>::max() && day != -std::numeric_limits<std::int32_t>::max();
        return finite ? std::int64_t{day} * 86'400'000'000 : missing_time;
      });
    else if (type_ == DUCKDB_TYPE_TIMESTAMP_S)
      append<std::int64_t>(data, validity, count, column.values, missing_time, scaled(1'000'000));
    else if (type_ == DUCKDB_TYPE_TIMESTAMP_MS)
      append<std::int64_t>(data, validity, count, column.values, missing_time, scaled(1'000));
    else if (type_ == DUCKDB_TYPE_TIMESTAMP_NS)
      append<std::int64_t>(data, validity, count, column.values, missing_time, [](std::int64_t value) {
        if (value == infinite || value == -infinite) return missing_time;
        return value / 1000 - (value % 1000 < 0 ? 1 : 0);
      });
    else
      append<std::int64_t>(data, validity, count, column.values, missing_time, scaled(1));
  }

  void add_texts(TextColumn& column, const void* data, const std::uint64_t* validity, std::size_t count) {
    if (type_ == DUCKDB_TYPE_VARCHAR) {
      append<duckdb_string_t>(data, validity, count, column.codes, std::int32_t{-1},
                              [this](const duckdb_string_t& text) { return encoder_->code(string_view_of(text)); });
      return;
    }
    const auto code = [this](auto index) { return encoder_->code(enum_values_[index]); };
    if (storage_ == DUCKDB_TYPE_UTINYINT)
      append<std::uint8_t>(data, validity, count, column.codes, std::int32_t{-1}, code);
    else if (storage_ == DUCKDB_TYPE_USMALLINT)
      append<std::uint16_t>(data, validity, count, column.codes, std::int32_t{-1}, code);
    else
      append<std::uint32_t>(data, validity, count, column.codes, std::int32_t{-1}, code);
  }

  const DuckdbApi& api_;
  duckdb_type type_;
  duckdb_type storage_ = DUCKDB_TYPE_INVALID;
  int digits_ = 0;  // of a decimal, behind the point
  double power_ = 1;
  std::uint32_t enum_size_ = 0;
  std::vector<std::string> enum_values_;
  ColumnData data_;
  std::optional<Encoder> encoder_;
  bool overflowed_ = false;
};

std::string with_text_columns(const std::string& query, const std::vector<std::string>& columns) {
  std::string casts;
  for (const std::string& column : columns)
    casts += fmt::format("{}CAST({} AS VARCHAR) AS {}", casts.empty() ? "" : ", ", quote_identifier(column),
                         quote_identifier(column));
  return fmt::format("SELECT * REPLACE ({}) FROM ({}\n)", casts, query);
}

// Fetches; columns that must come as text instead are named in `as_text`, and nothing is returned.
Result<std::optional<Table>> try_fetch(Connection& connection, const std::string& query,
                                       std::vector<std::string>& as_text) {
  const DuckdbApi& api = connection.api();
  SLIPWAY_TRY(QueryResult result, run_in_order(connection, "FROM", query));
  const std::size_t width = api.duckdb_column_count(result.handle());
  std::vector<std::string> names;
  std::vector<std::unique_ptr<Collector>> collectors;
  for (std::size_t j = 0; j < width; ++j) {
    names.emplace_back(api.duckdb_column_name(result.handle(), j));
    const duckdb_type type = api.duckdb_column_type(result.handle(), j);
    if (!Collector::can_collect(type)) as_text.push_back(names.back());
    const LogicalType logical(api, api.duckdb_column_logical_type(result.handle(), j));
    collectors.push_back(std::make_unique<Collector>(api, type, logical.get()));
  }
  if (!as_text.empty()) return std::optional<Table>();
  while (duckdb_data_chunk fetched = api.duckdb_fetch_chunk(*result.handle())) {
    const Chunk chunk(api, fetched);
    for (std::size_t j = 0; j < width; ++j) collectors[j]->add(chunk.vector(j), chunk.size());
  }
  std::vector<Column> columns;
  for (std::size_t j = 0; j < width; ++j) {
    if (collectors[j]->overflowed()) as_text.push_back(names[j]);
    columns.push_back({names[j], collectors[j]->take()});
  }
  if (!as_text.empty()) return std::optional<Table>();
  SLIPWAY_TRY(Table table, Table::make(std::move(columns)));
  return std::optional<Table>(std::move(table));
}

// What a column becomes in memory, as SQL of a type that a Table has.
Result<std::string> sql_of_plain(Connection& connection, const ColumnInfo& column, const std::string& query) {
  const std::string name = quote_identifier(column.name);
  const std::string& type = column.sql_type;
  if (type == "FLOAT") return fmt::format("CASE WHEN isnan({0}) THEN NULL ELSE {0} END", name);
  if (type == "DOUBLE")  // what is beyond a float's range is infinite, as in memory; NaN is beyond all of it
    return fmt::format(
        "CASE WHEN abs({0}) < 3.40282356e38 THEN CAST({0} AS FLOAT) WHEN isnan({0}) THEN NULL WHEN {0} > 0 "
        "THEN CAST('inf' AS FLOAT) WHEN {0} < 0 THEN CAST('-inf' AS FLOAT) END",
        name);
  // Straight to FLOAT, or to DOUBLE beyond its digits, DuckDB rounds more than once.
  if (type.starts_with("DECIMAL")) return fmt::format("CAST(CAST(CAST({} AS VARCHAR) AS DOUBLE) AS FLOAT)", name);
  if (type == "HUGEINT" || type == "UBIGINT" || type == "UHUGEINT") {
    SLIPWAY_TRY(auto beyond, connection.query(fmt::format("SELECT count(*) FROM ({0}\n) WHERE {1} IS NOT NULL AND "
                                                          "TRY_CAST({1} AS BIGINT) IS NULL",
                                                          query, name)));
    return fmt::format("CAST({} AS {})", name, beyond.first_row_integers()[0] > 0 ? "VARCHAR" : "BIGINT");
  }
  if (type == "BOOLEAN" || type.ends_with("INT") || type == "INTEGER" || type == "UINTEGER")
    return fmt::format("CAST({} AS BIGINT)", name);
  if (type == "DATE" || type.starts_with("TIMESTAMP"))
    // isfinite() says the same of all and costs more.
    return type == "TIMESTAMP"
               ? fmt::format("CASE WHEN {0} > TIMESTAMP '-infinity' AND {0} < TIMESTAMP 'infinity' THEN {0} END", name)
               : fmt::format("CASE WHEN isfinite({0}) THEN CAST({0} AS TIMESTAMP) END", name);
  return fmt::format("CAST({} AS VARCHAR)", name);
}

}  // namespace

Result<std::string> plain_query(Connection& connection, const std::string& query) {
  SLIPWAY_TRY(const auto columns, describe_query(connection, "FROM (" + query + "\n)"));
  std::string cells;
  for (const ColumnInfo& column : columns) {
    SLIPWAY_TRY(const std::string cell, sql_of_plain(connection, column, query));
    cells += (cells.empty() ? "" : ", ") + cell + " AS " + quote_identifier(column.name);
  }
  return "SELECT " + cells + " FROM (" + query + "\n)";
}

Status fetch_blocks(Connection& connection, const std::string& query, const std::function<Status(const Table&)>& each) {
  constexpr std::size_t block_rows = 1 << 17;
  const DuckdbApi& api = connection.api();
  auto started = connection.stream(query);
  if (!started.ok()) return Error(started.error().code(), short_reason(started.error().message()));
  QueryResult result = *std::move(started);
  const std::size_t width = api.duckdb_column_count(result.handle());
  bool more = true, first = true;
  while (more) {
    std::vector<std::unique_ptr<Collector>> collectors;
    for (std::size_t j = 0; j < width; ++j) {
      const LogicalType logical(api, api.duckdb_column_logical_type(result.handle(), j));
      collectors.push_back(std::make_unique<Collector>(api, api.duckdb_column_type(result.handle(), j), logical.get()));
    }
    std::size_t rows = 0;
    while (more && rows < block_rows) {
      const Chunk chunk(api, api.duckdb_fetch_chunk(*result.handle()));
      more = chunk.get() != nullptr && chunk.size() > 0;
      if (!more) break;
      for (std::size_t j = 0; j < width; ++j) collectors[j]->add(chunk.vector(j), chunk.size());
      rows += chunk.size();
    }
    if (rows == 0 && !first) break;
    first = false;
    std::vector<Column> columns;
    for (std::size_t j = 0; j < width; ++j)
      columns.push_back({api.duckdb_column_name(result.handle(), j), collectors[j]->take()});
    SLIPWAY_TRY(const Table block, Table::make(std::move(columns)));
    SLIPWAY_CHECK(each(block));
  }
  return result.error();
}

Result<Table> fetch_query(Connection& connection, const std::string& query) {
  std::string text = query;
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::vector<std::string> as_text;
    SLIPWAY_TRY(std::optional<Table> table, try_fetch(connection, text, as_text));
    if (table) return *std::move(table);
    text = with_text_columns(text, as_text);
  }
  return internal_error("a column of the query cannot be brought into memory");
}

}  // namespace slipway::table
