#include "row_copy.hpp"

#include <algorithm>
#include <numeric>

#include <slipway/base/random.hpp>

namespace slipway::explain {

namespace {

template <class T>
std::vector<T> pick(std::span<const T> values, std::span<const std::uint32_t> rows) {
  std::vector<T> picked(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) picked[i] = values[rows[i]];
  return picked;
}

}  // namespace

std::vector<std::uint32_t> sample_rows(std::size_t rows, std::size_t most, std::uint64_t key) {
  std::vector<std::uint32_t> numbers(rows);
  std::iota(numbers.begin(), numbers.end(), 0);
  if (rows <= most) return numbers;
  Random random(key);
  for (std::size_t i = 0; i < most; ++i) std::swap(numbers[i], numbers[i + random.below(rows - i)]);
  numbers.resize(most);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

RowCopy::RowCopy(const model::RowBatch& batch, std::span<const std::uint32_t> row_numbers)
    : numbers_(batch.columns.size()), codes_(batch.columns.size()), times_(batch.columns.size()) {
  batch_.rows = row_numbers.size();
  for (std::size_t c = 0; c < batch.columns.size(); ++c) {
    const model::ColumnView& column = batch.columns[c];
    if (const auto* numbers = std::get_if<model::NumberView>(&column)) {
      numbers_[c] = pick(*numbers, row_numbers);
      batch_.columns.emplace_back(model::NumberView(numbers_[c]));
    } else if (const auto* text = std::get_if<model::TextView>(&column)) {
      codes_[c] = pick(text->codes, row_numbers);
      batch_.columns.emplace_back(model::TextView{codes_[c], text->dictionary});
    } else {
      times_[c] = pick(std::get<model::TimeView>(column), row_numbers);
      batch_.columns.emplace_back(model::TimeView(times_[c]));
    }
  }
}

RowCopy::Replaced RowCopy::permuted(std::size_t column, std::span<const std::uint32_t> order) const {
  Replaced replaced;
  replaced.batch = batch_;
  model::ColumnView& view = replaced.batch.columns[column];
  if (std::holds_alternative<model::NumberView>(view)) {
    replaced.numbers = pick<float>(numbers_[column], order);
    view = model::NumberView(replaced.numbers);
  } else if (const auto* text = std::get_if<model::TextView>(&view)) {
    replaced.codes = pick<std::int32_t>(codes_[column], order);
    view = model::TextView{replaced.codes, text->dictionary};
  } else {
    replaced.times = pick<std::int64_t>(times_[column], order);
    view = model::TimeView(replaced.times);
  }
  return replaced;
}

RowCopy::Replaced RowCopy::constant_number(std::size_t column, float value) const {
  Replaced replaced;
  replaced.batch = batch_;
  replaced.numbers.assign(batch_.rows, value);
  replaced.batch.columns[column] = model::NumberView(replaced.numbers);
  return replaced;
}

RowCopy::Replaced RowCopy::constant_code(std::size_t column, std::int32_t code) const {
  Replaced replaced;
  replaced.batch = batch_;
  replaced.codes.assign(batch_.rows, code);
  replaced.batch.columns[column] =
      model::TextView{replaced.codes, std::get<model::TextView>(batch_.columns[column]).dictionary};
  return replaced;
}

}  // namespace slipway::explain
