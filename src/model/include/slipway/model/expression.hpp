// The formula language of derived features: a parser from SQL-like text to the nodes of an Expression operator.
//
//   amount / (num_transactions + 1)
//   CASE WHEN hour(timestamp) < 6 AND amount > 1000 THEN 1 ELSE 0 END
//
// Numbers; columns by name or "quoted name" ("" inside for a quote); + - * / % ; = <> != < <= > >= ; AND OR NOT;
// IS [NOT] NULL; NULL; TRUE, FALSE (1 and 0); CASE WHEN .. THEN .. [ELSE ..] END; parentheses; and the functions
//   abs sqrt exp ln log1p floor ceil round (half to even)        one value
//   power mod                                                    two values
//   least greatest coalesce                                      one or more values
//   hour minute weekday day month year days_since_epoch          one time column
// Keywords and functions are read in any case, column names exactly. % and mod follow the sign of the divisor.
// Conditions are numbers, 1 and 0. Unlike SQL there is no unknown truth: a comparison with a missing side is 0.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::model {

// A column that a formula may name.
struct ExpressionColumn {
  std::string name;
  ValueKind kind = ValueKind::numbers;
};

struct ParsedExpression {
  // ExpressionNode::operand counts within `columns`; ExpressionNode::column is 0 throughout.
  std::vector<ExpressionNode> nodes;
  // The columns used, as indices into those given, in order of first use. A formula without columns is refused.
  std::vector<std::uint32_t> columns;
};

// Parses a formula. Errors name what was expected and the character (from 1) where it was; an unknown column or
// function comes with its nearest name.
Result<ParsedExpression> parse_expression(std::string_view text, std::span<const ExpressionColumn> columns);

// The highest number of values that stand on the stack while the nodes run, or an error if they are no postfix formula
// that leaves one value.
Result<std::size_t> expression_stack_size(std::span<const ExpressionNode> nodes);

}  // namespace slipway::model
