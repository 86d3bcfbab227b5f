// Helpers that put operations and constants into a TensorFlow graph.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tensorflow.pb.h"

namespace slipway::package {

// tensorflow/core/framework/types.proto
enum TensorType : std::int32_t {
  tensor_float = 1,
  tensor_double = 2,
  tensor_int32 = 3,
  tensor_string = 7,
  tensor_int64 = 9,
  tensor_bool = 10
};

struct TensorAttribute {
  std::string_view name;
  std::variant<TensorType, bool, std::int64_t, std::string_view> value;
};

// Writes into one graph. Nodes are named prefix + part; a tensor is named by its node, with ":1", ":2" for further
// outputs.
class TensorGraph {
 public:
  TensorGraph(tensorflow::Graph& graph, std::vector<std::string>& initialisers, std::string prefix)
      : graph_(graph), initialisers_(initialisers), prefix_(std::move(prefix)) {}

  // The same graph, with names one level deeper.
  TensorGraph inside(std::string_view part) const { return {graph_, initialisers_, prefix_ + std::string(part) + "/"}; }

  // The pointer serves until the next node is added.
  tensorflow::Node* node(std::string_view op, std::string_view part, std::initializer_list<std::string_view> inputs,
                         std::initializer_list<TensorAttribute> attributes = {});
  // The same, returning the name of its first output.
  std::string add(std::string_view op, std::string_view part, std::initializer_list<std::string_view> inputs,
                  std::initializer_list<TensorAttribute> attributes);
  // Operations whose only attribute is their type T.
  std::string add(std::string_view op, std::string_view part, std::initializer_list<std::string_view> inputs,
                  TensorType type = tensor_float) {
    return add(op, part, inputs, {{"T", type}});
  }

  std::string floats(std::string_view part, std::initializer_list<std::int64_t> shape, std::span<const float> values);
  std::string int32s(std::string_view part, std::initializer_list<std::int64_t> shape,
                     std::span<const std::int32_t> values);
  std::string int64s(std::string_view part, std::initializer_list<std::int64_t> shape,
                     std::span<const std::int64_t> values);
  std::string strings(std::string_view part, std::initializer_list<std::int64_t> shape,
                      std::span<const std::string> values);
  std::string scalar(std::string_view part, float value) { return floats(part, {}, std::span(&value, 1)); }
  std::string int32(std::string_view part, std::int32_t value) { return int32s(part, {}, std::span(&value, 1)); }
  std::string int64(std::string_view part, std::int64_t value) { return int64s(part, {}, std::span(&value, 1)); }
  std::string text(std::string_view part, std::string value) { return strings(part, {}, std::span(&value, 1)); }

  // The same numbers where they take part in arithmetic: TensorFlow's optimiser joins constants (x / 3 becomes x *
  // 0.33333334, x * 2 * 3 becomes x * 6), which rounds differently, unless they could be fed.
  std::string held_floats(std::string_view part, std::initializer_list<std::int64_t> shape,
                          std::span<const float> values);
  // Numbers as they are, which the optimiser does not look behind; -1 in `shape`: a size that is not known.
  std::string held(std::string_view part, std::string_view x, std::initializer_list<std::int64_t> shape);
  std::string held_scalar(std::string_view part, float value) { return held_floats(part, {}, std::span(&value, 1)); }

  std::string cast(std::string_view part, std::string_view x, TensorType from, TensorType to);
  std::string equal(std::string_view part, std::string_view x, std::string_view y, TensorType type = tensor_float);
  // Rows `indices` of dimension `axis` of `x`; the first batch_dims dimensions of both run together.
  std::string gather(std::string_view part, std::string_view x, TensorType type, std::string_view indices,
                     TensorType index_type, std::int32_t axis, std::int64_t batch_dims = 0);
  // Sum over dimension 1, which stays with size 1 if `keep`.
  std::string sum(std::string_view part, std::string_view x, TensorType type, bool keep);
  std::string concatenate(std::string_view part, std::span<const std::string> blocks, TensorType type,
                          std::int32_t axis);
  std::string expand(std::string_view part, std::string_view x, TensorType type, std::int32_t axis);
  std::string reshape(std::string_view part, std::string_view x, TensorType type, std::string_view shape);
  // Column `index` of [N, w] as [N, 1].
  std::string column(std::string_view part, std::string_view x, std::int32_t index);
  // The row of every text of `x` (any shape) in a list of distinct texts, as int64; `otherwise` where it is not there.
  // The table is filled when the model is loaded.
  std::string find_text(std::string_view part, std::string_view x, std::span<const std::string> keys,
                        std::int64_t otherwise);

 private:
  tensorflow::Tensor* constant(std::string_view part, std::initializer_list<std::int64_t> shape, TensorType type);
  tensorflow::Graph& graph_;
  std::vector<std::string>& initialisers_;  // operations to run at load
  std::string prefix_;
};

void set_attribute(tensorflow::Node& node, const TensorAttribute& attribute);
tensorflow::Attribute* add_attribute(tensorflow::Node& node, std::string_view name);
// [N, sizes...]: the first dimension is free.
void set_batch_shape(tensorflow::Shape& shape, std::initializer_list<std::int64_t> sizes = {});

}  // namespace slipway::package
