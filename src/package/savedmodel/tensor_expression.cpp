#include <fmt/format.h>

#include <slipway/base/time.hpp>

#include "tensor_operators.hpp"

namespace slipway::package {

namespace {

using model::ExpressionNode;
using Op = ExpressionNode::Op;

// Writes the nodes of a formula in postfix order. Numbers and truths stand on the stack as [N, 1] or scalar tensors.
class TensorExpressionWriter {
 public:
  TensorExpressionWriter(TensorGraph graph, const model::Expression& op, const std::vector<std::string>& inputs)
      : outer_(std::move(graph)), op_(op), inputs_(inputs) {}

  std::string run() {
    std::string rows;  // a truth per row, where a column was read
    for (std::size_t i = 0; i < op_.nodes.size(); ++i) {
      const ExpressionNode& node = op_.nodes[i];
      TensorGraph part = outer_.inside(fmt::format("{}_{}", i, expression_op_name(node.op)));
      if (node.op == Op::constant) {
        push(part.held_scalar("value", node.constant));
      } else if (node.op == Op::column) {
        push(part.column("value", inputs_[node.operand], static_cast<std::int32_t>(node.column)));
        if (rows.empty()) rows = part.add("IsNan", "rows", {stack_.back().tensor});
      } else if (is_time_op(node.op)) {
        push(time_part(part, node));
        if (rows.empty()) rows = part.add("IsNan", "rows", {stack_.back().tensor});
      } else if (node.op == Op::select) {
        const std::string otherwise = number(part), then = number(part), condition = truth(part);
        push(part.add("SelectV2", "result", {condition, then, otherwise}));
      } else if (expression_op_arity(node.op) == 2) {
        two(part, node.op);
      } else {
        one(part, node.op);
      }
    }
    const std::string result = number(outer_);
    if (rows.empty()) {  // constants only: the first input tells how many rows there are
      const bool time = std::ranges::any_of(op_.nodes, [](const ExpressionNode& node) { return is_time_op(node.op); });
      const std::string first = time ? outer_.expand("rows/column", inputs_[0], tensor_int64, 1)
                                     : outer_.column("rows/column", inputs_[0], 0);
      rows = outer_.add("IsNan", "rows", {first});
    }
    // A formula may end in a constant; the choice between equals has the shape of its condition.
    return outer_.add("SelectV2", "result", {rows, result, result});
  }

 private:
  struct Entry {
    std::string tensor;
    bool is_truth = false;  // a tensor of booleans
  };

  void push(std::string tensor, bool is_truth = false) { stack_.push_back({std::move(tensor), is_truth}); }
  Entry pop() {
    Entry top = std::move(stack_.back());
    stack_.pop_back();
    return top;
  }
  std::string fresh(std::string_view what) { return fmt::format("{}_{}", what, ++made_); }

  // The top of the stack as a number (1 or 0 for a truth), or as a truth (nonzero and not missing).
  std::string number(TensorGraph& part) {
    const Entry top = pop();
    return top.is_truth ? part.cast(fresh("number"), top.tensor, tensor_bool, tensor_float) : top.tensor;
  }
  std::string truth(TensorGraph& part) {
    const Entry top = pop();
    if (top.is_truth) return top.tensor;
    const std::string size = part.add("Abs", fresh("size"), {top.tensor});
    return part.add("Greater", fresh("truth"), {size, part.scalar(fresh("zero"), 0)});
  }

  void one(TensorGraph& part, Op op) {
    if (op == Op::logical_not) {
      const std::string x = truth(part);
      // TensorFlow's optimiser takes LogicalNot of x > 0 for x <= 0, which is wrong where x is missing.
      const std::string zero = part.scalar("zero", 0), number_of_x = part.cast("number", x, tensor_bool, tensor_float);
      return push(part.equal("result", number_of_x, zero), true);
    }
    const std::string x = number(part);
    if (op == Op::sql_not) {
      const std::string is_false = part.equal("false", x, part.scalar("zero", 0));
      const std::string value = part.cast("value", is_false, tensor_bool, tensor_float);
      return push(part.add("SelectV2", "result", {part.add("IsNan", "missing", {x}), x, value}));
    }
    switch (op) {
      case Op::negate:
        return push(part.add("Neg", "result", {x}));
      case Op::absolute:
        return push(part.add("Abs", "result", {x}));
      case Op::square_root:
        return push(part.add("Sqrt", "result", {x}));
      case Op::exponential:
        return push(part.add("Exp", "result", {x}));
      case Op::logarithm:
        return push(part.add("Log", "result", {x}));
      case Op::logarithm_1p:
        return push(part.add("Log1p", "result", {x}));
      case Op::floor:
        return push(part.add("Floor", "result", {x}));
      case Op::ceiling:
        return push(part.add("Ceil", "result", {x}));
      case Op::round_half_even:
        return push(part.add("Rint", "result", {x}));
      default:
        return push(part.add("IsNan", "result", {x}), true);
    }
  }

  void two(TensorGraph& part, Op op) {
    if (op == Op::logical_and || op == Op::logical_or) {
      const std::string y = truth(part), x = truth(part);
      return push(part.add(op == Op::logical_and ? "LogicalAnd" : "LogicalOr", "result", {x, y}, {}), true);
    }
    const std::string y = number(part), x = number(part);
    if (is_sql_comparison(op)) {
      const std::string test = comparison(part, two_valued(op), x, y);
      const std::string value = part.cast("value", test, tensor_bool, tensor_float);
      return push(part.add("SelectV2", "result", {unknown(part, x, y), missing_number(part), value}));
    }
    switch (op) {
      case Op::sql_and:
      case Op::sql_or:
        return push(junction(part, op == Op::sql_and, x, y));
      case Op::add:
        return push(part.add("AddV2", "result", {x, y}));
      case Op::subtract:
        return push(part.add("Sub", "result", {x, y}));
      case Op::multiply:
        return push(part.add("Mul", "result", {x, y}));
      case Op::divide:
        return push(part.add("RealDiv", "result", {x, y}));
      case Op::power:
        return push(part.add("Pow", "result", {x, y}));
      case Op::modulo: {
        const std::string turns = part.add("Floor", "turns", {part.add("RealDiv", "ratio", {x, y})});
        return push(part.add("Sub", "result", {x, part.add("Mul", "whole", {y, turns})}));
      }
      case Op::minimum:
        return push(extreme(part, "LessEqual", "Less", x, y));
      case Op::maximum:
        return push(extreme(part, "GreaterEqual", "Greater", x, y));
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
      case Op::equal:
      case Op::not_equal:
        return push(comparison(part, op, x, y), true);
      default:
        return push(part.add("SelectV2", "result", {part.add("IsNan", "missing", {x}), y, x}));
    }
  }

  static std::string missing_number(TensorGraph& part) {
    return part.scalar("missing", std::numeric_limits<float>::quiet_NaN());
  }
  // Whether a side is missing.
  static std::string unknown(TensorGraph& part, const std::string& x, const std::string& y) {
    const std::string left = part.add("IsNan", "left/missing", {x}), right = part.add("IsNan", "right/missing", {y});
    return part.add("LogicalOr", "unknown", {left, right}, {});
  }

  // As truths: false where a side is missing.
  static std::string comparison(TensorGraph& part, Op op, const std::string& x, const std::string& y) {
    switch (op) {
      case Op::less:
        return part.add("Less", "test", {x, y});
      case Op::less_equal:
        return part.add("LessEqual", "test", {x, y});
      case Op::greater:
        return part.add("Greater", "test", {x, y});
      case Op::greater_equal:
        return part.add("GreaterEqual", "test", {x, y});
      case Op::equal:
        return part.equal("test", x, y);
      default: {  // not_equal
        const std::string below = part.add("Less", "below", {x, y});
        return part.add("LogicalOr", "test", {below, part.add("Greater", "above", {x, y})}, {});
      }
    }
  }

  // SQL's AND (`all`) or OR: a side that decides, else missing where a side is.
  static std::string junction(TensorGraph& part, bool all, const std::string& x, const std::string& y) {
    const std::string zero = part.scalar("zero", 0);
    const auto decides = [&](const std::string& name, const std::string& side) {
      if (all) return part.equal(name, side, zero);
      return part.add("Greater", name, {part.add("Abs", name + "/size", {side}), zero});
    };
    const std::string decided =
        part.add("LogicalOr", "decided", {decides("left/decides", x), decides("right/decides", y)}, {});
    const std::string other = part.add(
        "SelectV2", "other", {unknown(part, x, y), missing_number(part), part.scalar("undecided", all ? 1.0F : 0.0F)});
    return part.add("SelectV2", "result", {decided, part.scalar("decision", all ? 0.0F : 1.0F), other});
  }

  // x if it wins or ties, y if it wins, else (a side is missing) missing.
  static std::string extreme(TensorGraph& part, std::string_view wins_or_ties, std::string_view wins,
                             const std::string& x, const std::string& y) {
    const std::string missing = missing_number(part);
    const std::string second = part.add("SelectV2", "second", {part.add(wins, "second/wins", {y, x}), y, missing});
    return part.add("SelectV2", "result", {part.add(wins_or_ties, "first/wins", {x, y}), x, second});
  }

  // Whole-number arithmetic; FloorDiv and FloorMod round towards minus infinity.
  static std::string with(TensorGraph& part, std::string_view operation, std::string_view name, const std::string& x,
                          std::int64_t by) {
    return part.add(operation, name, {x, part.int64(std::string(name) + "/by", by)}, tensor_int64);
  }
  static std::string floor_divide(TensorGraph& part, std::string_view name, const std::string& x, std::int64_t by) {
    return with(part, "FloorDiv", name, x, by);
  }

  std::string time_part(TensorGraph& part, const ExpressionNode& node) {
    const std::string seconds = part.expand("seconds", inputs_[node.operand], tensor_int64, 1);
    const std::string missing = part.equal("missing", seconds, part.int64("missing/time", missing_time), tensor_int64);
    std::string whole;
    switch (node.op) {
      case Op::hour:
        whole = floor_divide(part, "hour", with(part, "FloorMod", "second_of_day", seconds, 86400), 3600);
        break;
      case Op::minute:
        whole = with(part, "FloorMod", "minute", floor_divide(part, "minutes", seconds, 60), 60);
        break;
      case Op::second:
        whole = with(part, "FloorMod", "second", seconds, 60);
        break;
      case Op::weekday: {
        const std::string days = floor_divide(part, "days", seconds, 86400);
        whole = with(part, "FloorMod", "weekday", with(part, "AddV2", "from_monday", days, 3), 7);
        break;
      }
      case Op::days_since_epoch:
        whole = floor_divide(part, "days", seconds, 86400);
        break;
      default:
        whole = civil(part, node.op, floor_divide(part, "days", seconds, 86400));
    }
    const std::string value = part.cast("value", whole, tensor_int64, tensor_float);
    const std::string none = part.scalar("missing/number", std::numeric_limits<float>::quiet_NaN());
    return part.add("SelectV2", "result", {missing, none, value});
  }

  // Day, month or year of a day number. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
  static std::string civil(TensorGraph& part, Op op, const std::string& days) {
    const auto subtract = [&](std::string_view name, const std::string& x, const std::string& y) {
      return part.add("Sub", name, {x, y}, tensor_int64);
    };
    const auto add = [&](std::string_view name, const std::string& x, const std::string& y) {
      return part.add("AddV2", name, {x, y}, tensor_int64);
    };
    const std::string z = with(part, "AddV2", "z", days, 719468);
    const std::string era = floor_divide(part, "era", z, 146097);
    const std::string day_of_era = with(part, "FloorMod", "day_of_era", z, 146097);
    const std::string leap1 = subtract("leap1", day_of_era, floor_divide(part, "leap1/days", day_of_era, 1460));
    const std::string leap2 = add("leap2", leap1, floor_divide(part, "leap2/days", day_of_era, 36524));
    const std::string leap3 = subtract("leap3", leap2, floor_divide(part, "leap3/days", day_of_era, 146096));
    const std::string year_of_era = floor_divide(part, "year_of_era", leap3, 365);
    const std::string start1 = with(part, "Mul", "start1", year_of_era, 365);
    const std::string start2 = add("start2", start1, floor_divide(part, "start2/leap", year_of_era, 4));
    const std::string start3 = subtract("start3", start2, floor_divide(part, "start3/leap", year_of_era, 100));
    const std::string day_of_year = subtract("day_of_year", day_of_era, start3);
    const std::string five = with(part, "AddV2", "march/sum", with(part, "Mul", "march/days", day_of_year, 5), 2);
    const std::string march = floor_divide(part, "march", five, 153);
    if (op == Op::day) {
      const std::string sum = with(part, "AddV2", "before/sum", with(part, "Mul", "before/days", march, 153), 2);
      return with(part, "AddV2", "day", subtract("day/from", day_of_year, floor_divide(part, "before", sum, 5)), 1);
    }
    const std::string month =
        with(part, "AddV2", "month",
             with(part, "FloorMod", "month/turn", with(part, "AddV2", "month/from", march, 2), 12), 1);
    if (op == Op::month) return month;
    const std::string year = add("year/march", year_of_era, with(part, "Mul", "year/era", era, 400));
    const std::string early = part.add("Less", "year/early", {month, part.int64("year/three", 3)}, tensor_int64);
    return add("year", year, part.cast("year/next", early, tensor_bool, tensor_int64));
  }

  TensorGraph outer_;
  const model::Expression& op_;
  const std::vector<std::string>& inputs_;
  std::vector<Entry> stack_;
  int made_ = 0;
};

}  // namespace

std::string write_tensor_expression(TensorGraph graph, const model::Expression& op,
                                    const std::vector<std::string>& inputs) {
  return TensorExpressionWriter(std::move(graph), op, inputs).run();
}

}  // namespace slipway::package
