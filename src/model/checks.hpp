// The checks that the builder makes step by step and validate() makes at once.
#pragma once
#include <span>
#include <string>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::model {

Status check_input(const Input& input);
// `values` are those made before the operator; `output` is the value it makes.
Status check_operator(const Operator& op, std::span<const Value> values, const Value& output);
// Task, classes, outputs and metadata.
Status check_outputs(const Model& model);

}  // namespace slipway::model
