#include "v2_tensors.hpp"

#include <cstring>
#include <numeric>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/journal/json_text.hpp>

#include "row_forms.hpp"

namespace slipway::serving {
namespace {

constexpr std::string_view datatype_names[] = {"BOOL",   "INT8",   "INT16",  "INT32", "INT64", "UINT8",
                                               "UINT16", "UINT32", "UINT64", "FP32",  "FP64",  "BYTES"};
constexpr std::size_t datatype_sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 0};
constexpr std::string_view output_names[] = {"score", "probabilities", "label", "reasons"};

template <class Number>
Number load(const char* bytes) {
  Number value;
  std::memcpy(&value, bytes, sizeof value);  // the wire is little-endian, as every machine this is built for
  return value;
}

Cell load_cell(Datatype type, const char* bytes) {
  switch (type) {
    case Datatype::boolean:
      return std::int64_t{*bytes != 0};
    case Datatype::int8:
      return std::int64_t{load<std::int8_t>(bytes)};
    case Datatype::int16:
      return std::int64_t{load<std::int16_t>(bytes)};
    case Datatype::int32:
      return std::int64_t{load<std::int32_t>(bytes)};
    case Datatype::int64:
      return load<std::int64_t>(bytes);
    case Datatype::uint8:
      return std::int64_t{load<std::uint8_t>(bytes)};
    case Datatype::uint16:
      return std::int64_t{load<std::uint16_t>(bytes)};
    case Datatype::uint32:
      return std::int64_t{load<std::uint32_t>(bytes)};
    case Datatype::uint64:
      return unsigned_cell(load<std::uint64_t>(bytes));
    case Datatype::fp32:
      return load<float>(bytes);
    case Datatype::fp64:
      return load<double>(bytes);
    case Datatype::bytes:
      break;
  }
  return std::monostate();
}

}  // namespace

std::string_view datatype_name(Datatype type) { return datatype_names[static_cast<std::size_t>(type)]; }
std::size_t datatype_size(Datatype type) { return datatype_sizes[static_cast<std::size_t>(type)]; }
std::string_view output_name(Output output) { return output_names[static_cast<std::size_t>(output)]; }

Result<Datatype> parse_datatype(std::string_view text, std::string_view input) {
  for (std::size_t i = 0; i < std::size(datatype_names); ++i)
    if (datatype_names[i] == text) return static_cast<Datatype>(i);
  return invalid_input(
      fmt::format("input '{}': datatype {} is not supported; expected one of BOOL, INT8 to INT64, UINT8 to UINT64, "
                  "FP32, FP64, BYTES",
                  input, show_text(text)));
}

TensorPlaces::TensorPlaces(Work& work, std::size_t tensors)
    : work_(work), tensors_(tensors), seen_(work.model->inputs().size(), 0) {}

Status TensorPlaces::set_shape(Tensor& tensor, const std::vector<std::int64_t>& shape) const {
  const bool fits = (shape.size() == 1 || shape.size() == 2) &&
                    std::all_of(shape.begin(), shape.end(), [](std::int64_t size) { return size >= 0; });
  if (!fits)
    return invalid_input(
        fmt::format("input '{}': shape: expected [n] or [n, 1], got [{}]", tensor.name,
                    fmt::join(shape.begin(), shape.begin() + std::min<std::ptrdiff_t>(std::ssize(shape), 8), ", ")));
  tensor.rows = static_cast<std::size_t>(shape[0]);
  tensor.columns = shape.size() == 2 ? static_cast<std::size_t>(shape[1]) : 1;
  return {};
}

Status TensorPlaces::place(Tensor& tensor) {
  const ServedModel& model = *work_.model;
  if (tensors_ == 1 && model.all_numbers() && model.find_input(tensor.name, 0) < 0 &&
      tensor.columns == model.inputs().size() && tensor.type != Datatype::bytes) {
    tensor.first_input = 0;  // one matrix of all inputs, as clients of purely numeric models send it
  } else {
    SLIPWAY_TRY(tensor.first_input, find_column(work_, tensor.name, "inputs"));
    if (tensor.columns != 1)
      return invalid_input(fmt::format("input '{}': shape: expected [n] or [n, 1], got [{}, {}]", tensor.name,
                                       tensor.rows, tensor.columns));
    if (std::exchange(seen_[tensor.first_input], 1) != 0)
      return invalid_input(fmt::format("input '{}' stands twice", tensor.name));
  }
  if (first_) SLIPWAY_CHECK(work_.rows.begin(model, tensor.rows));
  first_ = false;
  if (tensor.rows != work_.rows.size())
    return invalid_input(
        fmt::format("input '{}' has {} rows, those before it have {}", tensor.name, tensor.rows, work_.rows.size()));
  return {};
}

Status TensorPlaces::finish() const {
  if (first_) return invalid_input("'inputs' is empty");
  return {};
}

Status read_raw_tensor(Work& work, const Tensor& tensor, std::string_view raw) {
  const std::size_t count = tensor.count();
  if (tensor.type != Datatype::bytes) {
    const std::size_t size = datatype_size(tensor.type);
    if (raw.size() != count * size)
      return invalid_input(fmt::format("input '{}': {} values of {} need {} bytes of binary data, got {}", tensor.name,
                                       count, datatype_name(tensor.type), count * size, raw.size()));
    for (std::size_t i = 0; i < count; ++i)
      set_tensor_value(work, tensor, i, load_cell(tensor.type, raw.data() + i * size));
    return {};
  }
  std::size_t i = 0;
  for (; !raw.empty() && i < count; ++i) {
    if (raw.size() < 4 || raw.size() - 4 < load<std::uint32_t>(raw.data())) break;
    const std::string_view text = raw.substr(4, load<std::uint32_t>(raw.data()));
    if (!journal::is_utf8(text))
      return invalid_input(fmt::format("input '{}': element {} is not UTF-8", tensor.name, i));
    set_tensor_value(work, tensor, i, text);
    raw.remove_prefix(4 + text.size());
  }
  if (i != count || !raw.empty())
    return invalid_input(
        fmt::format("input '{}': its binary data do not hold {} elements of BYTES, each behind its length in 4 bytes",
                    tensor.name, count));
  return {};
}

Status set_classification(Wanted& wanted, std::size_t count) {
  if (wanted.output != Output::score && wanted.output != Output::probabilities)
    return invalid_input(fmt::format("output '{}': classification needs the output 'probabilities' or 'score'",
                                     output_name(wanted.output)));
  wanted.classification = count;
  return {};
}

WantedOutputs::WantedOutputs(Work& work) : work_(work) {
  for (const std::string_view name : output_names)
    if (!work.model->is_regression() || (name != "probabilities" && name != "label")) known_.emplace_back(name);
  wanted_.reserve(known_.size());
}

Result<Wanted*> WantedOutputs::ask(std::string_view name) {
  if (std::find(known_.begin(), known_.end(), name) == known_.end())
    return invalid_input(fmt::format("unknown output {}{}; expected one of {}", show_text(name),
                                     suggestion(name.substr(0, 256), known_), list_names(known_)));
  Wanted one;
  while (output_name(one.output) != name) one.output = static_cast<Output>(static_cast<int>(one.output) + 1);
  if (std::any_of(wanted_.begin(), wanted_.end(), [&](const Wanted& other) { return other.output == one.output; }))
    return invalid_input(fmt::format("output '{}' stands twice", name));
  if (one.output == Output::reasons && work_.reason_count == 0) work_.reason_count = default_reasons;
  return &wanted_.emplace_back(one);
}

std::vector<Wanted> WantedOutputs::take(bool binary) {
  if (!wanted_.empty()) return std::move(wanted_);
  for (std::size_t i = 0; i < std::size(output_names); ++i)
    if (std::find(known_.begin(), known_.end(), output_names[i]) != known_.end() &&
        (static_cast<Output>(i) != Output::reasons || work_.reason_count > 0))
      wanted_.push_back({static_cast<Output>(i), binary, 0});
  return std::move(wanted_);
}

OutputShape output_shape(const Work& work, const Wanted& wanted) {
  const ServedModel& model = *work.model;
  const bool matrix = wanted.output == Output::probabilities ||
                      (wanted.output == Output::score && !model.is_binary() && !model.is_regression());
  OutputShape shape;
  shape.numbers = wanted.output == Output::score || wanted.output == Output::probabilities;
  if (matrix) shape.columns = work.scores.scores.width;
  if (wanted.classification > 0 && shape.numbers) {
    shape.columns = std::min(wanted.classification, std::max<std::size_t>(shape.columns, 1));
    shape.numbers = false;
  }
  return shape;
}

void each_output_value(const Work& work, const Wanted& wanted, const std::function<void(float)>& number,
                       const std::function<void(std::string_view)>& text) {
  const ServedModel& model = *work.model;
  const std::size_t width = work.scores.scores.width;
  const bool numeric = wanted.output == Output::score || wanted.output == Output::probabilities;
  const bool matrix = wanted.output == Output::probabilities ||
                      (wanted.output == Output::score && !model.is_binary() && !model.is_regression());
  std::string made;
  std::vector<std::size_t> order;
  for (std::size_t row = 0; row < work.rows.size(); ++row) {
    if (numeric && wanted.classification > 0) {
      // "value:index:label", the largest first
      order.resize(matrix ? width : 1);
      std::iota(order.begin(), order.end(), std::size_t{0});
      const auto value = [&](std::size_t k) {
        return matrix ? work.scores.scores.at(row, k) : model.score(work.scores, row);
      };
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return value(a) > value(b); });
      order.resize(std::min(order.size(), wanted.classification));
      for (const std::size_t k : order) {
        made = fmt::format("{:f}:{}", value(k), k);
        if (matrix) made.append(":").append(model.model().classes[k]);
        text(made);
      }
    } else if (matrix) {
      for (std::size_t k = 0; k < width; ++k) number(work.scores.scores.at(row, k));
    } else if (wanted.output == Output::score) {
      number(model.score(work.scores, row));
    } else if (wanted.output == Output::label) {
      text(model.label(work.scores, row));
    } else {
      made.clear();
      append_reasons(made, work, row);
      text(made);
    }
  }
}

void append_raw_output(std::string& out, const Work& work, const Wanted& wanted) {
  each_output_value(
      work, wanted, [&](float value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); },
      [&](std::string_view text) {
        const auto size = static_cast<std::uint32_t>(text.size());
        out.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
      });
}

}  // namespace slipway::serving
