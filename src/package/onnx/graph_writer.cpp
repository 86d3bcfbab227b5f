#include "graph_writer.hpp"

#include <bit>

namespace slipway::package {

static_assert(std::endian::native == std::endian::little, "raw_data of ONNX tensors is little-endian");

onnx::Node* PartWriter::node(std::string_view op_type, std::string_view part,
                             std::initializer_list<std::string_view> inputs) {
  onnx::Node* node = graph_.add_node();
  for (const std::string_view input : inputs) node->add_input(input.data(), input.size());
  const std::string name = full_name(part);
  node->add_output(name);
  node->set_name(name);
  node->set_op_type(op_type.data(), op_type.size());
  return node;
}

std::string PartWriter::add(std::string_view op_type, std::string_view part,
                            std::initializer_list<std::string_view> inputs) {
  return node(op_type, part, inputs)->output(0);
}

void PartWriter::last_is_result() { graph_.mutable_node(graph_.node_size() - 1)->set_output(0, result_); }

onnx::Tensor* PartWriter::tensor(std::string_view part, std::initializer_list<std::int64_t> shape, ElementType type) {
  onnx::Tensor* tensor = graph_.add_initializer();
  for (const std::int64_t size : shape) tensor->add_dims(size);
  tensor->set_data_type(type);
  tensor->set_name(full_name(part));
  return tensor;
}

std::string PartWriter::floats(std::string_view part, std::initializer_list<std::int64_t> shape,
                               std::span<const float> values) {
  onnx::Tensor* made = tensor(part, shape, element_float);
  made->set_raw_data(values.data(), values.size_bytes());
  return made->name();
}

std::string PartWriter::integers(std::string_view part, std::initializer_list<std::int64_t> shape,
                                 std::span<const std::int64_t> values) {
  onnx::Tensor* made = tensor(part, shape, element_int64);
  made->set_raw_data(values.data(), values.size_bytes());
  return made->name();
}

std::string PartWriter::texts(std::string_view part, std::span<const std::string> values) {
  onnx::Tensor* made = tensor(part, {static_cast<std::int64_t>(values.size())}, element_string);
  for (const std::string& value : values) made->add_string_data(value);
  return made->name();
}

std::string PartWriter::cast(std::string_view part, std::string_view input, ElementType type) {
  onnx::Node* made = node("Cast", part, {input});
  set_attribute(*made, "to", type);
  return made->output(0);
}

std::string PartWriter::concatenate(std::string_view part, std::span<const std::string> inputs) {
  onnx::Node* made = node("Concat", part, {});
  for (const std::string& input : inputs) made->add_input(input);
  set_attribute(*made, "axis", 1);
  return made->output(0);
}

std::string PartWriter::column(std::string_view part, std::string_view input, std::int64_t index) {
  const std::string which = integers(std::string(part) + "/index", {1}, std::span(&index, 1));
  onnx::Node* made = node("Gather", part, {input, which});
  set_attribute(*made, "axis", 1);
  return made->output(0);
}

namespace {
onnx::Attribute* add_attribute(onnx::Node& node, std::string_view name, AttributeType type) {
  onnx::Attribute* attribute = node.add_attribute();
  attribute->set_name(name.data(), name.size());
  attribute->set_type(type);
  return attribute;
}
}  // namespace

void set_attribute(onnx::Node& node, std::string_view name, std::int64_t value) {
  add_attribute(node, name, attribute_int)->set_i(value);
}
void set_attribute(onnx::Node& node, std::string_view name, std::string_view value) {
  add_attribute(node, name, attribute_string)->set_s(value.data(), value.size());
}
namespace {
void set_tensor(onnx::Node& node, std::string_view name, ElementType type, std::size_t count,
                std::span<const std::byte> bytes) {
  onnx::Tensor* tensor = add_attribute(node, name, attribute_tensor)->mutable_t();
  tensor->add_dims(static_cast<std::int64_t>(count));
  tensor->set_data_type(type);
  tensor->set_raw_data(bytes.data(), bytes.size());
}
}  // namespace
void set_attribute(onnx::Node& node, std::string_view name, std::span<const float> values) {
  set_tensor(node, name, element_float, values.size(), std::as_bytes(values));
}
void set_attribute(onnx::Node& node, std::string_view name, std::span<const std::uint8_t> values) {
  set_tensor(node, name, element_uint8, values.size(), std::as_bytes(values));
}
onnx::Graph& set_graph(onnx::Node& node, std::string_view name) {
  return *add_attribute(node, name, attribute_graph)->mutable_g();
}
onnx::Attribute* add_floats(onnx::Node& node, std::string_view name) {
  return add_attribute(node, name, attribute_floats);
}
onnx::Attribute* add_integers(onnx::Node& node, std::string_view name) {
  return add_attribute(node, name, attribute_ints);
}
onnx::Attribute* add_strings(onnx::Node& node, std::string_view name) {
  return add_attribute(node, name, attribute_strings);
}

}  // namespace slipway::package
