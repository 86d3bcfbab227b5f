// Helpers that put nodes and constants into a graph.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "onnx.pb.h"
#include "schema.hpp"

namespace slipway::package {

// Writes the parts of one operator. Every node and constant is named prefix + part; a node's output has the node's
// name, but for the one marked as the result, whose output is the operator's value.
class PartWriter {
 public:
  PartWriter(onnx::Graph& graph, std::string prefix, std::string result)
      : graph_(graph), prefix_(std::move(prefix)), result_(std::move(result)) {}

  // Adds a node; the pointer serves for attributes until the next node is added.
  onnx::Node* node(std::string_view op_type, std::string_view part, std::initializer_list<std::string_view> inputs);
  // The same, returning the name of its output.
  std::string add(std::string_view op_type, std::string_view part, std::initializer_list<std::string_view> inputs);
  // Makes the last node's output the operator's value.
  void last_is_result();
  const std::string& result() const { return result_; }

  std::string floats(std::string_view part, std::initializer_list<std::int64_t> shape, std::span<const float> values);
  std::string integers(std::string_view part, std::initializer_list<std::int64_t> shape,
                       std::span<const std::int64_t> values);
  std::string texts(std::string_view part, std::span<const std::string> values);
  std::string texts(std::string_view part, std::initializer_list<std::string> values) {
    return texts(part, std::span(values.begin(), values.size()));
  }
  std::string scalar(std::string_view part, float value) { return floats(part, {}, std::span(&value, 1)); }
  std::string integer(std::string_view part, std::int64_t value) { return integers(part, {}, std::span(&value, 1)); }

  std::string cast(std::string_view part, std::string_view input, ElementType type);
  std::string concatenate(std::string_view part, std::span<const std::string> inputs);
  // Column `index` of a block, as a block of width 1.
  std::string column(std::string_view part, std::string_view input, std::int64_t index);

  // A writer for parts one level deeper: prefix + part + "/".
  PartWriter inside(std::string_view part) const { return {graph_, prefix_ + std::string(part) + "/", result_}; }
  std::string full_name(std::string_view part) const { return prefix_ + std::string(part); }

 private:
  onnx::Tensor* tensor(std::string_view part, std::initializer_list<std::int64_t> shape, ElementType type);
  onnx::Graph& graph_;
  std::string prefix_;
  std::string result_;
};

void set_attribute(onnx::Node& node, std::string_view name, std::int64_t value);
void set_attribute(onnx::Node& node, std::string_view name, std::string_view value);
void set_attribute(onnx::Node& node, std::string_view name, std::span<const float> values);         // a tensor
void set_attribute(onnx::Node& node, std::string_view name, std::span<const std::uint8_t> values);  // a tensor
onnx::Graph& set_graph(onnx::Node& node, std::string_view name);                                    // an empty one
onnx::Attribute* add_floats(onnx::Node& node, std::string_view name);
onnx::Attribute* add_integers(onnx::Node& node, std::string_view name);
onnx::Attribute* add_strings(onnx::Node& node, std::string_view name);

}  // namespace slipway::package
