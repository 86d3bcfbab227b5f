#include <slipway/model/operators.hpp>

namespace slipway::model {

namespace {

struct NameOf {
  std::string_view operator()(const Fill&) const { return "Fill"; }
  std::string_view operator()(const Lookup&) const { return "Lookup"; }
  std::string_view operator()(const Affine&) const { return "Affine"; }
  std::string_view operator()(const Piecewise&) const { return "Piecewise"; }
  std::string_view operator()(const Expression&) const { return "Expression"; }
  std::string_view operator()(const Terms&) const { return "Terms"; }
  std::string_view operator()(const Dense&) const { return "Dense"; }
  std::string_view operator()(const Trees&) const { return "Trees"; }
  std::string_view operator()(const Join&) const { return "Join"; }
  std::string_view operator()(const Link&) const { return "Link"; }
  std::string_view operator()(const Decide&) const { return "Decide"; }
  std::string_view operator()(const Foreign&) const { return "Foreign"; }
  std::string_view operator()(const Match&) const { return "Match"; }
};

}  // namespace

std::string_view operator_name(const Operator& op) { return std::visit(NameOf{}, op); }

std::vector<ValueId> operator_inputs(const Operator& op) {
  return std::visit(
      [](const auto& one) -> std::vector<ValueId> {
        if constexpr (requires { one.inputs; }) {
          return one.inputs;
        } else {
          return {one.input};
        }
      },
      op);
}

ValueId operator_output(const Operator& op) {
  return std::visit([](const auto& one) { return one.output; }, op);
}

std::string_view expression_op_name(ExpressionNode::Op op) {
  using enum ExpressionNode::Op;
  switch (op) {
    case constant:
      return "constant";
    case column:
      return "column";
    case add:
      return "add";
    case subtract:
      return "subtract";
    case multiply:
      return "multiply";
    case divide:
      return "divide";
    case negate:
      return "negate";
    case absolute:
      return "absolute";
    case square_root:
      return "square_root";
    case exponential:
      return "exponential";
    case logarithm:
      return "logarithm";
    case logarithm_1p:
      return "logarithm_1p";
    case floor:
      return "floor";
    case ceiling:
      return "ceiling";
    case round_half_even:
      return "round_half_even";
    case minimum:
      return "minimum";
    case maximum:
      return "maximum";
    case power:
      return "power";
    case modulo:
      return "modulo";
    case less:
      return "less";
    case less_equal:
      return "less_equal";
    case greater:
      return "greater";
    case greater_equal:
      return "greater_equal";
    case equal:
      return "equal";
    case not_equal:
      return "not_equal";
    case logical_and:
      return "logical_and";
    case logical_or:
      return "logical_or";
    case logical_not:
      return "logical_not";
    case select:
      return "select";
    case is_missing:
      return "is_missing";
    case coalesce:
      return "coalesce";
    case hour:
      return "hour";
    case weekday:
      return "weekday";
    case day:
      return "day";
    case month:
      return "month";
    case year:
      return "year";
    case days_since_epoch:
      return "days_since_epoch";
    case minute:
      return "minute";
    case second:
      return "second";
    case sql_less:
      return "sql_less";
    case sql_less_equal:
      return "sql_less_equal";
    case sql_greater:
      return "sql_greater";
    case sql_greater_equal:
      return "sql_greater_equal";
    case sql_equal:
      return "sql_equal";
    case sql_not_equal:
      return "sql_not_equal";
    case sql_and:
      return "sql_and";
    case sql_or:
      return "sql_or";
    case sql_not:
      return "sql_not";
  }
  return "";
}

bool is_time_op(ExpressionNode::Op op) { return op >= ExpressionNode::Op::hour && op <= ExpressionNode::Op::second; }

bool is_sql_comparison(ExpressionNode::Op op) {
  return op >= ExpressionNode::Op::sql_less && op <= ExpressionNode::Op::sql_not_equal;
}

ExpressionNode::Op two_valued(ExpressionNode::Op comparison) {
  const int place = static_cast<int>(comparison) - static_cast<int>(ExpressionNode::Op::sql_less);
  return static_cast<ExpressionNode::Op>(static_cast<int>(ExpressionNode::Op::less) + place);
}

int expression_op_arity(ExpressionNode::Op op) {
  using enum ExpressionNode::Op;
  switch (op) {
    case constant:
    case column:
      return 0;
    case negate:
    case absolute:
    case square_root:
    case exponential:
    case logarithm:
    case logarithm_1p:
    case floor:
    case ceiling:
    case round_half_even:
    case logical_not:
    case is_missing:
    case sql_not:
      return 1;
    case select:
      return 3;
    default:
      return is_time_op(op) ? 0 : 2;
  }
}

}  // namespace slipway::model
