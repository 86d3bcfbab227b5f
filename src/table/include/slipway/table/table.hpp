// A table in memory: named, typed columns of equal length. Plain data; safe to read from several threads.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/base/time.hpp>

namespace slipway::table {

// Measured quantities: float32 from ingest on (so that every engine takes the same branch); missing is NaN.
struct NumberColumn {
  std::vector<float> values;
};

// Whole numbers kept exactly: identifiers, keys, counts.
struct IntegerColumn {
  static constexpr std::int64_t missing = std::numeric_limits<std::int64_t>::min();
  std::vector<std::int64_t> values;
};

// Text, stored once per distinct value, in order of first appearance. Code -1 is missing.
struct TextColumn {
  std::vector<std::int32_t> codes;
  std::vector<std::string> dictionary;
};

// Instants: microseconds since 1970-01-01 UTC; slipway::missing_time is missing.
struct TimeColumn {
  std::vector<std::int64_t> values;
};

using ColumnData = std::variant<NumberColumn, IntegerColumn, TextColumn, TimeColumn>;

// The name of a column type as users see it: number, integer, text, time.
std::string_view type_name(const ColumnData& data);

struct Column {
  std::string name;
  ColumnData data;
  std::size_t size() const;
  bool is_missing(std::size_t row) const;
  // The cell as text ("" for missing; numbers in shortest form; times as ISO 8601).
  std::string cell_text(std::size_t row) const;
};

class Table {
 public:
  Table() = default;
  // Columns must have equal length and distinct names.
  static Result<Table> make(std::vector<Column> columns);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_.size(); }
  const Column& column(std::size_t index) const { return columns_[index]; }
  std::span<const Column> all() const { return columns_; }
  std::vector<std::string> names() const;
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const Column* find(std::string_view name) const;  // null if absent
  // An unknown name is an error that suggests the nearest.
  Result<const Column*> get(std::string_view name) const;

  // The rows at `indices`, in that order (repeats allowed). Dictionaries are kept as they are.
  Table take(std::span<const std::uint32_t> indices) const;
  Table select(std::span<const std::string> names) const;  // unknown names are left out
  Status add(Column column);                               // same length, new name

 private:
  std::vector<Column> columns_;
  std::size_t rows_ = 0;
};

// The rows of `first`, then those of `second`, which must have the columns of `first` by name and type (in any order;
// further ones are left out).
Result<Table> concatenate(const Table& first, const Table& second);

// Any numeric, integer or time column as float32, missing as NaN; text is an error. (A time is given in seconds.)
Result<std::vector<float>> as_numbers(const Column& column);
// Any column as text codes: numbers and times become their shortest text.
TextColumn as_text(const Column& column);

}  // namespace slipway::table
