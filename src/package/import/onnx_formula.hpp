#pragma once
#include "onnx_graph.hpp"
#include "refusal.hpp"

namespace slipway::package {

// A formula being put together over columns.
class OnnxGraphCompiler::Formula {
 public:
  Formula& push(const OnnxColumn& column) {
    model::ExpressionNode node;
    if (column.is_constant) {
      if (std::isinf(column.constant)) refuse("a constant is infinite");
      node.constant = column.constant;
    } else {
      node.op = Op::column;
      const auto found = std::find(inputs_.begin(), inputs_.end(), column.value);
      node.operand = static_cast<std::uint32_t>(found - inputs_.begin());
      node.column = column.column;
      if (found == inputs_.end()) inputs_.push_back(column.value);
    }
    nodes_.push_back(node);
    return *this;
  }
  Formula& push(float constant) { return push(OnnxColumn{.is_constant = true, .constant = constant}); }
  Formula& then(Op op) {
    nodes_.push_back({.op = op});
    return *this;
  }
  bool reads() const { return !inputs_.empty(); }
  model::Expression take(std::string source) {
    return {.inputs = std::move(inputs_), .nodes = std::move(nodes_), .source = std::move(source)};
  }

 private:
  std::vector<model::ValueId> inputs_;
  std::vector<model::ExpressionNode> nodes_;
};

}  // namespace slipway::package
