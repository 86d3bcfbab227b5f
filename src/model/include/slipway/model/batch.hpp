// Rows on their way into a Model, and blocks of numbers on their way out.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>
#include <slipway/table/table.hpp>

namespace slipway::model {

// Text of n rows: a code per row into a dictionary, -1 for missing. A single row is a dictionary of one.
struct TextView {
  std::span<const std::int32_t> codes;
  std::span<const std::string_view> dictionary;
};
// Numbers of n rows; missing is NaN.
using NumberView = std::span<const float>;
// Times of n rows: whole seconds since 1970-01-01 UTC; slipway::missing_time is missing.
using TimeView = std::span<const std::int64_t>;
using ColumnView = std::variant<NumberView, TextView, TimeView>;

// A view of n rows of the Model's inputs, in the order of Model::inputs and of their kinds. Owns nothing.
struct RowBatch {
  std::size_t rows = 0;
  std::vector<ColumnView> columns;
};

// Rows [begin, end) of a batch.
RowBatch slice_rows(const RowBatch& batch, std::size_t begin, std::size_t end);

// Checks that the batch has a column per input, of its kind and of batch.rows rows. O(inputs): codes are not looked at.
Status check_batch(std::span<const Input> inputs, const RowBatch& batch);

// n rows of numbers, stored column by column.
struct Block {
  std::size_t rows = 0;
  std::size_t width = 0;
  std::vector<float> values;  // values[column * rows + row]
  Block() = default;
  Block(std::size_t row_count, std::size_t column_count)
      : rows(row_count), width(column_count), values(row_count * column_count) {}
  std::span<float> column(std::size_t index) { return {values.data() + index * rows, rows}; }
  std::span<const float> column(std::size_t index) const { return {values.data() + index * rows, rows}; }
  float at(std::size_t row, std::size_t column_index) const { return values[column_index * rows + row]; }
};

// The model's inputs taken from a table, kept alive together: numbers and integers become float32, text inputs codes
// (an integer or number column given for a text input is written out), times whole seconds, rounded down (an integer
// column given for a time input holds seconds). Text given for a number or time input is parsed. A column that is
// absent is an error with the nearest name, a column that cannot be read as the input's kind too (with the row and the
// value). Does not refer to the table afterwards. Move-only.
class TableRows {
 public:
  TableRows(TableRows&&) noexcept = default;
  TableRows& operator=(TableRows&&) noexcept = default;
  static Result<TableRows> from(std::span<const Input> inputs, const table::Table& table);
  const RowBatch& batch() const { return batch_; }
  // Rows [begin, end) of the batch.
  RowBatch slice(std::size_t begin, std::size_t end) const { return slice_rows(batch_, begin, end); }

 private:
  TableRows() = default;
  std::vector<std::vector<float>> numbers_;
  std::vector<std::vector<std::int64_t>> times_;
  std::vector<std::vector<std::int32_t>> codes_;
  std::vector<std::vector<std::string_view>> dictionaries_;
  std::vector<std::vector<std::string>> texts_;
  RowBatch batch_;
};

}  // namespace slipway::model
