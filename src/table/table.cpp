#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include <slipway/base/text.hpp>
#include <slipway/table/table.hpp>

#include "cell_bits.hpp"

namespace slipway::table {
namespace {

// Seconds since the epoch; double keeps microseconds for some centuries.
double seconds(std::int64_t microseconds) { return static_cast<double>(microseconds) / 1e6; }

}  // namespace

std::string_view type_name(const ColumnData& data) {
  if (std::holds_alternative<NumberColumn>(data)) return "number";
  if (std::holds_alternative<IntegerColumn>(data)) return "integer";
  return std::holds_alternative<TextColumn>(data) ? "text" : "time";
}

std::size_t Column::size() const {
  if (const auto* text = std::get_if<TextColumn>(&data)) return text->codes.size();
  if (const auto* numbers = std::get_if<NumberColumn>(&data)) return numbers->values.size();
  if (const auto* integers = std::get_if<IntegerColumn>(&data)) return integers->values.size();
  return std::get<TimeColumn>(data).values.size();
}

bool Column::is_missing(std::size_t row) const {
  if (const auto* numbers = std::get_if<NumberColumn>(&data)) return std::isnan(numbers->values[row]);
  if (const auto* integers = std::get_if<IntegerColumn>(&data)) return integers->values[row] == IntegerColumn::missing;
  if (const auto* text = std::get_if<TextColumn>(&data)) return text->codes[row] < 0;
  return std::get<TimeColumn>(data).values[row] == missing_time;
}

std::string Column::cell_text(std::size_t row) const {
  if (is_missing(row)) return {};
  if (const auto* numbers = std::get_if<NumberColumn>(&data)) return format_number(numbers->values[row]);
  if (const auto* integers = std::get_if<IntegerColumn>(&data)) return std::to_string(integers->values[row]);
  if (const auto* text = std::get_if<TextColumn>(&data))
    return text->dictionary[static_cast<std::size_t>(text->codes[row])];
  return format_time(std::get<TimeColumn>(data).values[row]);
}

Result<Table> Table::make(std::vector<Column> columns) {
  Table table;
  std::unordered_set<std::string_view> names;
  for (const Column& column : columns) {
    if (!names.insert(column.name).second)
      return invalid_input("two columns are named '" + column.name + "', expected distinct names");
    if (column.size() != columns[0].size())
      return invalid_input("column '" + column.name + "' has " + std::to_string(column.size()) + " rows, expected " +
                           std::to_string(columns[0].size()) + " as in column '" + columns[0].name + "'");
  }
  table.rows_ = columns.empty() ? 0 : columns[0].size();
  table.columns_ = std::move(columns);
  return table;
}

std::vector<std::string> Table::names() const {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  return names;
}

const Column* Table::find(std::string_view name) const {
  for (const Column& column : columns_)
    if (column.name == name) return &column;
  return nullptr;
}

Result<const Column*> Table::get(std::string_view name) const {
  if (const Column* column = find(name)) return column;
  const std::vector<std::string> known = names();
  std::string message = "there is no column '" + std::string(name) + "'" + suggestion(name, known);
  if (!known.empty()) message += "; the columns are " + list_names(known);
  return not_found(message);
}

Table Table::take(std::span<const std::uint32_t> indices) const {
  const auto pick = [&](const auto& values) {
    std::remove_cvref_t<decltype(values)> picked(indices.size());
    for (std::size_t i = 0; i < indices.size(); ++i) picked[i] = values[indices[i]];
    return picked;
  };
  Table taken;
  taken.rows_ = indices.size();
  for (const Column& column : columns_) {
    Column& target = taken.columns_.emplace_back();
    target.name = column.name;
    if (const auto* numbers = std::get_if<NumberColumn>(&column.data))
      target.data = NumberColumn{pick(numbers->values)};
    else if (const auto* integers = std::get_if<IntegerColumn>(&column.data))
      target.data = IntegerColumn{pick(integers->values)};
    else if (const auto* text = std::get_if<TextColumn>(&column.data))
      target.data = TextColumn{pick(text->codes), text->dictionary};
    else
      target.data = TimeColumn{pick(std::get<TimeColumn>(column.data).values)};
  }
  return taken;
}

Table Table::select(std::span<const std::string> names) const {
  Table selected;
  selected.rows_ = rows_;
  for (const std::string& name : names) {
    const Column* column = find(name);
    if (column != nullptr && !selected.has(name)) selected.columns_.push_back(*column);
  }
  return selected;
}

Status Table::add(Column column) {
  if (has(column.name)) return conflict("there is already a column '" + column.name + "'");
  if (!columns_.empty() && column.size() != rows_)
    return invalid_input("column '" + column.name + "' has " + std::to_string(column.size()) + " rows, expected " +
                         std::to_string(rows_));
  rows_ = column.size();
  columns_.push_back(std::move(column));
  return {};
}

Result<std::vector<float>> as_numbers(const Column& column) {
  if (const auto* numbers = std::get_if<NumberColumn>(&column.data)) return numbers->values;
  std::vector<float> values(column.size(), std::numeric_limits<float>::quiet_NaN());
  if (const auto* integers = std::get_if<IntegerColumn>(&column.data)) {
    for (std::size_t i = 0; i < values.size(); ++i)
      // By way of float64, as the server takes whole numbers: beyond 2^53 that can be another float32.
      if (integers->values[i] != IntegerColumn::missing)
        values[i] = static_cast<float>(static_cast<double>(integers->values[i]));
    return values;
  }
  if (const auto* times = std::get_if<TimeColumn>(&column.data)) {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (times->values[i] != missing_time) values[i] = static_cast<float>(seconds(times->values[i]));
    return values;
  }
  std::string message = "column '" + column.name + "' is text, expected numbers";
  for (std::size_t i = 0; i < column.size(); ++i)
    if (!column.is_missing(i) && !parse_number(column.cell_text(i)))
      return invalid_input(message + " (row " + std::to_string(i + 1) + ": '" + column.cell_text(i) + "')");
  return invalid_input(message);
}

TextColumn as_text(const Column& column) {
  if (const auto* text = std::get_if<TextColumn>(&column.data)) return *text;
  TextColumn result;
  result.codes.resize(column.size(), -1);
  std::unordered_map<std::uint64_t, std::int32_t> code_of_bits;
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (column.is_missing(i)) continue;
    const auto [place, is_new] =
        code_of_bits.emplace(cell_bits(column, i), static_cast<std::int32_t>(result.dictionary.size()));
    if (is_new) result.dictionary.push_back(column.cell_text(i));
    result.codes[i] = place->second;
  }
  return result;
}

}  // namespace slipway::table
