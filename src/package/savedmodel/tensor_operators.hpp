// The operators of a Model as TensorFlow operations.
#pragma once
#include <string>
#include <vector>

#include <slipway/model/model.hpp>

#include "tensor_graph.hpp"

namespace slipway::package {

// Adds one operator; `inputs` are the tensors of operator_inputs(): numbers [N, w], text [N], time [N]. Returns the
// tensor of its output, [N, w].
std::string write_tensor_operator(TensorGraph graph, const model::Model& model, const model::Operator& op,
                                  const std::vector<std::string>& inputs);

// Parts of it that are large enough to stand alone.
std::string write_tensor_expression(TensorGraph graph, const model::Expression& op,
                                    const std::vector<std::string>& inputs);
std::string write_tensor_terms(TensorGraph graph, const model::Terms& op, const std::string& input);
std::string write_tensor_trees(TensorGraph graph, const model::Trees& op, const std::string& input, std::size_t width);

}  // namespace slipway::package
