#include "row_forms.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>

namespace slipway::serving {

namespace dom = simdjson::dom;

Result<std::size_t> find_column(Work& work, std::string_view name, std::string_view key) {
  const int input = work.model->find_input(name, 0);
  if (input >= 0) return static_cast<std::size_t>(input);
  return work.rows.reject(
      Rejection::unknown_field,
      fmt::format("'{}': unknown field {}{}; the model takes {}", key, show_text(name),
                  suggestion(name.substr(0, 256), work.model->input_names()), list_names(work.model->input_names())));
}

Status read_row_list(Work& work, const dom::element& rows, std::string_view key) {
  dom::array list;
  if (rows.get(list) != simdjson::SUCCESS)
    return invalid_input(fmt::format("'{}': expected a list of rows, got {}", key, kind_of(rows)));
  for (const dom::element element : list) {
    SLIPWAY_TRY(const std::size_t row, work.rows.add_row());
    if (element.is_object())
      SLIPWAY_CHECK(work.rows.set_object(row, element));
    else if (element.is_array())
      SLIPWAY_CHECK(work.rows.set_list(row, element));
    else if (work.model->inputs().size() == 1)
      SLIPWAY_CHECK(work.rows.set(row, 0, element));
    else
      return invalid_input(
          fmt::format("'{}': row {}: expected a list of {} values or an object of named fields, got {}", key, row,
                      work.model->inputs().size(), show(element)));
  }
  return {};
}

namespace {

// One input's values: a list (of values, or of lists of one), or a single value. The first column makes the rows.
Status read_column(Work& work, std::size_t input, const dom::element& column, std::string_view key, bool first) {
  dom::array values;
  if (column.get(values) != simdjson::SUCCESS) {
    if (first) SLIPWAY_CHECK(work.rows.add_row());
    if (work.rows.size() == 1) return work.rows.set(0, input, column);
    return invalid_input(fmt::format("'{}': field '{}': expected a list of {} values, got {}", key,
                                     work.model->input_names()[input], work.rows.size(), show(column)));
  }
  std::size_t row = 0;
  for (const dom::element value : values) {
    if (first) SLIPWAY_CHECK(work.rows.add_row());
    if (row < work.rows.size()) SLIPWAY_CHECK(work.rows.set(row, input, value));
    ++row;
  }
  if (row != work.rows.size())
    return invalid_input(fmt::format("'{}': field '{}' has {} values, those before it have {}", key,
                                     work.model->input_names()[input], row, work.rows.size()));
  return {};
}

}  // namespace

Status read_columns(Work& work, const dom::element& columns, std::string_view key) {
  dom::object named;
  if (columns.get(named) == simdjson::SUCCESS) {
    std::vector<std::uint8_t> seen(work.model->inputs().size(), 0);
    bool first = true;
    for (const dom::key_value_pair column : named) {
      SLIPWAY_TRY(const std::size_t input, find_column(work, column.key, key));
      if (std::exchange(seen[input], 1) != 0)
        return invalid_input(fmt::format("'{}': field {} stands twice", key, show_text(column.key)));
      SLIPWAY_CHECK(read_column(work, input, column.value, key, first));
      first = false;
    }
    return {};
  }
  if (work.model->inputs().size() == 1) return read_column(work, 0, columns, key, true);
  return invalid_input(fmt::format("'{}': expected an object of columns by name, got {}", key, kind_of(columns)));
}

Status read_split(Work& work, const dom::element& split, std::string_view key) {
  dom::array names, data;
  if (split["columns"].get(names) != simdjson::SUCCESS || split["data"].get(data) != simdjson::SUCCESS)
    return invalid_input(fmt::format("'{}': expected an object with the lists 'columns' and 'data'", key));
  std::vector<std::size_t> inputs;
  for (const dom::element name : names) {
    std::string_view text;
    if (name.get(text) != simdjson::SUCCESS)
      return invalid_input(fmt::format("'{}': columns: expected texts, got {}", key, show(name)));
    SLIPWAY_TRY(const std::size_t input, find_column(work, text, key));
    if (std::find(inputs.begin(), inputs.end(), input) != inputs.end())
      return invalid_input(fmt::format("'{}': column {} stands twice", key, show_text(text)));
    inputs.push_back(input);
  }
  for (const dom::element element : data) {
    SLIPWAY_TRY(const std::size_t row, work.rows.add_row());
    dom::array values;
    if (element.get(values) != simdjson::SUCCESS)
      return invalid_input(
          fmt::format("'{}': row {}: expected a list of {} values, got {}", key, row, inputs.size(), kind_of(element)));
    std::size_t at = 0;
    for (const dom::element value : values) {
      if (at < inputs.size()) SLIPWAY_CHECK(work.rows.set(row, inputs[at], value));
      ++at;
    }
    if (at != inputs.size())
      return invalid_input(fmt::format("'{}': row {}: expected {} values, got {}", key, row, inputs.size(), at));
  }
  return {};
}

}  // namespace slipway::serving
