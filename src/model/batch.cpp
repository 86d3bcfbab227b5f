#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::model {

namespace {

std::int64_t whole_seconds(std::int64_t microseconds) {
  if (microseconds == missing_time) return missing_time;
  const std::int64_t seconds = microseconds / 1'000'000;
  return microseconds % 1'000'000 < 0 ? seconds - 1 : seconds;
}

// Reads every distinct text of a column once; the error names the first row that holds an unreadable one.
template <class Value, class Read>
Result<std::vector<Value>> read_texts(const table::Column& column, const table::TextColumn& texts, Value missing,
                                      std::string_view expected, Read read) {
  std::vector<Value> meanings(texts.dictionary.size(), missing);
  std::vector<std::uint8_t> unreadable(texts.dictionary.size(), 0);
  for (std::size_t code = 0; code < texts.dictionary.size(); ++code) {
    if (trim(texts.dictionary[code]).empty()) continue;
    if (const auto value = read(texts.dictionary[code])) {
      meanings[code] = *value;
    } else {
      unreadable[code] = 1;
    }
  }
  std::vector<Value> values(texts.codes.size(), missing);
  for (std::size_t row = 0; row < values.size(); ++row) {
    const std::int32_t code = texts.codes[row];
    if (code < 0) continue;
    if (unreadable[static_cast<std::size_t>(code)])
      return invalid_input(fmt::format("column '{}', row {}: '{}' is not {}", column.name, row + 1,
                                       texts.dictionary[static_cast<std::size_t>(code)], expected));
    values[row] = meanings[static_cast<std::size_t>(code)];
  }
  return values;
}

Result<std::vector<float>> read_numbers(const table::Column& column) {
  if (const auto* texts = std::get_if<table::TextColumn>(&column.data))
    return read_texts(column, *texts, std::numeric_limits<float>::quiet_NaN(), "a number",
                      [](const std::string& text) -> std::optional<float> {
                        const auto number = parse_number(text);
                        return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
                      });
  return table::as_numbers(column);
}

Result<std::vector<std::int64_t>> read_times(const table::Column& column) {
  if (const auto* texts = std::get_if<table::TextColumn>(&column.data))
    return read_texts(column, *texts, missing_time, "a time",
                      [](const std::string& text) -> std::optional<std::int64_t> {
                        const auto time = parse_time(text);
                        return time ? std::optional(whole_seconds(*time)) : std::nullopt;
                      });
  if (const auto* times = std::get_if<table::TimeColumn>(&column.data)) {
    std::vector<std::int64_t> seconds(times->values.size());
    std::transform(times->values.begin(), times->values.end(), seconds.begin(), whole_seconds);
    return seconds;
  }
  if (const auto* integers = std::get_if<table::IntegerColumn>(&column.data)) return integers->values;
  return invalid_input(
      fmt::format("column '{}' holds {}s, expected times", column.name, table::type_name(column.data)));
}

}  // namespace

RowBatch slice_rows(const RowBatch& batch, std::size_t begin, std::size_t end) {
  RowBatch part;
  part.rows = end - begin;
  part.columns.reserve(batch.columns.size());
  for (const ColumnView& column : batch.columns)
    part.columns.push_back(std::visit(
        [&](const auto& view) -> ColumnView {
          if constexpr (std::is_same_v<std::remove_cvref_t<decltype(view)>, TextView>) {
            return TextView{view.codes.subspan(begin, end - begin), view.dictionary};
          } else {
            return view.subspan(begin, end - begin);
          }
        },
        column));
  return part;
}

Status check_batch(std::span<const Input> inputs, const RowBatch& batch) {
  if (batch.columns.size() != inputs.size())
    return invalid_input(fmt::format("{} columns given, the model has {} inputs", batch.columns.size(), inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const ColumnView& column = batch.columns[i];
    const std::size_t expected = inputs[i].kind == InputKind::number ? 0 : inputs[i].kind == InputKind::text ? 1 : 2;
    if (column.index() != expected)
      return invalid_input(
          fmt::format("input '{}' is a {}, another kind was given", inputs[i].name, input_kind_name(inputs[i].kind)));
    const std::size_t rows = expected == 0   ? std::get<NumberView>(column).size()
                             : expected == 1 ? std::get<TextView>(column).codes.size()
                                             : std::get<TimeView>(column).size();
    if (rows != batch.rows)
      return invalid_input(fmt::format("input '{}' has {} rows, expected {}", inputs[i].name, rows, batch.rows));
  }
  return {};
}

Result<TableRows> TableRows::from(std::span<const Input> inputs, const table::Table& table) {
  TableRows rows;
  rows.batch_.rows = table.rows();
  for (const Input& input : inputs) {
    SLIPWAY_TRY(const table::Column* column, table.get(input.name));
    switch (input.kind) {
      case InputKind::number: {
        SLIPWAY_TRY(auto numbers, read_numbers(*column));
        rows.batch_.columns.push_back(NumberView(rows.numbers_.emplace_back(std::move(numbers))));
        break;
      }
      case InputKind::time: {
        SLIPWAY_TRY(auto times, read_times(*column));
        rows.batch_.columns.push_back(TimeView(rows.times_.emplace_back(std::move(times))));
        break;
      }
      case InputKind::text: {
        table::TextColumn texts = table::as_text(*column);
        const auto& kept = rows.texts_.emplace_back(std::move(texts.dictionary));
        const auto& codes = rows.codes_.emplace_back(std::move(texts.codes));
        const auto& views = rows.dictionaries_.emplace_back(kept.begin(), kept.end());
        rows.batch_.columns.push_back(TextView{codes, views});
        break;
      }
    }
  }
  return rows;
}

}  // namespace slipway::model
