// The formula language of derived features: a parser from SQL-like text to the nodes of an Expression operator.
//
//   amount / (num_transactions + 1)
//   CASE WHEN hour(timestamp) < 6 AND amount > 1000 THEN 1 ELSE 0 END
//
// Numbers; columns by name or "quoted name" ("" inside for a quote); + - * / % ; = <> != < <= > >= ; AND OR NOT;
// IS [NOT] NULL; [NOT] IN (..); [NOT] BETWEEN .. AND ..; NULL; TRUE, FALSE (1 and 0); CASE WHEN .. THEN .. [ELSE ..]
// END; parentheses; and the functions
//   abs sqrt exp ln log1p floor ceil round (half to even)        one value
//   power mod                                                    two values
//   least greatest coalesce                                      one or more values
//   hour minute second weekday day month year days_since_epoch   one time column
//   date_diff('day', from, to)        boundaries of the unit between two time columns, as DuckDB counts them: year,
//                                     quarter, month, day, hour, minute, second; week: whole weeks between the days
// A text column is compared with texts in quotes ('' inside for a quote): = <> < <= > >= (by code points), [NOT] IN,
// [NOT] BETWEEN, [NOT] LIKE and ILIKE with [ESCAPE 'c'], IS [NOT] NULL. The empty text is missing.
// Keywords and functions are read in any case, column names exactly. % and mod follow the sign of the divisor.
// Conditions are numbers, 1 and 0, or missing: comparisons, AND, OR and NOT have SQL's three-valued logic. Beyond that,
// division by zero is infinite, and least and greatest are missing where one of their values is.
#pragma once
#include <cstdint>
#include <optional>
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

// What a formula asks of a text column.
struct TextTest {
  enum class Kind : std::uint8_t { is_missing, one_of, match };
  Kind kind = Kind::is_missing;
  std::vector<std::string> texts = {};  // one_of: sorted, distinct, none empty
  Match match = {};                     // match: all but its places
  std::string source = {};              // state IN ('CA', 'NY')
};
// The operator that answers it for a value of text: 1 or 0; missing where the text is, but for is_missing.
Operator text_test_operator(const TextTest& test, ValueId input);

struct ParsedExpression {
  // ExpressionNode::operand counts within `columns`; ExpressionNode::column is 0 throughout.
  std::vector<ExpressionNode> nodes;
  // The operands: columns as indices into those given, in order of first use. A formula without columns is refused.
  std::vector<std::uint32_t> columns;
  // Per operand: of a text column, the test whose answer the formula reads.
  std::vector<std::optional<TextTest>> tests;
};

// Parses a formula. Errors name what was expected and the character (from 1) where it was; an unknown column or
// function comes with its nearest name.
Result<ParsedExpression> parse_expression(std::string_view text, std::span<const ExpressionColumn> columns);

// The highest number of values that stand on the stack while the nodes run, or an error if they are no postfix formula
// that leaves one value.
Result<std::size_t> expression_stack_size(std::span<const ExpressionNode> nodes);

}  // namespace slipway::model
