#include "rows.hpp"

#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/journal/json_text.hpp>

#include "base64.hpp"
#include "json_body.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;

std::string show_cell(const Cell& cell) {
  if (const auto* text = std::get_if<std::string_view>(&cell)) return show_text(*text);
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&cell)) return format_number(*number);
  if (const auto* single = std::get_if<float>(&cell)) return format_number(*single);
  return "nothing";
}

bool is_missing(const Cell& cell) {
  if (std::holds_alternative<std::monostate>(cell)) return true;
  if (const auto* number = std::get_if<double>(&cell)) return std::isnan(*number);
  if (const auto* single = std::get_if<float>(&cell)) return std::isnan(*single);
  return false;
}

// The category that a number is: its own digits, or where training read a column of fractions, those of the float32.
std::string text_of_number(const ServedModel& model, std::size_t input, const Cell& cell) {
  std::string given = show_cell(cell);
  const bool whole = std::holds_alternative<std::int64_t>(cell), pinned = !model.inputs()[input].categories.empty();
  if (pinned ? model.is_known(input, given) : whole) return given;
  const double number = whole                                  ? static_cast<double>(std::get<std::int64_t>(cell))
                        : std::holds_alternative<double>(cell) ? std::get<double>(cell)
                                                               : std::get<float>(cell);
  std::string rounded = format_number(static_cast<float>(number));
  return model.is_known(input, rounded) ? rounded : given;
}

}  // namespace

Status Rows::begin(const ServedModel& model, std::size_t rows) {
  model_ = &model;
  width_ = std::max<std::size_t>(model.inputs().size(), 1);
  rows_ = rows;
  texts_.clear();
  rejection_ = Rejection::malformed;
  if (rows > most_values / width_) return too_many();
  if (cells_.capacity() > (1u << 20)) std::vector<Cell>().swap(cells_);  // a large request should not hold its memory
  cells_.assign(rows * width_, Cell());
  seen_.resize(width_);
  return {};
}

Error Rows::too_many() {
  return reject(Rejection::malformed, fmt::format("too many rows: at most {} fit one request", most_values / width_));
}

Result<std::size_t> Rows::add_row() {
  if (rows_ >= most_values / width_) return too_many();
  cells_.resize((rows_ + 1) * width_);
  return rows_++;
}

std::string Rows::where(std::size_t row, std::size_t input) const {
  return fmt::format("row {}: field '{}'", row, model_->inputs()[input].name);
}

Status Rows::set(std::size_t row, std::size_t input, const dom::element& value) {
  Cell& cell = cells_[row * width_ + input];
  switch (value.type()) {
    case dom::element_type::STRING:
      cell = std::string_view(value);
      return {};
    case dom::element_type::DOUBLE:
      cell = double(value);
      return {};
    case dom::element_type::INT64:
      cell = std::int64_t(value);
      return {};
    case dom::element_type::UINT64:
      cell = double(std::uint64_t(value));
      return {};
    case dom::element_type::NULL_VALUE:
      cell = std::monostate();
      return {};
    case dom::element_type::BOOL:
      if (model_->inputs()[input].kind == model::InputKind::text)
        cell = model_->text_of(input, bool(value));
      else
        cell = std::int64_t(bool(value) ? 1 : 0);
      return {};
    case dom::element_type::ARRAY: {
      const dom::array list = value;
      if (list.size() == 1 && !list.at(0).is_array()) return set(row, input, list.at(0).value_unsafe());
      break;
    }
    case dom::element_type::OBJECT: {
      std::string_view encoded;
      if (dom::object(value).size() != 1 || value["b64"].get(encoded) != simdjson::SUCCESS) break;
      const auto text = decode_base64(encoded, false);
      if (!text || !journal::is_utf8(*text))
        return reject(Rejection::wrong_type, fmt::format("{}: 'b64' is no base64 of UTF-8 text", where(row, input)));
      cell = keep(*text);
      return {};
    }
    default:
      break;
  }
  return reject(Rejection::wrong_type,
                fmt::format("{}: expected a single value, got {}", where(row, input), kind_of(value)));
}

Status Rows::set_object(std::size_t row, const dom::object& fields, std::span<const std::string_view> others) {
  const std::uint64_t stamp = ++stamp_;
  std::size_t hint = 0;
  for (const dom::key_value_pair field : fields) {
    const int input = model_->find_input(field.key, hint);
    if (input < 0) {
      const auto ids = model_->id_columns();
      if (std::find(others.begin(), others.end(), field.key) != others.end()) continue;
      if (std::find(ids.begin(), ids.end(), field.key) != ids.end()) continue;
      return reject(
          Rejection::unknown_field,
          fmt::format("row {}: unknown field {}{}; the model takes {}", row, show_text(field.key),
                      suggestion(field.key.substr(0, 256), model_->input_names()), list_names(model_->input_names())));
    }
    const auto index = static_cast<std::size_t>(input);
    if (seen_[index] == stamp) return reject(Rejection::malformed, where(row, index) + " stands twice");
    seen_[index] = stamp;
    SLIPWAY_CHECK(set(row, index, field.value));
    hint = index + 1;
  }
  return {};
}

Status Rows::set_list(std::size_t row, const dom::array& values) {
  std::size_t input = 0;
  for (const dom::element value : values) {
    if (input < width_) SLIPWAY_CHECK(set(row, input, value));
    ++input;
  }
  if (input != width_)
    return reject(Rejection::malformed, fmt::format("row {}: expected {} values ({}), got {}", row, width_,
                                                    list_names(model_->input_names()), input));
  return {};
}

Status Rows::missing(std::size_t row, std::size_t input) {
  add(model_->metrics().missing[input]);
  cells_[row * width_ + input] = std::monostate();  // so that the log says null, however it was sent
  if (model_->inputs()[input].missing_allowed) return {};
  return reject(Rejection::missing_field, where(row, input) + " is missing, and the model needs it");
}

Status Rows::check_number(std::size_t row, std::size_t input, const Cell& cell) {
  float& number = columns_[input].numbers[row];
  number = std::numeric_limits<float>::quiet_NaN();
  if (is_missing(cell)) return missing(row, input);
  if (const auto* value = std::get_if<double>(&cell))
    number = static_cast<float>(*value);
  else if (const auto* integer = std::get_if<std::int64_t>(&cell))
    number = static_cast<float>(static_cast<double>(*integer));  // as the log is read back
  else if (const auto* single = std::get_if<float>(&cell))
    number = *single;
  else
    return reject(Rejection::wrong_type,
                  fmt::format("{}: expected a number, got {}", where(row, input), show_cell(cell)));
  if (!std::isfinite(number))
    return reject(Rejection::wrong_type, fmt::format("{}: expected a finite number that fits float32, got {}",
                                                     where(row, input), show_cell(cell)));
  const model::Input& schema = model_->inputs()[input];
  const bool below = schema.minimum && number < *schema.minimum, above = schema.maximum && number > *schema.maximum;
  if (!below && !above) return {};
  add(model_->metrics().out_of_range[input]);
  if (schema.out_of_range == model::OutOfRange::reject)
    return reject(Rejection::out_of_range,
                  fmt::format("{}: expected a number from {} to {}, got {}", where(row, input),
                              schema.minimum ? format_number(*schema.minimum) : "-inf",
                              schema.maximum ? format_number(*schema.maximum) : "inf", show_cell(cell)));
  const bool clamp = schema.out_of_range == model::OutOfRange::clamp;
  if (clamp) number = below ? *schema.minimum : *schema.maximum;
  findings_.push_back({static_cast<std::uint32_t>(input), clamp ? "clamped" : "out of range"});
  return {};
}

Status Rows::check_text(std::size_t row, std::size_t input, const Cell& cell) {
  Column& column = columns_[input];
  column.codes[row] = -1;
  std::string_view text;
  if (const auto* given = std::get_if<std::string_view>(&cell)) {
    text = trim(*given);  // as the readers of training data do
    if (text.empty()) return missing(row, input);
    cells_[row * width_ + input] = text;
  } else if (is_missing(cell)) {
    return missing(row, input);
  } else {
    text = texts_.emplace_back(text_of_number(*model_, input, cell));
  }
  if (!column.dictionary.empty() && column.dictionary.back() == text) {
    column.codes[row] = static_cast<std::int32_t>(column.dictionary.size() - 1);
  } else {
    column.codes[row] = static_cast<std::int32_t>(column.dictionary.size());
    column.dictionary.push_back(text);
  }
  if (model_->is_known(input, text)) return {};
  add(model_->metrics().unseen[input]);
  const model::Input& schema = model_->inputs()[input];
  if (schema.out_of_range == model::OutOfRange::reject)
    return reject(
        Rejection::unseen,
        fmt::format("{}: {} was not seen in training{}; expected one of {}", where(row, input), show_text(text),
                    suggestion(text.substr(0, 256), schema.categories), list_names(schema.categories)));
  findings_.push_back({static_cast<std::uint32_t>(input), "unseen"});
  return {};
}

Status Rows::check_time(std::size_t row, std::size_t input, const Cell& cell) {
  std::int64_t& seconds = columns_[input].times[row];
  seconds = missing_time;
  if (is_missing(cell)) return missing(row, input);
  double number = std::numeric_limits<double>::quiet_NaN();
  if (const auto* text = std::get_if<std::string_view>(&cell)) {
    if (trim(*text).empty()) return missing(row, input);
    if (const auto time = parse_time(trim(*text))) {
      seconds = *time >= 0 ? *time / 1'000'000 : -((-*time + 999'999) / 1'000'000);
      return {};
    }
  } else if (const auto* integer = std::get_if<std::int64_t>(&cell)) {
    if (*integer == missing_time) return missing(row, input);  // as in the model's ONNX file
    number = static_cast<double>(*integer);
  } else {
    number = std::holds_alternative<double>(cell) ? std::get<double>(cell) : std::get<float>(cell);
  }
  // Years -9999 to 9999: beyond that it was milliseconds, or nonsense.
  if (!(std::abs(number) < 253'402'300'800.0))
    return reject(Rejection::wrong_type,
                  fmt::format("{}: expected a time as ISO 8601 text or in seconds since 1970-01-01, got {}",
                              where(row, input), show_cell(cell)));
  seconds = static_cast<std::int64_t>(std::floor(number));
  return {};
}

Status Rows::check() {
  columns_.resize(width_);
  findings_.clear();
  finding_ends_.assign(1, 0);
  const auto inputs = model_->inputs();
  for (std::size_t i = 0; i < width_; ++i) {
    Column& column = columns_[i];
    switch (inputs[i].kind) {
      case model::InputKind::number:
        column.numbers.resize(rows_);
        break;
      case model::InputKind::text:
        column.codes.resize(rows_);
        column.dictionary.clear();
        break;
      case model::InputKind::time:
        column.times.resize(rows_);
        break;
    }
  }
  for (std::size_t row = 0; row < rows_; ++row) {
    for (std::size_t i = 0; i < width_; ++i) {
      const Cell& cell = cells_[row * width_ + i];
      switch (inputs[i].kind) {
        case model::InputKind::number:
          SLIPWAY_CHECK(check_number(row, i, cell));
          break;
        case model::InputKind::text:
          SLIPWAY_CHECK(check_text(row, i, cell));
          break;
        case model::InputKind::time:
          SLIPWAY_CHECK(check_time(row, i, cell));
          break;
      }
    }
    finding_ends_.push_back(findings_.size());
  }
  batch_.rows = rows_;
  batch_.columns.resize(width_);
  for (std::size_t i = 0; i < width_; ++i) {
    const Column& column = columns_[i];
    switch (inputs[i].kind) {
      case model::InputKind::number:
        batch_.columns[i] = model::NumberView(column.numbers);
        break;
      case model::InputKind::text:
        batch_.columns[i] = model::TextView{column.codes, column.dictionary};
        break;
      case model::InputKind::time:
        batch_.columns[i] = model::TimeView(column.times);
        break;
    }
  }
  return {};
}

}  // namespace slipway::serving
