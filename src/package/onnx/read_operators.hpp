// From the nodes of one operator back to the operator.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

#include "description.hpp"
#include "onnx.pb.h"
#include "write_operators.hpp"

namespace slipway::package {

// The nodes and constants of a file by name. Views into the file.
class Parts {
 public:
  explicit Parts(const onnx::Graph& graph);
  const onnx::Node* node(const std::string& name) const;
  // Values of a constant of the given type; nothing if it is absent, of another type or not as long as its shape says.
  std::optional<std::vector<float>> floats(const std::string& name) const;
  std::optional<std::vector<std::int64_t>> integers(const std::string& name) const;
  // Names of nodes and constants that begin with a prefix, in order.
  std::vector<std::string_view> beginning_with(std::string_view prefix) const;

 private:
  std::map<std::string_view, const onnx::Node*> nodes_;
  std::map<std::string_view, const onnx::Tensor*> constants_;
};

// What a reader needs to know besides.
struct ReadContext {
  const Parts& parts;
  const std::unordered_map<std::string, model::ValueId>& values;  // tensor name -> value
  const Description& description;
  std::string prefix;     // "3/Fill/"
  model::ValueId output;  // the value that the operator makes
};

// The form in which a file has an operator.
Form form_of(std::string_view name, const ReadContext& context);

// Rebuilds one operator of the kind `name`. What is found is bounded by the file's size but otherwise unchecked: the
// caller validates the whole Model and compares it with the file.
Result<model::Operator> read_operator(std::string_view name, const ReadContext& context);

// Trees in the form of write_compact_trees.
Result<model::Operator> read_compact_trees(const ReadContext& context);

// The attribute of that name, or nothing.
const onnx::Attribute* find_attribute(const onnx::Node& node, std::string_view name);

}  // namespace slipway::package
