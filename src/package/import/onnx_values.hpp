// Constants and attributes of an ONNX file of any tool. Throws Refusal.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "onnx.pb.h"

namespace slipway::package {

// A constant tensor. Whole numbers and doubles are kept as doubles (int64 beyond 2^53 is refused).
struct OnnxConstant {
  std::vector<std::int64_t> shape;
  std::vector<double> numbers;
  std::vector<std::string> texts;  // of a tensor of strings
  bool is_text = false;
  std::size_t size() const { return is_text ? texts.size() : numbers.size(); }
};
OnnxConstant read_constant(const onnx::Tensor& tensor);

// The attributes of a node by name.
class OnnxAttributes {
 public:
  explicit OnnxAttributes(const onnx::Node& node) : node_(node) {}
  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::int64_t integer(std::string_view name, std::optional<std::int64_t> otherwise = {}) const;
  double number(std::string_view name, std::optional<double> otherwise = {}) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  std::vector<std::int64_t> integers(std::string_view name) const;  // empty if absent
  std::vector<std::string> texts(std::string_view name) const;
  // `name` as a list of floats, or the tensor `name` + "_as_tensor"; empty if both are absent.
  std::vector<double> numbers(std::string_view name) const;
  OnnxConstant constant(std::string_view name) const;

 private:
  const onnx::Attribute* find(std::string_view name) const;
  const onnx::Node& node_;
};

}  // namespace slipway::package
