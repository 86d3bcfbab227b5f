// Formulas, a block of rows at a time: every node works on whole columns of a stack.
#include <slipway/base/time.hpp>

#include "step.hpp"

namespace slipway::engine {

namespace {

using Op = model::ExpressionNode::Op;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

bool is_true(float x) { return std::fabs(x) > 0; }
float truth(bool value) { return value ? 1.0F : 0.0F; }

template <class Function>
void map_one(float* x, std::size_t n, Function function) {
  for (std::size_t r = 0; r < n; ++r) x[r] = function(x[r]);
}

template <class Function>
void map_two(float* x, const float* y, std::size_t n, Function function) {
  for (std::size_t r = 0; r < n; ++r) x[r] = function(x[r], y[r]);
}

void one_operand(Op op, float* x, std::size_t n) {
  switch (op) {
    case Op::negate:
      return map_one(x, n, [](float a) { return -a; });
    case Op::absolute:
      return map_one(x, n, [](float a) { return std::fabs(a); });
    case Op::square_root:
      return map_one(x, n, [](float a) { return std::sqrt(a); });
    case Op::exponential:
      return map_one(x, n, [](float a) { return std::exp(a); });
    case Op::logarithm:
      return map_one(x, n, [](float a) { return std::log(a); });
    case Op::logarithm_1p:
      return map_one(x, n, [](float a) { return std::log1p(a); });
    case Op::floor:
      return map_one(x, n, [](float a) { return std::floor(a); });
    case Op::ceiling:
      return map_one(x, n, [](float a) { return std::ceil(a); });
    case Op::round_half_even:
      return map_one(x, n, [](float a) { return std::nearbyint(a); });
    case Op::logical_not:
      return map_one(x, n, [](float a) { return truth(!is_true(a)); });
    case Op::sql_not:
      return map_one(x, n, [](float a) { return std::isnan(a) ? missing : truth(!is_true(a)); });
    default:
      return map_one(x, n, [](float a) { return truth(std::isnan(a)); });
  }
}

// Missing where a side is.
template <class Test>
void compare(float* x, const float* y, std::size_t n, Test test) {
  map_two(x, y, n, [test](float a, float b) { return std::isnan(a) || std::isnan(b) ? missing : truth(test(a, b)); });
}

void two_operands(Op op, float* x, const float* y, std::size_t n) {
  switch (op) {
    case Op::sql_less:
      return compare(x, y, n, [](float a, float b) { return a < b; });
    case Op::sql_less_equal:
      return compare(x, y, n, [](float a, float b) { return a <= b; });
    case Op::sql_greater:
      return compare(x, y, n, [](float a, float b) { return a > b; });
    case Op::sql_greater_equal:
      return compare(x, y, n, [](float a, float b) { return a >= b; });
    case Op::sql_equal:
      return compare(x, y, n, [](float a, float b) { return a == b; });
    case Op::sql_not_equal:
      return compare(x, y, n, [](float a, float b) { return a < b || a > b; });
    case Op::sql_and:
      return map_two(x, y, n, [](float a, float b) {
        return a == 0 || b == 0 ? 0.0F : std::isnan(a) || std::isnan(b) ? missing : 1.0F;
      });
    case Op::sql_or:
      return map_two(x, y, n, [](float a, float b) {
        return is_true(a) || is_true(b) ? 1.0F : std::isnan(a) || std::isnan(b) ? missing : 0.0F;
      });
    case Op::add:
      return map_two(x, y, n, [](float a, float b) { return a + b; });
    case Op::subtract:
      return map_two(x, y, n, [](float a, float b) { return a - b; });
    case Op::multiply:
      return map_two(x, y, n, [](float a, float b) { return a * b; });
    case Op::divide:
      return map_two(x, y, n, [](float a, float b) { return a / b; });
    case Op::minimum:
      return map_two(x, y, n, [](float a, float b) { return a <= b ? a : b < a ? b : missing; });
    case Op::maximum:
      return map_two(x, y, n, [](float a, float b) { return a >= b ? a : b > a ? b : missing; });
    case Op::power:
      return map_two(x, y, n, [](float a, float b) { return std::pow(a, b); });
    case Op::modulo:
      return map_two(x, y, n, [](float a, float b) { return a - b * std::floor(a / b); });
    case Op::less:
      return map_two(x, y, n, [](float a, float b) { return truth(a < b); });
    case Op::less_equal:
      return map_two(x, y, n, [](float a, float b) { return truth(a <= b); });
    case Op::greater:
      return map_two(x, y, n, [](float a, float b) { return truth(a > b); });
    case Op::greater_equal:
      return map_two(x, y, n, [](float a, float b) { return truth(a >= b); });
    case Op::equal:
      return map_two(x, y, n, [](float a, float b) { return truth(a == b); });
    case Op::not_equal:
      return map_two(x, y, n, [](float a, float b) { return truth(a < b || a > b); });
    case Op::logical_and:
      return map_two(x, y, n, [](float a, float b) { return truth(is_true(a) && is_true(b)); });
    case Op::logical_or:
      return map_two(x, y, n, [](float a, float b) { return truth(is_true(a) || is_true(b)); });
    default:
      return map_two(x, y, n, [](float a, float b) { return std::isnan(a) ? b : a; });
  }
}

struct Division {
  std::int64_t quotient, remainder;
};
Division divide_down(std::int64_t a, std::int64_t b) {
  Division d{a / b, a % b};
  if (d.remainder < 0) {
    d.quotient -= 1;
    d.remainder += b;
  }
  return d;
}

float time_part(Op op, std::int64_t seconds) {
  if (seconds == missing_time) return missing;
  const Division day = divide_down(seconds, 86400);
  switch (op) {
    case Op::hour:
      return static_cast<float>(day.remainder / 3600);
    case Op::minute:
      return static_cast<float>(day.remainder / 60 % 60);
    case Op::second:
      return static_cast<float>(day.remainder % 60);
    case Op::weekday:
      return static_cast<float>(divide_down(day.quotient + 3, 7).remainder);
    case Op::day:
      return static_cast<float>(civil_from_days(day.quotient).day);
    case Op::month:
      return static_cast<float>(civil_from_days(day.quotient).month);
    case Op::year:
      return static_cast<float>(civil_from_days(day.quotient).year);
    default:
      return static_cast<float>(day.quotient);
  }
}

class FormulaStep : public Step {
 public:
  explicit FormulaStep(const model::Expression& op) : op_(op) {}

  void run(const Workspace& workspace, float* out) const override {
    const std::size_t n = workspace.rows;
    float* top = workspace.stack;  // one past the highest column
    for (const model::ExpressionNode& node : op_.nodes) {
      const int taken = expression_op_arity(node.op);
      if (taken == 0) {
        push(workspace, node, top);
        top += n;
      } else if (taken == 1) {
        one_operand(node.op, top - n, n);
      } else if (taken == 2) {
        top -= n;
        two_operands(node.op, top - n, top, n);
      } else {
        top -= 2 * n;
        float* condition = top - n;
        for (std::size_t r = 0; r < n; ++r) condition[r] = is_true(condition[r]) ? top[r] : top[n + r];
      }
    }
    std::memcpy(out, workspace.stack, n * sizeof(float));
  }

 private:
  void push(const Workspace& workspace, const model::ExpressionNode& node, float* to) const {
    const std::size_t n = workspace.rows;
    if (node.op == Op::constant) {
      std::fill(to, to + n, node.constant);
    } else if (node.op == Op::column) {
      std::memcpy(to, workspace.values[op_.inputs[node.operand]] + node.column * n, n * sizeof(float));
    } else {
      const auto& times = std::get<model::TimeView>(workspace.batch->columns[op_.inputs[node.operand]]);
      for (std::size_t r = 0; r < n; ++r) to[r] = time_part(node.op, times[workspace.begin + r]);
    }
  }
  model::Expression op_;
};

}  // namespace

std::unique_ptr<Step> make_formula(const model::Expression& op) { return std::make_unique<FormulaStep>(op); }

}  // namespace slipway::engine
