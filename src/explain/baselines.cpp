#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>
#include <slipway/explain/baselines.hpp>

#include "row_copy.hpp"

namespace slipway::explain {

using nlohmann::json;

struct Baselines::Cells {
  struct Column {
    std::vector<float> numbers;
    std::vector<std::int64_t> times;
    std::vector<std::int32_t> codes;
    std::vector<std::string> texts;
    std::vector<std::string_view> dictionary;
  };
  std::vector<Column> columns;
  model::RowBatch rows;

  Cells(std::size_t row_count, std::size_t column_count) : columns(column_count) { rows.rows = row_count; }
  Cells(const Cells&) = delete;  // views into itself

  void add_text(Column& column, std::string_view text) {
    if (text.empty()) {  // counts as missing everywhere
      column.codes.push_back(-1);
      return;
    }
    const auto known = std::find(column.texts.begin(), column.texts.end(), text);
    column.codes.push_back(static_cast<std::int32_t>(known - column.texts.begin()));
    if (known == column.texts.end()) column.texts.emplace_back(text);
  }
  // Once all columns are filled.
  void make_views(std::span<const model::InputKind> kinds) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      Column& column = columns[c];
      switch (kinds[c]) {
        case model::InputKind::number:
          rows.columns.emplace_back(model::NumberView(column.numbers));
          break;
        case model::InputKind::text:
          column.dictionary.assign(column.texts.begin(), column.texts.end());
          rows.columns.emplace_back(model::TextView{column.codes, column.dictionary});
          break;
        case model::InputKind::time:
          rows.columns.emplace_back(model::TimeView(column.times));
          break;
      }
    }
  }
};

const model::RowBatch& Baselines::rows() const { return cells_->rows; }

Baselines Baselines::copy(const model::RowBatch& rows, std::span<const std::uint32_t> row_numbers) {
  auto cells = std::make_shared<Cells>(row_numbers.size(), rows.columns.size());
  std::vector<model::InputKind> kinds;
  for (std::size_t c = 0; c < rows.columns.size(); ++c) {
    Cells::Column& to = cells->columns[c];
    if (const auto* numbers = std::get_if<model::NumberView>(&rows.columns[c])) {
      kinds.push_back(model::InputKind::number);
      for (const std::uint32_t row : row_numbers) to.numbers.push_back((*numbers)[row]);
    } else if (const auto* text = std::get_if<model::TextView>(&rows.columns[c])) {
      kinds.push_back(model::InputKind::text);
      for (const std::uint32_t row : row_numbers) {
        const std::int32_t code = text->codes[row];
        cells->add_text(to, code < 0 ? std::string_view() : text->dictionary[code]);
      }
    } else {
      kinds.push_back(model::InputKind::time);
      for (const std::uint32_t row : row_numbers) to.times.push_back(std::get<model::TimeView>(rows.columns[c])[row]);
    }
  }
  cells->make_views(kinds);
  return Baselines(std::move(cells));
}

namespace {

// The middle value of those that are there (the lower of two); `missing` where most are missing.
template <class T, class IsMissing>
T typical_value(std::span<const T> values, T missing, IsMissing is_missing) {
  std::vector<T> there;
  for (const T value : values)
    if (!is_missing(value)) there.push_back(value);
  if (there.empty() || there.size() * 2 < values.size()) return missing;
  const auto middle = there.begin() + std::ptrdiff_t((there.size() - 1) / 2);
  std::nth_element(there.begin(), middle, there.end());
  return *middle;
}

// The most frequent text, the first in order of those as frequent.
std::string_view typical_text(const model::TextView& text) {
  std::map<std::string_view, std::size_t> counts;
  for (const std::int32_t code : text.codes) ++counts[code < 0 ? std::string_view() : text.dictionary[code]];
  std::string_view best;
  std::size_t most = 0;
  for (const auto& [value, count] : counts)
    if (count > most) {
      best = value;
      most = count;
    }
  return best;
}

}  // namespace

Result<Baselines> Baselines::choose(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                    std::size_t count, std::uint64_t seed) {
  SLIPWAY_CHECK(check_batch(inputs, rows));
  if (rows.rows == 0 || count == 0) return invalid_input("baselines are chosen from at least one row, at least one");
  if (count > 1) return copy(rows, sample_rows(rows.rows, count, random_key({seed, 0x62617365})));
  auto cells = std::make_shared<Cells>(1, inputs.size());
  std::vector<model::InputKind> kinds;
  for (std::size_t c = 0; c < inputs.size(); ++c) {
    kinds.push_back(inputs[c].kind);
    Cells::Column& to = cells->columns[c];
    switch (inputs[c].kind) {
      case model::InputKind::number:
        to.numbers.push_back(typical_value<float>(std::get<model::NumberView>(rows.columns[c]),
                                                  std::numeric_limits<float>::quiet_NaN(),
                                                  [](float value) { return std::isnan(value); }));
        break;
      case model::InputKind::text:
        cells->add_text(to, typical_text(std::get<model::TextView>(rows.columns[c])));
        break;
      case model::InputKind::time:
        to.times.push_back(typical_value<std::int64_t>(std::get<model::TimeView>(rows.columns[c]), missing_time,
                                                       [](std::int64_t value) { return value == missing_time; }));
        break;
    }
  }
  cells->make_views(kinds);
  return Baselines(std::move(cells));
}

json Baselines::to_json(std::span<const model::Input> inputs) const {
  json columns = json::object();
  for (std::size_t c = 0; c < inputs.size(); ++c) {
    const Cells::Column& column = cells_->columns[c];
    json values = json::array();
    for (const float value : column.numbers)
      // Infinities have no JSON form of their own.
      if (std::isnan(value))
        values.push_back(nullptr);
      else if (std::isinf(value))
        values.push_back(value > 0 ? "inf" : "-inf");
      else
        values.push_back(value);
    for (const std::int64_t value : column.times)
      if (value == missing_time)
        values.push_back(nullptr);
      else
        values.push_back(value);
    for (const std::int32_t code : column.codes)
      if (code < 0)
        values.push_back(nullptr);
      else
        values.push_back(column.texts[code]);
    columns[inputs[c].name] = std::move(values);
  }
  return {{"rows", cells_->rows.rows}, {"inputs", std::move(columns)}};
}

Result<Baselines> Baselines::parse(const json& document, std::span<const model::Input> inputs) {
  if (!document.is_object() || !document.contains("rows") || !document["rows"].is_number_unsigned() ||
      !document.contains("inputs") || !document["inputs"].is_object())
    return invalid_input("baselines: expected an object with 'rows' and 'inputs'");
  const auto rows = document["rows"].get<std::size_t>();
  if (rows == 0) return invalid_input("baselines: there are no rows");
  auto cells = std::make_shared<Cells>(rows, inputs.size());
  std::vector<model::InputKind> kinds;
  for (std::size_t c = 0; c < inputs.size(); ++c) {
    const model::Input& input = inputs[c];
    kinds.push_back(input.kind);
    const auto found = document["inputs"].find(input.name);
    if (found == document["inputs"].end() || !found->is_array() || found->size() != rows)
      return invalid_input(fmt::format("baselines: expected a list of {} values of input '{}'", rows, input.name));
    Cells::Column& to = cells->columns[c];
    for (std::size_t row = 0; row < rows; ++row) {
      const json& value = (*found)[row];
      const auto wrong = [&](std::string_view expected) {
        return invalid_input(fmt::format("baselines: input '{}', row {}: expected {} or null, got {}", input.name, row,
                                         expected, value.dump(-1, ' ', false, json::error_handler_t::replace)));
      };
      switch (input.kind) {
        case model::InputKind::number:
          if (value.is_null())
            to.numbers.push_back(std::numeric_limits<float>::quiet_NaN());
          else if (value == "inf")
            to.numbers.push_back(std::numeric_limits<float>::infinity());
          else if (value == "-inf")
            to.numbers.push_back(-std::numeric_limits<float>::infinity());
          else if (value.is_number())
            to.numbers.push_back(value.get<float>());
          else
            return wrong("a number");
          break;
        case model::InputKind::text:
          if (!value.is_null() && !value.is_string()) return wrong("a text");
          cells->add_text(to, value.is_null() ? std::string_view() : value.get_ref<const std::string&>());
          break;
        case model::InputKind::time:
          if (!value.is_null() && !value.is_number_integer()) return wrong("whole seconds");
          to.times.push_back(value.is_null() ? missing_time : value.get<std::int64_t>());
          break;
      }
    }
  }
  cells->make_views(kinds);
  return Baselines(std::move(cells));
}

}  // namespace slipway::explain
