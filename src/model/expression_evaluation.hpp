// What the nodes of a formula mean, for one row.
#pragma once
#include <cstdint>
#include <span>

#include <slipway/model/operators.hpp>

namespace slipway::model {

// One operand of a formula in one row: the columns of a value of numbers, or a time in seconds.
struct FormulaOperand {
  std::span<const float> numbers;
  std::int64_t time = 0;
};

// Runs a checked formula over one row.
float evaluate_expression(std::span<const ExpressionNode> nodes, std::span<const FormulaOperand> operands);

}  // namespace slipway::model
