#include "expression_evaluation.hpp"

#include <slipway/base/time.hpp>

namespace slipway::model {

namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

bool is_true(float x) { return x < 0 || x > 0; }
float truth(bool value) { return value ? 1.0F : 0.0F; }

std::int64_t divide_down(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

float time_part(ExpressionNode::Op op, std::int64_t seconds) {
  using enum ExpressionNode::Op;
  if (seconds == missing_time) return missing;
  const std::int64_t days = divide_down(seconds, 86400);
  const std::int64_t second_of_day = (seconds % 86400 + 86400) % 86400;
  switch (op) {
    case hour:
      return static_cast<float>(second_of_day / 3600);
    case minute:
      return static_cast<float>(second_of_day / 60 % 60);
    case second:
      return static_cast<float>(second_of_day % 60);
    case weekday: {
      const std::int64_t since_monday = (days + 3) % 7;  // 1970-01-01 was a Thursday
      return static_cast<float>(since_monday < 0 ? since_monday + 7 : since_monday);
    }
    case day:
      return static_cast<float>(civil_from_days(days).day);
    case month:
      return static_cast<float>(civil_from_days(days).month);
    case year:
      return static_cast<float>(civil_from_days(days).year);
    default:
      return static_cast<float>(days);
  }
}

float one_operand(ExpressionNode::Op op, float x) {
  using enum ExpressionNode::Op;
  switch (op) {
    case negate:
      return -x;
    case absolute:
      return std::fabs(x);
    case square_root:
      return std::sqrt(x);
    case exponential:
      return std::exp(x);
    case logarithm:
      return std::log(x);
    case logarithm_1p:
      return std::log1p(x);
    case floor:
      return std::floor(x);
    case ceiling:
      return std::ceil(x);
    case round_half_even:
      return std::nearbyint(x);
    case logical_not:
      return truth(!is_true(x));
    case sql_not:
      return std::isnan(x) ? missing : truth(!is_true(x));
    default:
      return truth(std::isnan(x));  // is_missing
  }
}

float two_operands(ExpressionNode::Op op, float x, float y) {
  using enum ExpressionNode::Op;
  if (is_sql_comparison(op)) return std::isnan(x) || std::isnan(y) ? missing : two_operands(two_valued(op), x, y);
  switch (op) {
    case sql_and:
      return x == 0 || y == 0 ? 0.0F : std::isnan(x) || std::isnan(y) ? missing : 1.0F;
    case sql_or:
      return is_true(x) || is_true(y) ? 1.0F : std::isnan(x) || std::isnan(y) ? missing : 0.0F;
    case add:
      return x + y;
    case subtract:
      return x - y;
    case multiply:
      return x * y;
    case divide:
      return x / y;
    case minimum:
      return x <= y ? x : y < x ? y : missing;
    case maximum:
      return x >= y ? x : y > x ? y : missing;
    case power:
      return std::pow(x, y);
    case modulo:
      return x - y * std::floor(x / y);
    case less:
      return truth(x < y);
    case less_equal:
      return truth(x <= y);
    case greater:
      return truth(x > y);
    case greater_equal:
      return truth(x >= y);
    case equal:
      return truth(x == y);
    case not_equal:
      return truth(x < y || x > y);
    case logical_and:
      return truth(is_true(x) && is_true(y));
    case logical_or:
      return truth(is_true(x) || is_true(y));
    default:
      return std::isnan(x) ? y : x;  // coalesce
  }
}

}  // namespace

float evaluate_expression(std::span<const ExpressionNode> nodes, std::span<const FormulaOperand> operands) {
  std::vector<float> stack;
  const auto pop = [&stack] {
    const float top = stack.back();
    stack.pop_back();
    return top;
  };
  for (const ExpressionNode& node : nodes) {
    if (node.op == ExpressionNode::Op::constant) {
      stack.push_back(node.constant);
    } else if (node.op == ExpressionNode::Op::column) {
      stack.push_back(operands[node.operand].numbers[node.column]);
    } else if (is_time_op(node.op)) {
      stack.push_back(time_part(node.op, operands[node.operand].time));
    } else if (node.op == ExpressionNode::Op::select) {
      const float otherwise = pop();
      const float then = pop();
      const float condition = pop();
      stack.push_back(is_true(condition) ? then : otherwise);
    } else if (expression_op_arity(node.op) == 2) {
      const float right = pop();
      const float left = pop();
      stack.push_back(two_operands(node.op, left, right));
    } else {
      stack.push_back(one_operand(node.op, pop()));
    }
  }
  return stack.back();
}

}  // namespace slipway::model
