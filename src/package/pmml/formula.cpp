#include <fmt/format.h>

#include "transformations.hpp"
#include "xml_writer.hpp"

namespace slipway::package {

namespace {

using model::ExpressionNode;
using Op = ExpressionNode::Op;

class FormulaWriter {
 public:
  FormulaWriter(PmmlFields& fields, const PmmlColumns& columns, const model::Expression& op, const std::string& name)
      : fields_(fields), columns_(columns), op_(op), step_(name + " step") {}

  PmmlTerm run() {
    for (const ExpressionNode& node : op_.nodes) {
      if (node.op == Op::constant) {
        stack_.push_back(number_constant(node.constant));
      } else if (node.op == Op::column) {
        stack_.push_back(fields_.ref(columns_[op_.inputs[node.operand]][node.column]));
      } else if (is_time_op(node.op)) {
        stack_.push_back(time_part(node.op, fields_.ref(columns_[op_.inputs[node.operand]][0])));
      } else if (node.op == Op::select) {
        const PmmlTerm otherwise = as_number(pop()), then = as_number(pop()), condition = as_truth(pop());
        stack_.push_back(choice(condition, then, otherwise));
      } else if (expression_op_arity(node.op) == 2) {
        const PmmlTerm y = pop(), x = pop();
        stack_.push_back(two(node.op, x, y));
      } else {
        stack_.push_back(one(node.op, pop()));
      }
    }
    return as_number(pop());
  }

 private:
  static constexpr float missing = std::numeric_limits<float>::quiet_NaN();

  PmmlTerm pop() {
    PmmlTerm top = std::move(stack_.back());
    stack_.pop_back();
    return top;
  }
  PmmlTerm simple(const PmmlTerm& x) { return fields_.simple(as_number(x), step_); }
  PmmlTerm function(std::string_view name, const PmmlTerm& x, bool partial) {
    return function_of(fields_, name, as_number(x), partial, step_);
  }

  PmmlTerm one(Op op, const PmmlTerm& x) {
    switch (op) {
      case Op::negate:
        return arithmetic("*", number_constant(-1), as_number(x));
      case Op::absolute:
        return function("abs", x, false);
      case Op::square_root:
        return function("sqrt", x, true);
      case Op::exponential:
        return function("exp", x, false);
      case Op::logarithm:
        return function("ln", x, true);
      case Op::logarithm_1p:
        return function("ln1p", x, true);
      case Op::floor:
        return whole_number(fields_, "floor", as_number(x), step_);
      case Op::ceiling:
        return whole_number(fields_, "ceil", as_number(x), step_);
      case Op::round_half_even:
        return whole_number(fields_, "rint", as_number(x), step_);
      case Op::logical_not:
        return negation(as_truth(x));
      case Op::sql_not: {
        if (!x.may_be_missing) return negation(as_truth(x));
        const PmmlTerm value = simple(x);
        return choice(is_known(value), as_number(test("equal", value, number_constant(0))), number_constant(missing));
      }
      default:
        return is_missing(as_number(x));
    }
  }

  static PmmlTerm comparison(Op op, const PmmlTerm& x, const PmmlTerm& y) {
    return test(op == Op::less            ? "lessThan"
                : op == Op::less_equal    ? "lessOrEqual"
                : op == Op::greater       ? "greaterThan"
                : op == Op::greater_equal ? "greaterOrEqual"
                : op == Op::equal         ? "equal"
                                          : "notEqual",
                x, y);
  }

  // A comparison, AND or OR of SQL's three-valued logic.
  PmmlTerm sql(Op op, const PmmlTerm& a, const PmmlTerm& b) {
    const bool may_be_missing = a.may_be_missing || b.may_be_missing;
    if (is_sql_comparison(op)) {
      if (!may_be_missing) return comparison(two_valued(op), as_number(a), as_number(b));
      const PmmlTerm x = simple(a), y = simple(b);
      return choice(both("and", is_known(x), is_known(y)), as_number(comparison(two_valued(op), x, y)),
                    number_constant(missing));
    }
    const bool all = op == Op::sql_and;
    if (!may_be_missing) return both(all ? "and" : "or", as_truth(a), as_truth(b));
    const PmmlTerm x = simple(a), y = simple(b);
    const auto decides = [&](const PmmlTerm& side) {
      return all ? test("equal", side, number_constant(0)) : as_truth(side);
    };
    return choice(
        both("or", decides(x), decides(y)), number_constant(all ? 0 : 1),
        choice(both("and", is_known(x), is_known(y)), number_constant(all ? 1 : 0), number_constant(missing)));
  }

  PmmlTerm two(Op op, const PmmlTerm& a, const PmmlTerm& b) {
    if (is_sql_comparison(op) || op == Op::sql_and || op == Op::sql_or) return sql(op, a, b);
    if (op == Op::logical_and || op == Op::logical_or)
      return both(op == Op::logical_and ? "and" : "or", as_truth(a), as_truth(b));
    const PmmlTerm x = as_number(a), y = as_number(b);
    switch (op) {
      case Op::add:
        return arithmetic("+", x, y);
      case Op::subtract:
        return arithmetic("-", x, y);
      case Op::multiply:
        return arithmetic("*", x, y);
      case Op::divide:
        return arithmetic("/", x, y);
      case Op::power:
        return power(simple(x), simple(y));
      case Op::modulo: {
        const PmmlTerm left = simple(x), right = simple(y), ratio = simple(arithmetic("/", left, right));
        return arithmetic("-", left, arithmetic("*", right, whole_number(fields_, "floor", ratio, step_)));
      }
      case Op::minimum:
        return extreme("lessOrEqual", "lessThan", simple(x), simple(y));
      case Op::maximum:
        return extreme("greaterOrEqual", "greaterThan", simple(x), simple(y));
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
      case Op::equal:
      case Op::not_equal:
        return comparison(op, x, y);
      default: {  // coalesce
        const PmmlTerm value = simple(x);
        return value.may_be_missing ? choice(is_missing(value), y, value) : value;
      }
    }
  }

  // x if it wins or ties, y if it wins, else (a side is missing) missing.
  static PmmlTerm extreme(std::string_view wins_or_ties, std::string_view wins, const PmmlTerm& x, const PmmlTerm& y) {
    return choice(test(wins_or_ties, x, y), x, choice(test(wins, y, x), y, number_constant(missing)));
  }

  // C's pow: 1 for x = 1 or y = 0, even if the other is missing.
  static PmmlTerm power(const PmmlTerm& x, const PmmlTerm& y) {
    PmmlTerm result = {
        .xml = fmt::format("<Apply function=\"pow\" invalidValueTreatment=\"asMissing\">{}{}</Apply>", x.xml, y.xml),
        .reads = both("and", x, y).reads,
        .may_be_missing = true};
    if (x.may_be_missing || y.may_be_missing) {
      PmmlTerm known = x.may_be_missing ? is_known(x) : is_known(y);
      if (x.may_be_missing && y.may_be_missing) known = both("and", known, is_known(y));
      result = choice(known, result, number_constant(missing));
    }
    if (y.may_be_missing) result = choice(test("equal", x, number_constant(1)), number_constant(1), result);
    if (x.may_be_missing && !(y.constant && *y.constant != 0))
      result = choice(test("equal", y, number_constant(0)), number_constant(1), result);
    return result;
  }

  static std::string constant(double value) {
    return "<Constant dataType=\"double\">" + xml_number(value) + "</Constant>";
  }
  static std::string apply(std::string_view function, const std::string& x, const std::string& y) {
    return fmt::format("<Apply function=\"{}\">{}{}</Apply>", function, x, y);
  }
  static std::string floor_divide(const std::string& x, double by) {
    return "<Apply function=\"floor\">" + apply("/", x, constant(by)) + "</Apply>";
  }

  PmmlTerm time_part(Op op, const PmmlTerm& time) {
    const std::string second = "<Apply function=\"dateSecondsSinceMidnight\">" + time.xml + "</Apply>";
    const std::string days = apply("dateDaysSinceYear", time.xml, "<Constant dataType=\"integer\">1970</Constant>");
    PmmlTerm part = {.reads = time.reads};
    std::string_view type = "float";
    switch (op) {
      case Op::hour:
        part.xml = floor_divide(second, 3600);
        break;
      case Op::minute:
        part.xml = apply("modulo", floor_divide(second, 60), constant(60));
        break;
      case Op::second:
        part.xml = apply("modulo", second, constant(60));
        break;
      case Op::weekday:  // 1970-01-01 was a Thursday
        part.xml = apply("modulo", apply("+", days, constant(3)), constant(7));
        break;
      case Op::days_since_epoch:
        part.xml = days;
        break;
      default:
        part.xml = apply("formatDatetime", time.xml,
                         fmt::format("<Constant dataType=\"string\">%{}</Constant>", op == Op::day     ? 'd'
                                                                                     : op == Op::month ? 'm'
                                                                                                       : 'Y'));
        type = "integer";
    }
    if (time.may_be_missing) part = choice(is_known(time), part, number_constant(missing));
    // A field of its own turns text and whole numbers into the type that the formula goes on with.
    const PmmlTerm whole = fields_.ref(fields_.derive(step_, part, type));
    return type == "float"
               ? whole
               : fields_.ref(fields_.derive(
                     step_, {.xml = whole.xml, .reads = whole.reads, .may_be_missing = whole.may_be_missing}));
  }

  PmmlFields& fields_;
  const PmmlColumns& columns_;
  const model::Expression& op_;
  std::string step_;
  std::vector<PmmlTerm> stack_;
};

}  // namespace

PmmlTerm write_formula(PmmlFields& fields, const PmmlColumns& columns, const model::Expression& op,
                       const std::string& name) {
  return FormulaWriter(fields, columns, op, name).run();
}

}  // namespace slipway::package
