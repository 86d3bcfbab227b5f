// Raw values on their way into a model: checked against its schema, field by field, and laid out as its engine takes
// them.
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include <slipway/base/result.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/model/batch.hpp>

#include "metrics.hpp"
#include "served_model.hpp"

namespace slipway::serving {

using journal::Cell;

// An unsigned number, as a whole number where one holds it.
inline Cell unsigned_cell(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return static_cast<double>(value);
  return static_cast<std::int64_t>(value);
}

// A set of rows, reused from request to request (one per thread) so that its memory is.
class Rows {
 public:
  // The most values (rows times inputs) of one request: what a small body can ask for must stay bounded.
  static constexpr std::size_t most_values = 8u << 20;

  // n rows of the model's inputs, all missing.
  Status begin(const ServedModel& model, std::size_t rows);
  // Room for one more row; gives its number.
  Result<std::size_t> add_row();

  // Sets a raw value. A text must live as long as the rows are used.
  void set(std::size_t row, std::size_t input, Cell value) { cells_[row * width_ + input] = value; }
  // Keeps a text for as long as these rows are used.
  std::string_view keep(std::string_view text) { return texts_.emplace_back(text); }
  // From JSON: null is missing; {"b64": "..."} is text in base64, as TensorFlow Serving's clients send it; a list of
  // one element counts as the element; other lists and objects are errors.
  Status set(std::size_t row, std::size_t input, const simdjson::dom::element& value);
  // A row of fields by name; names in `others` and the model's id columns are left to the caller.
  Status set_object(std::size_t row, const simdjson::dom::object& fields,
                    std::span<const std::string_view> others = {});
  // A row of values in the order of the inputs.
  Status set_list(std::size_t row, const simdjson::dom::array& values);

  // Takes the rows for another model that has the same inputs (another version).
  void use_model(const ServedModel& model) { model_ = &model; }

  // Checks every value against the schema and converts it. After an error, `rejection()` is its kind.
  Status check();
  Rejection rejection() const { return rejection_; }
  void clear_rejection() { rejection_ = Rejection::malformed; }
  // An error of the given kind.
  Error reject(Rejection kind, std::string message) {
    rejection_ = kind;
    return invalid_input(std::move(message));
  }
  // "row 3: field 'amount'"
  std::string where(std::size_t row, std::size_t input) const;

  std::size_t size() const { return rows_; }
  const model::RowBatch& batch() const { return batch_; }
  std::span<const Cell> cells(std::size_t row) const { return {cells_.data() + row * width_, width_}; }
  // What training had not seen in a row.
  std::span<const journal::Finding> findings(std::size_t row) const {
    return {findings_.data() + finding_ends_[row], finding_ends_[row + 1] - finding_ends_[row]};
  }

 private:
  struct Column {
    std::vector<float> numbers;
    std::vector<std::int64_t> times;
    std::vector<std::int32_t> codes;
    std::vector<std::string_view> dictionary;
  };
  Status check_number(std::size_t row, std::size_t input, const Cell& cell);
  Status check_text(std::size_t row, std::size_t input, const Cell& cell);
  Status check_time(std::size_t row, std::size_t input, const Cell& cell);
  Error too_many();
  Status missing(std::size_t row, std::size_t input);

  const ServedModel* model_ = nullptr;
  std::size_t rows_ = 0, width_ = 0;
  std::vector<Cell> cells_;
  std::vector<std::uint64_t> seen_;  // per input: the last row that set it, to find a field that stands twice
  std::uint64_t stamp_ = 0;
  std::vector<Column> columns_;
  std::deque<std::string> texts_;  // made from numbers
  std::vector<journal::Finding> findings_;
  std::vector<std::size_t> finding_ends_;
  model::RowBatch batch_;
  Rejection rejection_ = Rejection::malformed;
};

}  // namespace slipway::serving
