#include "tensor_graph.hpp"

#include <bit>

#include <slipway/base/hash.hpp>

namespace slipway::package {

static_assert(std::endian::native == std::endian::little, "tensor_content is little-endian");

tensorflow::Attribute* add_attribute(tensorflow::Node& node, std::string_view name) {
  tensorflow::AttributeEntry* entry = node.add_attr();
  entry->set_key(std::string(name));
  return entry->mutable_value();
}

void set_attribute(tensorflow::Node& node, const TensorAttribute& attribute) {
  tensorflow::Attribute& value = *add_attribute(node, attribute.name);
  if (const auto* type = std::get_if<TensorType>(&attribute.value)) value.set_type(*type);
  if (const auto* flag = std::get_if<bool>(&attribute.value)) value.set_b(*flag);
  if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) value.set_i(*number);
  if (const auto* text = std::get_if<std::string_view>(&attribute.value)) value.set_s(std::string(*text));
}

void set_batch_shape(tensorflow::Shape& shape, std::initializer_list<std::int64_t> sizes) {
  shape.add_dim()->set_size(-1);
  for (const std::int64_t size : sizes) shape.add_dim()->set_size(size);
}

tensorflow::Node* TensorGraph::node(std::string_view op, std::string_view part,
                                    std::initializer_list<std::string_view> inputs,
                                    std::initializer_list<TensorAttribute> attributes) {
  tensorflow::Node* node = graph_.add_node();
  node->set_name(prefix_ + std::string(part));
  node->set_op(std::string(op));
  for (const std::string_view input : inputs) node->add_input(std::string(input));
  for (const TensorAttribute& attribute : attributes) set_attribute(*node, attribute);
  return node;
}

std::string TensorGraph::add(std::string_view op, std::string_view part, std::initializer_list<std::string_view> inputs,
                             std::initializer_list<TensorAttribute> attributes) {
  return node(op, part, inputs, attributes)->name();
}

tensorflow::Tensor* TensorGraph::constant(std::string_view part, std::initializer_list<std::int64_t> shape,
                                          TensorType type) {
  tensorflow::Node* made = node("Const", part, {}, {{"dtype", type}});
  tensorflow::Tensor* tensor = add_attribute(*made, "value")->mutable_tensor();
  tensor->set_dtype(type);
  tensorflow::Shape* dimensions = tensor->mutable_tensor_shape();
  for (const std::int64_t size : shape) dimensions->add_dim()->set_size(size);
  return tensor;
}

namespace {

template <class T>
void set_content(tensorflow::Tensor& tensor, std::span<const T> values) {
  tensor.set_tensor_content(values.data(), values.size_bytes());
}

}  // namespace

std::string TensorGraph::floats(std::string_view part, std::initializer_list<std::int64_t> shape,
                                std::span<const float> values) {
  set_content(*constant(part, shape, tensor_float), values);
  return prefix_ + std::string(part);
}

std::string TensorGraph::held_floats(std::string_view part, std::initializer_list<std::int64_t> shape,
                                     std::span<const float> values) {
  return held(part, floats(std::string(part) + "/constant", shape, values), shape);
}

std::string TensorGraph::held(std::string_view part, std::string_view x, std::initializer_list<std::int64_t> shape) {
  tensorflow::Node* held = node("PlaceholderWithDefault", part, {x}, {{"dtype", tensor_float}});
  tensorflow::Shape* dimensions = add_attribute(*held, "shape")->mutable_shape();
  for (const std::int64_t size : shape) dimensions->add_dim()->set_size(size);
  return held->name();
}

std::string TensorGraph::int32s(std::string_view part, std::initializer_list<std::int64_t> shape,
                                std::span<const std::int32_t> values) {
  set_content(*constant(part, shape, tensor_int32), values);
  return prefix_ + std::string(part);
}

std::string TensorGraph::int64s(std::string_view part, std::initializer_list<std::int64_t> shape,
                                std::span<const std::int64_t> values) {
  set_content(*constant(part, shape, tensor_int64), values);
  return prefix_ + std::string(part);
}

std::string TensorGraph::strings(std::string_view part, std::initializer_list<std::int64_t> shape,
                                 std::span<const std::string> values) {
  tensorflow::Tensor* tensor = constant(part, shape, tensor_string);
  for (const std::string& value : values) tensor->add_string_val(value);
  return prefix_ + std::string(part);
}

std::string TensorGraph::cast(std::string_view part, std::string_view x, TensorType from, TensorType to) {
  return add("Cast", part, {x}, {{"SrcT", from}, {"DstT", to}, {"Truncate", false}});
}

std::string TensorGraph::equal(std::string_view part, std::string_view x, std::string_view y, TensorType type) {
  return add("Equal", part, {x, y}, {{"T", type}, {"incompatible_shape_error", true}});
}

std::string TensorGraph::gather(std::string_view part, std::string_view x, TensorType type, std::string_view indices,
                                TensorType index_type, std::int32_t axis, std::int64_t batch_dims) {
  const std::string along = int32(std::string(part) + "/axis", axis);
  return add("GatherV2", part, {x, indices, along},
             {{"Tparams", type}, {"Tindices", index_type}, {"Taxis", tensor_int32}, {"batch_dims", batch_dims}});
}

std::string TensorGraph::sum(std::string_view part, std::string_view x, TensorType type, bool keep) {
  const std::string along = int32(std::string(part) + "/axis", 1);
  return add("Sum", part, {x, along}, {{"T", type}, {"Tidx", tensor_int32}, {"keep_dims", keep}});
}

std::string TensorGraph::concatenate(std::string_view part, std::span<const std::string> blocks, TensorType type,
                                     std::int32_t axis) {
  const std::string along = int32(std::string(part) + "/axis", axis);
  tensorflow::Node* made = node("ConcatV2", part, {},
                                {{"N", static_cast<std::int64_t>(blocks.size())}, {"T", type}, {"Tidx", tensor_int32}});
  for (const std::string& block : blocks) made->add_input(block);
  made->add_input(along);
  return made->name();
}

std::string TensorGraph::expand(std::string_view part, std::string_view x, TensorType type, std::int32_t axis) {
  const std::string along = int32(std::string(part) + "/axis", axis);
  return add("ExpandDims", part, {x, along}, {{"T", type}, {"Tdim", tensor_int32}});
}

std::string TensorGraph::reshape(std::string_view part, std::string_view x, TensorType type, std::string_view shape) {
  return add("Reshape", part, {x, shape}, {{"T", type}, {"Tshape", tensor_int32}});
}

std::string TensorGraph::column(std::string_view part, std::string_view x, std::int32_t index) {
  const std::string wanted = int32s(std::string(part) + "/index", {1}, std::span(&index, 1));
  return gather(part, x, tensor_float, wanted, tensor_int32, 1);
}

std::string TensorGraph::find_text(std::string_view part, std::string_view x, std::span<const std::string> keys,
                                   std::int64_t otherwise) {
  TensorGraph table = inside(std::string(part) + "/table");
  const auto count = static_cast<std::int64_t>(keys.size());
  std::vector<std::int64_t> rows(keys.size());
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  // Tables of one name are one table within a process, whichever model they come from: the name says what is in it.
  Sha256 digest;
  for (const std::string& key : keys) digest.update_framed(key);
  const std::string shared = "slipway_" + digest.hex();
  const std::string keys_tensor = table.strings("keys", {count}, keys);
  const std::string rows_tensor = table.int64s("rows", {count}, rows);
  const std::string handle = table.add("HashTableV2", "handle", {},
                                       {{"key_dtype", tensor_string},
                                        {"value_dtype", tensor_int64},
                                        {"container", std::string_view()},
                                        {"shared_name", std::string_view(shared)},
                                        {"use_node_name_sharing", false}});
  initialisers_.push_back(table.add("LookupTableImportV2", "fill", {handle, keys_tensor, rows_tensor},
                                    {{"Tin", tensor_string}, {"Tout", tensor_int64}}));
  const std::string none = table.int64("otherwise", otherwise);
  return add("LookupTableFindV2", part, {handle, x, none}, {{"Tin", tensor_string}, {"Tout", tensor_int64}});
}

}  // namespace slipway::package
