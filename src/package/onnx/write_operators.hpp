// The ONNX form of each operator.
#pragma once
#include <string>
#include <vector>

#include "graph_writer.hpp"

namespace slipway::package {

// Writes one operator; `inputs` are the tensors of operator_inputs(), in that order. Terms has no form yet: an error.
Status write_operator(PartWriter writer, const model::Model& model, const model::Operator& op,
                      const std::vector<std::string>& inputs);

void write_expression(PartWriter& writer, const model::Expression& op, const std::vector<std::string>& inputs);

}  // namespace slipway::package
