// The ONNX form of each operator.
#pragma once
#include <string>
#include <vector>

#include "graph_writer.hpp"

namespace slipway::package {

// Operators may have several forms that mean the same. A form once written stays here, so that files that have it can
// be read: a reader finds out which one a file has (form_of) and compares it with that one.
enum class Form : std::uint8_t {
  standard,
  compact,  // Trees of one output as TreeEnsemble (ai.onnx.ml 5); other operators as standard
};

// Writes one operator; `inputs` are the tensors of operator_inputs(), in that order.
Status write_operator(PartWriter writer, const model::Model& model, const model::Operator& op,
                      const std::vector<std::string>& inputs, Form form);

// The graph, operator sets and description of a Model; `forms` has one for each operator.
Status build_file(onnx::ModelFile& file, const model::Model& model, std::span<const Form> forms);

// Errors: runs of words with short words left out.
Status write_terms(PartWriter& writer, const model::Terms& op, const std::string& input);

// Trees of one output as TreeEnsemble, equal leaves stored once. Covers are left out.
void write_compact_trees(PartWriter& writer, const model::Trees& op, const std::string& input);

void write_expression(PartWriter& writer, const model::Expression& op, const std::vector<std::string>& inputs);

}  // namespace slipway::package
