// Names and numbers that writer and reader share.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <slipway/model/model.hpp>

namespace slipway::package {

inline constexpr std::int64_t onnx_ir_version = 8;
inline constexpr std::int64_t onnx_opset = 17;
// Where there is text to cut into terms: StringSplit, StringConcat.
inline constexpr std::int64_t onnx_text_ir_version = 9;
inline constexpr std::int64_t onnx_text_opset = 20;
inline constexpr std::int64_t onnx_ml_opset = 3;
inline constexpr std::int64_t onnx_compact_ml_opset = 5;  // of TreeEnsemble
inline constexpr std::string_view onnx_ml_domain = "ai.onnx.ml";
inline constexpr std::string_view format_version = "1";

// TensorProto.DataType
enum ElementType : std::int32_t {
  element_float = 1,
  element_uint8 = 2,
  element_int64 = 7,
  element_string = 8,
  element_bool = 9
};
// AttributeProto.AttributeType
enum AttributeType : std::int32_t {
  attribute_float = 1,
  attribute_int = 2,
  attribute_string = 3,
  attribute_tensor = 4,
  attribute_graph = 5,
  attribute_floats = 6,
  attribute_ints = 7,
  attribute_strings = 8
};

inline constexpr std::string_view scores_output_name(model::Task task) {
  return task == model::Task::regression ? "prediction" : "probabilities";
}

// The names of tensors and nodes. All but the graph's inputs and outputs begin with a number, or with underscores
// before it where an input's name could be mistaken for one of ours.
class Names {
 public:
  explicit Names(const std::vector<model::Input>& inputs) : inputs_(inputs) {
    while (
        std::any_of(inputs.begin(), inputs.end(), [this](const model::Input& input) { return looks_ours(input.name); }))
      lead_ += '_';
  }
  // "3/Fill/": before the parts of operator 3.
  std::string part_prefix(std::size_t op, std::string_view kind) const {
    return fmt::format("{}{}/{}/", lead_, op, kind);
  }
  // The tensor of a value: an input's name, or "3/value/amount".
  std::string value(const model::Model& model, model::ValueId id) const {
    if (id < inputs_.size()) return inputs_[id].name;
    return fmt::format("{}{}/value/{}", lead_, id - inputs_.size(), model.values[id].name);
  }
  // A name for a graph output that no input has.
  std::string output(std::string_view wanted) const {
    std::string name(wanted);
    while (
        std::any_of(inputs_.begin(), inputs_.end(), [&name](const model::Input& input) { return input.name == name; }))
      name += "_output";
    return name;
  }
  const std::string& lead() const { return lead_; }

 private:
  bool looks_ours(std::string_view name) const {
    if (!name.starts_with(lead_)) return false;
    name.remove_prefix(lead_.size());
    return !name.empty() && ((name[0] >= '0' && name[0] <= '9') || name.starts_with("output/"));
  }
  const std::vector<model::Input>& inputs_;
  std::string lead_;
};

}  // namespace slipway::package
