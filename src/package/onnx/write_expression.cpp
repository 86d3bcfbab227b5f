#include <slipway/base/time.hpp>

#include "write_operators.hpp"

namespace slipway::package {

namespace {

using model::ExpressionNode;
using Op = ExpressionNode::Op;

// Writes the nodes of a formula in postfix order (a formula reads at least one column, so its result has a row for
// each), keeping the names of the tensors on the stack. Node i's parts are named "i/operation/...".
class ExpressionWriter {
 public:
  ExpressionWriter(PartWriter& writer, const model::Expression& op, const std::vector<std::string>& inputs)
      : outer_(writer), op_(op), inputs_(inputs) {}

  void run() {
    for (std::size_t i = 0; i < op_.nodes.size(); ++i) {
      const ExpressionNode& node = op_.nodes[i];
      PartWriter part = outer_.inside(fmt::format("{}/{}", i, expression_op_name(node.op)));
      std::string made;
      if (node.op == Op::constant) {
        made = part.scalar("value", node.constant);
      } else if (node.op == Op::column) {
        made = part.column(std::to_string(node.operand), inputs_[node.operand], node.column);
      } else if (is_time_op(node.op)) {
        made = time_part(part, node);
      } else if (node.op == Op::select) {
        const std::string otherwise = pop(), then = pop(), condition = pop();
        made = part.add("Where", "result", {truth(part, "condition", condition), then, otherwise});
      } else if (expression_op_arity(node.op) == 2) {
        const std::string right = pop(), left = pop();
        made = two(part, node.op, left, right);
      } else {
        made = one(part, node.op, pop());
      }
      stack_.push_back(std::move(made));
    }
  }

 private:
  std::string pop() {
    std::string top = std::move(stack_.back());
    stack_.pop_back();
    return top;
  }

  // Nonzero and not missing: |x| > 0.
  std::string truth(PartWriter& part, std::string_view name, const std::string& x) {
    const std::string prefix(name);
    return part.add("Greater", prefix + "/true",
                    {part.add("Abs", prefix + "/size", {x}), part.scalar(prefix + "/zero", 0)});
  }

  std::string number(PartWriter& part, const std::string& condition) {
    return part.cast("result", condition, element_float);
  }

  std::string one(PartWriter& part, Op op, const std::string& x) {
    switch (op) {
      case Op::negate:
        return part.add("Neg", "result", {x});
      case Op::absolute:
        return part.add("Abs", "result", {x});
      case Op::square_root:
        return part.add("Sqrt", "result", {x});
      case Op::exponential:
        return part.add("Exp", "result", {x});
      case Op::logarithm:
        return part.add("Log", "result", {x});
      case Op::logarithm_1p:
        return logarithm_1p(part, x);
      case Op::floor:
        return part.add("Floor", "result", {x});
      case Op::ceiling:
        return part.add("Ceil", "result", {x});
      case Op::round_half_even:
        return part.add("Round", "result", {x});
      case Op::logical_not:
        return number(part, part.add("Not", "not", {truth(part, "x", x)}));
      case Op::sql_not:
        return part.add("Where", "result",
                        {part.add("IsNaN", "missing", {x}), x,
                         part.cast("value", part.add("Not", "not", {truth(part, "x", x)}), element_float)});
      default:
        return number(part, part.add("IsNaN", "missing", {x}));
    }
  }

  // u = 1 + x; log(u) * x / (u - 1), but x where u is 1 and u where it is infinite (Kahan's way; within two roundings).
  std::string logarithm_1p(PartWriter& part, const std::string& x) {
    const std::string unit = part.scalar("one", 1);
    const std::string u = part.add("Add", "u", {x, unit});
    const std::string ratio = part.add("Div", "ratio", {x, part.add("Sub", "step", {u, unit})});
    const std::string exact = part.add("Mul", "exact", {part.add("Log", "log", {u}), ratio});
    const std::string finite =
        part.add("Where", "finite",
                 {part.add("Equal", "infinite", {u, part.scalar("infinity", std::numeric_limits<float>::infinity())}),
                  u, exact});
    return part.add("Where", "result", {part.add("Equal", "tiny", {u, unit}), x, finite});
  }

  // What the two-valued comparison says, or missing where a side is.
  std::string sql_comparison(PartWriter& part, Op op, const std::string& x, const std::string& y) {
    const std::string either = unknown(part, x, y);
    const std::string value = part.cast("value", comparison(part, op, x, y), element_float);
    return part.add("Where", "result", {either, missing_number(part), value});
  }

  static std::string missing_number(PartWriter& part) {
    return part.scalar("missing", std::numeric_limits<float>::quiet_NaN());
  }
  // Whether a side is missing.
  static std::string unknown(PartWriter& part, const std::string& x, const std::string& y) {
    return part.add("Or", "unknown", {part.add("IsNaN", "left/missing", {x}), part.add("IsNaN", "right/missing", {y})});
  }

  // A truth that decides: 0 for and, 1 for or; else missing where a side is.
  std::string sql_junction(PartWriter& part, Op op, const std::string& x, const std::string& y) {
    const bool both = op == Op::sql_and;
    const auto decides = [&](std::string_view name, const std::string& side) {
      if (!both) return truth(part, name, side);
      return part.add("Equal", std::string(name) + "/false", {side, part.scalar(std::string(name) + "/zero", 0)});
    };
    const std::string decided = part.add("Or", "decided", {decides("left", x), decides("right", y)});
    const std::string other = part.add(
        "Where", "other", {unknown(part, x, y), missing_number(part), part.scalar("undecided", both ? 1.0F : 0.0F)});
    return part.add("Where", "result", {decided, part.scalar("decision", both ? 0.0F : 1.0F), other});
  }

  // As truths: 0 where a side is missing.
  static std::string comparison(PartWriter& part, Op op, const std::string& x, const std::string& y) {
    switch (op) {
      case Op::less:
        return part.add("Less", "test", {x, y});
      case Op::less_equal:
        return part.add("LessOrEqual", "test", {x, y});
      case Op::greater:
        return part.add("Greater", "test", {x, y});
      case Op::greater_equal:
        return part.add("GreaterOrEqual", "test", {x, y});
      case Op::equal:
        return part.add("Equal", "test", {x, y});
      default: {  // not_equal
        const std::string below = part.add("Less", "below", {x, y});
        return part.add("Or", "test", {below, part.add("Greater", "above", {x, y})});
      }
    }
  }

  std::string two(PartWriter& part, Op op, const std::string& x, const std::string& y) {
    if (is_sql_comparison(op)) return sql_comparison(part, two_valued(op), x, y);
    switch (op) {
      case Op::sql_and:
      case Op::sql_or:
        return sql_junction(part, op, x, y);
      case Op::add:
        return part.add("Add", "result", {x, y});
      case Op::subtract:
        return part.add("Sub", "result", {x, y});
      case Op::multiply:
        return part.add("Mul", "result", {x, y});
      case Op::divide:
        return part.add("Div", "result", {x, y});
      case Op::power:
        return part.add("Pow", "result", {x, y});
      case Op::modulo: {
        const std::string turns = part.add("Floor", "turns", {part.add("Div", "ratio", {x, y})});
        return part.add("Sub", "result", {x, part.add("Mul", "whole", {y, turns})});
      }
      case Op::minimum:
        return extreme(part, "LessOrEqual", "Less", x, y);
      case Op::maximum:
        return extreme(part, "GreaterOrEqual", "Greater", x, y);
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
      case Op::equal:
      case Op::not_equal:
        return number(part, comparison(part, op, x, y));
      case Op::logical_and:
      case Op::logical_or: {
        const std::string left = truth(part, "left", x);
        return number(part, part.add(op == Op::logical_and ? "And" : "Or", "both", {left, truth(part, "right", y)}));
      }
      default:
        return part.add("Where", "result", {part.add("IsNaN", "missing", {x}), y, x});
    }
  }

  // x if x wins or ties, y if y wins, else (a side is missing) missing: Min and Max treat NaN differently between
  // runtimes.
  std::string extreme(PartWriter& part, std::string_view wins_or_ties, std::string_view wins, const std::string& x,
                      const std::string& y) {
    const std::string second =
        part.add("Where", "second", {part.add(wins, "second/wins", {y, x}), y, missing_number(part)});
    return part.add("Where", "result", {part.add(wins_or_ties, "first/wins", {x, y}), x, second});
  }

  // Whole-number helpers. divide_down rounds towards minus infinity (Div rounds towards zero); no overflow for any
  // input.
  std::string divide(PartWriter& part, std::string_view name, const std::string& x, std::int64_t by) {
    return part.add("Div", name, {x, part.integer(std::string(name) + "/by", by)});
  }
  std::string multiply(PartWriter& part, std::string_view name, const std::string& x, std::int64_t by) {
    return part.add("Mul", name, {x, part.integer(std::string(name) + "/by", by)});
  }
  std::string shift(PartWriter& part, std::string_view name, const std::string& x, std::int64_t by) {
    return part.add("Add", name, {x, part.integer(std::string(name) + "/by", by)});
  }
  std::string divide_down(PartWriter& part, std::string_view name, const std::string& x, std::int64_t by) {
    const std::string prefix(name);
    const std::string cut = divide(part, prefix + "/cut", x, by);
    const std::string rest = part.add("Sub", prefix + "/rest", {x, multiply(part, prefix + "/whole", cut, by)});
    const std::string negative = part.add("Less", prefix + "/negative", {rest, part.integer(prefix + "/zero", 0)});
    return part.add("Sub", prefix, {cut, part.cast(prefix + "/one", negative, element_int64)});
  }
  std::string remainder_of(PartWriter& part, std::string_view name, const std::string& x, const std::string& quotient,
                           std::int64_t by) {
    return part.add("Sub", name, {x, multiply(part, std::string(name) + "/whole", quotient, by)});
  }

  std::string time_part(PartWriter& part, const ExpressionNode& node) {
    const std::string& seconds = inputs_[node.operand];
    const std::string days = divide_down(part, "days", seconds, 86400);
    std::string whole;
    switch (node.op) {
      case Op::hour:
        whole = divide(part, "hour", remainder_of(part, "second_of_day", seconds, days, 86400), 3600);
        break;
      case Op::minute: {
        const std::string minutes =
            divide(part, "minute_of_day", remainder_of(part, "second_of_day", seconds, days, 86400), 60);
        whole = remainder_of(part, "minute", minutes, divide(part, "hour", minutes, 60), 60);
        break;
      }
      case Op::second: {
        const std::string second = remainder_of(part, "second_of_day", seconds, days, 86400);
        whole = remainder_of(part, "second", second, divide(part, "minute_of_day", second, 60), 60);
        break;
      }
      case Op::weekday: {
        const std::string shifted = shift(part, "from_monday", days, 3);
        whole = remainder_of(part, "weekday", shifted, divide_down(part, "weeks", shifted, 7), 7);
        break;
      }
      case Op::days_since_epoch:
        whole = days;
        break;
      default:
        whole = civil(part, node.op, days);
    }
    const std::string missing = part.add("Equal", "missing", {seconds, part.integer("missing/time", missing_time)});
    const std::string value = part.cast("value", whole, element_float);
    return part.add("Where", std::to_string(node.operand),
                    {missing, part.scalar("missing/number", std::numeric_limits<float>::quiet_NaN()), value});
  }

  // Day, month or year of a day number. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
  std::string civil(PartWriter& part, Op op, const std::string& days) {
    const std::string z = shift(part, "z", days, 719468);
    const std::string era = divide_down(part, "era", z, 146097);
    const std::string day_of_era = remainder_of(part, "day_of_era", z, era, 146097);
    const std::string leap1 = part.add("Sub", "leap1", {day_of_era, divide(part, "leap1/days", day_of_era, 1460)});
    const std::string leap2 = part.add("Add", "leap2", {leap1, divide(part, "leap2/days", day_of_era, 36524)});
    const std::string leap3 = part.add("Sub", "leap3", {leap2, divide(part, "leap3/days", day_of_era, 146096)});
    const std::string year_of_era = divide(part, "year_of_era", leap3, 365);
    const std::string start1 = multiply(part, "start1", year_of_era, 365);
    const std::string start2 = part.add("Add", "start2", {start1, divide(part, "start2/leap", year_of_era, 4)});
    const std::string start3 = part.add("Sub", "start3", {start2, divide(part, "start3/leap", year_of_era, 100)});
    const std::string day_of_year = part.add("Sub", "day_of_year", {day_of_era, start3});
    const std::string march =
        divide(part, "march", shift(part, "march/sum", multiply(part, "march/days", day_of_year, 5), 2), 153);
    if (op == Op::day) {
      const std::string before =
          divide(part, "before", shift(part, "before/sum", multiply(part, "before/days", march, 153), 2), 5);
      return shift(part, "day", part.add("Sub", "day/from", {day_of_year, before}), 1);
    }
    const std::string late = part.add("Less", "late", {march, part.integer("late/ten", 10)});
    const std::string month =
        part.add("Where", "month", {late, shift(part, "month/plus", march, 3), shift(part, "month/minus", march, -9)});
    if (op == Op::month) return month;
    const std::string year = part.add("Add", "year/march", {year_of_era, multiply(part, "year/era", era, 400)});
    const std::string next =
        part.cast("year/next", part.add("Less", "year/early", {month, part.integer("year/three", 3)}), element_int64);
    return part.add("Add", "year", {year, next});
  }

  PartWriter& outer_;
  const model::Expression& op_;
  const std::vector<std::string>& inputs_;
  std::vector<std::string> stack_;
};

}  // namespace

void write_expression(PartWriter& writer, const model::Expression& op, const std::vector<std::string>& inputs) {
  ExpressionWriter(writer, op, inputs).run();
}

}  // namespace slipway::package
