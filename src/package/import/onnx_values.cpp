#include "onnx_values.hpp"

#include <cstring>

#include "refusal.hpp"

namespace slipway::package {

namespace {

// TensorProto.DataType, those that can be read.
enum DataType : std::int32_t {
  type_float = 1,
  type_uint8 = 2,
  type_int32 = 6,
  type_int64 = 7,
  type_string = 8,
  type_bool = 9,
  type_double = 11
};

constexpr std::int64_t most_exact = std::int64_t{1} << 53;

template <class Number, class List>
std::vector<double> numbers_of(const std::string& raw, const List& list) {
  std::vector<double> numbers;
  if (raw.empty()) {
    numbers.assign(list.begin(), list.end());
    return numbers;
  }
  if (raw.size() % sizeof(Number) != 0) refuse("a constant's bytes do not fit its type");
  numbers.resize(raw.size() / sizeof(Number));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    Number value;
    std::memcpy(&value, raw.data() + i * sizeof(Number), sizeof(Number));
    if constexpr (sizeof(Number) == 8 && std::is_integral_v<Number>)
      if (value > most_exact || value < -most_exact) refuse("the whole number {} is too large", value);
    numbers[i] = static_cast<double>(value);
  }
  return numbers;
}

}  // namespace

OnnxConstant read_constant(const onnx::Tensor& tensor) {
  if (!tensor.unknown_fields().empty()) refuse("constant '{}' is stored outside the file", tensor.name());
  OnnxConstant constant;
  constant.shape.assign(tensor.dims().begin(), tensor.dims().end());
  const std::string& raw = tensor.raw_data();
  switch (tensor.data_type()) {
    case type_float:
      constant.numbers = numbers_of<float>(raw, tensor.float_data());
      break;
    case type_double:
      constant.numbers = numbers_of<double>(raw, tensor.double_data());
      break;
    case type_int64:
      constant.numbers = numbers_of<std::int64_t>(raw, tensor.int64_data());
      break;
    case type_int32:
      constant.numbers = numbers_of<std::int32_t>(raw, tensor.int32_data());
      break;
    case type_uint8:
    case type_bool:
      constant.numbers = numbers_of<std::uint8_t>(raw, tensor.int32_data());
      break;
    case type_string:
      constant.is_text = true;
      constant.texts.assign(tensor.string_data().begin(), tensor.string_data().end());
      break;
    default:
      refuse("constant '{}' has element type {}", tensor.name(), tensor.data_type());
  }
  double elements = 1;
  for (const std::int64_t size : constant.shape) elements *= static_cast<double>(size);
  if (elements != static_cast<double>(constant.size()))
    refuse("constant '{}' has {} elements, its shape says {}", tensor.name(), constant.size(), elements);
  return constant;
}

const onnx::Attribute* OnnxAttributes::find(std::string_view name) const {
  for (const onnx::Attribute& attribute : node_.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

std::int64_t OnnxAttributes::integer(std::string_view name, std::optional<std::int64_t> otherwise) const {
  if (const onnx::Attribute* found = find(name)) return found->i();
  if (!otherwise) refuse("{} has no attribute '{}'", node_.op_type(), name);
  return *otherwise;
}

double OnnxAttributes::number(std::string_view name, std::optional<double> otherwise) const {
  if (const onnx::Attribute* found = find(name)) return found->f();
  if (!otherwise) refuse("{} has no attribute '{}'", node_.op_type(), name);
  return *otherwise;
}

std::string OnnxAttributes::text(std::string_view name, std::string_view otherwise) const {
  const onnx::Attribute* found = find(name);
  return found ? found->s() : std::string(otherwise);
}

std::vector<std::int64_t> OnnxAttributes::integers(std::string_view name) const {
  const onnx::Attribute* found = find(name);
  if (!found) return {};
  return {found->ints().begin(), found->ints().end()};
}

std::vector<std::string> OnnxAttributes::texts(std::string_view name) const {
  const onnx::Attribute* found = find(name);
  if (!found) return {};
  return {found->strings().begin(), found->strings().end()};
}

std::vector<double> OnnxAttributes::numbers(std::string_view name) const {
  if (const onnx::Attribute* found = find(name)) return {found->floats().begin(), found->floats().end()};
  if (const onnx::Attribute* found = find(std::string(name) + "_as_tensor")) return read_constant(found->t()).numbers;
  return {};
}

OnnxConstant OnnxAttributes::constant(std::string_view name) const {
  const onnx::Attribute* found = find(name);
  if (!found) refuse("{} has no attribute '{}'", node_.op_type(), name);
  return read_constant(found->t());
}

}  // namespace slipway::package
