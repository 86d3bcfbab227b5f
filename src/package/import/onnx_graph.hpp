// Compiles the nodes of an ONNX graph into operators of a Model. Throws Refusal for what no operator says.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/model/model.hpp>

#include "onnx.pb.h"
#include "onnx_values.hpp"

namespace slipway::package {

// No more columns than these in one tensor.
inline constexpr std::size_t most_columns = 20000;

// Formats give numbers in double precision or as text; models hold float.
inline float to_float(double value) { return static_cast<float>(value); }

// One column of a tensor: a column of a value of the Model, or the same number in every row.
struct OnnxColumn {
  bool is_constant = false;
  float constant = 0;
  model::ValueId value = 0;
  std::uint32_t column = 0;
  friend bool operator==(const OnnxColumn&, const OnnxColumn&) = default;
};

// A matrix product whose bias and activation may still follow.
struct PendingDense {
  model::ValueId input = 0;
  std::vector<float> weights, bias;
};

// A tensor with a row per row of the table: its columns, whatever its shape beyond the first dimension. Or a constant.
struct OnnxTensor {
  std::vector<OnnxColumn> columns = {};
  bool is_text = false;
  bool is_whole = false;  // whole numbers and truths
  bool not_negative = false;
  std::shared_ptr<PendingDense> dense = {};  // then columns is empty
  std::optional<OnnxConstant> constant = {};
};

class OnnxGraphCompiler {
 public:
  explicit OnnxGraphCompiler(model::ModelBuilder& builder) : builder_(builder) {}

  void define(const std::string& name, OnnxTensor tensor) { tensors_[name] = std::move(tensor); }
  // Compiles one node; its inputs are known.
  void compile(const onnx::Node& node);
  // The tensor as one value of the Model with all its columns.
  model::ValueId block_of(const std::string& name);
  std::size_t width_of(const std::string& name) { return columns(tensor(name)).size(); }
  model::ValueId block(OnnxTensor& tensor);

 private:
  using Op = model::ExpressionNode::Op;
  class Formula;
  using Handler = void (OnnxGraphCompiler::*)(const onnx::Node&);
  static const std::map<std::string_view, Handler>& handlers();

  OnnxTensor& tensor(const std::string& name);
  OnnxTensor& input(const onnx::Node& node, int index);
  const OnnxConstant& constant(const onnx::Node& node, int index);
  bool has_input(const onnx::Node& node, int index) const;
  std::vector<OnnxColumn>& columns(OnnxTensor& tensor);
  void give(const onnx::Node& node, OnnxTensor tensor, int output = 0);
  OnnxTensor of_value(model::ValueId value) const;
  std::string fresh_name(std::string_view op_type);
  model::ValueId add(model::Operator op, std::string_view op_type, std::vector<std::string> names);
  std::vector<std::string> names_of(const std::vector<OnnxColumn>& columns) const;
  std::vector<OnnxColumn> as_columns(OnnxTensor& tensor, std::size_t width);
  OnnxColumn apply(std::string_view op_type, Op op, const OnnxColumn& left, const OnnxColumn& right);
  OnnxColumn apply(std::string_view op_type, Op op, const OnnxColumn& x);
  OnnxColumn finish(Formula& formula, std::string_view op_type);
  OnnxTensor affine(OnnxTensor& x, std::vector<float> scale, std::vector<float> shift, std::string_view op_type);
  OnnxTensor activate(OnnxTensor& x, model::Dense::Activation activation, std::string_view op_type);
  OnnxTensor link(OnnxTensor& x, model::Link::Kind kind, std::string_view op_type);
  OnnxTensor total(OnnxTensor& x, bool absolute, bool squared, std::string_view op_type);
  OnnxTensor lookup(const OnnxColumn& text, const std::vector<std::string>& keys, const std::vector<float>& rows,
                    std::size_t width, const std::vector<float>& otherwise, std::string_view op_type,
                    const std::vector<std::string>& names);

  void pass(const onnx::Node& node);
  void reshape(const onnx::Node& node);
  void cast(const onnx::Node& node);
  void concatenate(const onnx::Node& node);
  void extract(const onnx::Node& node);
  void slice(const onnx::Node& node);
  void split(const onnx::Node& node);
  void constant_node(const onnx::Node& node);
  void unary(const onnx::Node& node);
  void binary(const onnx::Node& node);
  void many(const onnx::Node& node);
  void clip(const onnx::Node& node);
  void where(const onnx::Node& node);
  void reduce(const onnx::Node& node);
  void product(const onnx::Node& node);
  void activation(const onnx::Node& node);
  void softmax(const onnx::Node& node);
  void imputer(const onnx::Node& node);
  void scaler(const onnx::Node& node);
  void normalizer(const onnx::Node& node);
  void binarizer(const onnx::Node& node);
  void one_hot(const onnx::Node& node);
  void label_encoder(const onnx::Node& node);
  void linear_classifier(const onnx::Node& node);
  void linear_regressor(const onnx::Node& node);
  void tree_regressor(const onnx::Node& node);
  void tree_classifier(const onnx::Node& node);
  OnnxTensor sums_of_trees(const OnnxTensor& x, struct OnnxTrees read);
  OnnxTensor post_transform(OnnxTensor sums, const std::string& transform, std::string_view op_type);

  model::ModelBuilder& builder_;
  std::map<std::string, OnnxTensor, std::less<>> tensors_;
  std::map<std::string, std::size_t, std::less<>> counts_;
};

// The trees of a node of any version; `tested` are the columns that they read, to which columns telling whether a
// column equals a number may be added.
struct OnnxTrees {
  model::Trees trees;
  struct Equality {
    std::size_t column;
    float value;
    bool missing_is_true;
  };
  std::vector<Equality> equalities;  // the columns after the tested ones
  bool single_class = false;         // all weights belong to one class
  bool no_negative_weight = true;
};
OnnxTrees read_onnx_trees(const onnx::Node& node, std::size_t columns);

}  // namespace slipway::package
