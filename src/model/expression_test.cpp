#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/time.hpp>
#include <slipway/model/expression.hpp>

#include "expression_evaluation.hpp"

namespace slipway::model {
namespace {

using ::testing::HasSubstr;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

const std::vector<ExpressionColumn>& columns() {
  static const std::vector<ExpressionColumn> all = {
      {"amount", ValueKind::numbers},  {"num_transactions", ValueKind::numbers},
      {"missing", ValueKind::numbers}, {"timestamp", ValueKind::time},
      {"state", ValueKind::text},      {"odd \"name\"", ValueKind::numbers},
      {"größe", ValueKind::numbers}};
  return all;
}

// Evaluates a formula where amount = 7.5, num_transactions = 2, missing = NaN, odd "name" = -3, größe = 4.
float evaluate(std::string_view text, std::int64_t time = 0) {
  const auto parsed = parse_expression(text, columns());
  if (!parsed.ok()) {
    ADD_FAILURE() << text << ": " << parsed.error().message();
    return -999;
  }
  EXPECT_TRUE(expression_stack_size(parsed->nodes).ok());
  static const float numbers[] = {7.5F, 2.0F, nan, 0.0F, 0.0F, -3.0F, 4.0F};
  std::vector<FormulaOperand> operands;
  for (const std::uint32_t column : parsed->columns) operands.push_back({std::span(&numbers[column], 1), time});
  return evaluate_expression(parsed->nodes, operands);
}

std::string error_of(std::string_view text) {
  const auto parsed = parse_expression(text, columns());
  return parsed.ok() ? "no error" : parsed.error().message();
}

TEST(ParseExpression, Arithmetic) {
  EXPECT_EQ(evaluate("amount / (num_transactions + 1)"), 2.5F);
  EXPECT_EQ(evaluate("amount - 2 - 3"), 2.5F);
  EXPECT_EQ(evaluate("1 + 2 * num_transactions"), 5.0F);
  EXPECT_EQ(evaluate("-num_transactions * - -3"), -6.0F);
  EXPECT_EQ(evaluate("amount % num_transactions"), 1.5F);
  EXPECT_EQ(evaluate("\"odd \"\"name\"\"\" % num_transactions"), 1.0F);
  EXPECT_EQ(evaluate("mod(-7, num_transactions)"), 1.0F);
  EXPECT_EQ(evaluate("1.5e1 + .5 + amount * 0"), 15.5F);
  EXPECT_EQ(evaluate("größe + 1"), 5.0F);
  EXPECT_EQ(evaluate("amount / 0"), infinity);
  EXPECT_TRUE(std::isnan(evaluate("missing + amount")));
}

TEST(ParseExpression, Functions) {
  EXPECT_EQ(evaluate("abs(\"odd \"\"name\"\"\")"), 3.0F);
  EXPECT_EQ(evaluate("SQRT(größe)"), 2.0F);
  EXPECT_EQ(evaluate("exp(amount - 7.5)"), 1.0F);
  EXPECT_FLOAT_EQ(evaluate("ln(num_transactions)"), 0.69314718F);
  EXPECT_FLOAT_EQ(evaluate("log1p(num_transactions)"), 1.0986123F);
  EXPECT_EQ(evaluate("floor(-amount)"), -8.0F);
  EXPECT_EQ(evaluate("ceil(-amount)"), -7.0F);
  EXPECT_EQ(evaluate("round(amount)"), 8.0F);
  EXPECT_EQ(evaluate("round(amount - 1)"), 6.0F);  // 6.5, half to even
  EXPECT_EQ(evaluate("least(amount, 3, num_transactions)"), 2.0F);
  EXPECT_EQ(evaluate("greatest(1, amount, num_transactions)"), 7.5F);
  EXPECT_TRUE(std::isnan(evaluate("least(missing, 3)")));
  EXPECT_EQ(evaluate("power(num_transactions, 10)"), 1024.0F);
  EXPECT_EQ(evaluate("coalesce(missing, missing, amount, 3)"), 7.5F);
  EXPECT_EQ(evaluate("coalesce(amount)"), 7.5F);
}

TEST(ParseExpression, Conditions) {
  EXPECT_EQ(evaluate("amount > 7 AND num_transactions <> 3"), 1.0F);
  EXPECT_EQ(evaluate("amount < 7 or num_transactions = 2"), 1.0F);
  EXPECT_EQ(evaluate("not amount > 7"), 0.0F);
  EXPECT_EQ(evaluate("NOT NOT amount"), 1.0F);
  EXPECT_TRUE(std::isnan(evaluate("missing = missing")));
  EXPECT_TRUE(std::isnan(evaluate("missing != 1")));
  EXPECT_TRUE(std::isnan(evaluate("not missing")));
  EXPECT_EQ(evaluate("missing IS NULL"), 1.0F);
  EXPECT_EQ(evaluate("amount is not null AND missing is null"), 1.0F);
  EXPECT_EQ(evaluate("amount >= 7.5"), 1.0F);
  EXPECT_EQ(evaluate("amount = amount IN (1, 7.5)"), 0.0F);  // amount = (amount IN (1, 7.5))
  EXPECT_EQ(evaluate("0 = amount BETWEEN 8 AND 9"), 1.0F);
  EXPECT_EQ(evaluate("1 or 0 and amount < 0"), 1.0F);  // AND binds tighter
  EXPECT_TRUE(std::isnan(evaluate("amount * NULL")));
  EXPECT_EQ(evaluate("amount * TRUE"), 7.5F);
}

TEST(ParseExpression, Case) {
  EXPECT_EQ(evaluate("CASE WHEN amount < 5 THEN 1 WHEN amount < 10 THEN 2 ELSE 3 END"), 2.0F);
  EXPECT_EQ(evaluate("CASE WHEN amount < 5 THEN 1 ELSE 3 END + 1"), 4.0F);
  EXPECT_TRUE(std::isnan(evaluate("case when amount < 5 then 1 end")));
  EXPECT_EQ(evaluate("case when missing > 0 then 1 else case when amount > 0 then 5 else 6 end end"), 5.0F);
}

TEST(ParseExpression, TimeParts) {
  const std::int64_t time = *parse_time("2026-11-24T13:05:59Z") / 1'000'000;  // a Tuesday
  EXPECT_EQ(evaluate("hour(timestamp)", time), 13.0F);
  EXPECT_EQ(evaluate("minute(timestamp)", time), 5.0F);
  EXPECT_EQ(evaluate("weekday(timestamp)", time), 1.0F);
  EXPECT_EQ(evaluate("day(timestamp)", time), 24.0F);
  EXPECT_EQ(evaluate("month(timestamp)", time), 11.0F);
  EXPECT_EQ(evaluate("year(timestamp)", time), 2026.0F);
  EXPECT_EQ(evaluate("days_since_epoch(timestamp)", time), 20781.0F);
  // One second before 1970: Wednesday, 1969-12-31 23:59:59.
  EXPECT_EQ(evaluate("hour(timestamp)", -1), 23.0F);
  EXPECT_EQ(evaluate("weekday(timestamp)", -1), 2.0F);
  EXPECT_EQ(evaluate("year(timestamp)", -1), 1969.0F);
  EXPECT_EQ(evaluate("days_since_epoch(timestamp)", -1), -1.0F);
  EXPECT_TRUE(std::isnan(evaluate("hour(timestamp)", missing_time)));
  EXPECT_EQ(evaluate("timestamp IS NULL", missing_time), 1.0F);
  EXPECT_EQ(evaluate("timestamp IS NOT NULL", missing_time), 0.0F);
}

TEST(ParseExpression, ErrorsPointAtTheCharacter) {
  EXPECT_EQ(error_of("amount / (num_transactions +"), "expected a value at character 29, where the formula ends");
  EXPECT_EQ(error_of("amount / (num_transactions + 1"), "expected ')' at character 31, where the formula ends");
  EXPECT_EQ(error_of("größe * )"), "expected a value at character 9, found ')'");
  EXPECT_EQ(error_of("amount amount"), "expected an operator or the end at character 8, found 'amount'");
  EXPECT_EQ(error_of(""), "the formula is empty");
  EXPECT_EQ(error_of("1 + 2"), "the formula names no column");
  EXPECT_EQ(error_of("amuont * 2"), "unknown column 'amuont' at character 1 (did you mean 'amount'?)");
  EXPECT_THAT(error_of("sqr(amount)"), HasSubstr("unknown function 'sqr' at character 1 (did you mean 'sqrt'?)"));
  EXPECT_EQ(error_of("power(amount)"), "power at character 1 takes 2 values, 1 given");
  EXPECT_EQ(error_of("least()"), "least at character 1 takes 1 or more values, 0 given");
  EXPECT_THAT(error_of("state * 2"), HasSubstr("'state' at character 1 is text"));
  EXPECT_THAT(error_of("timestamp * 2"), HasSubstr("'timestamp' at character 1 is a time; take a part of it, such as "
                                                   "hour(timestamp), or a difference with date_diff("));
  EXPECT_EQ(error_of("hour(amount)"), "hour takes a time, but 'amount' at character 6 is a number");
  EXPECT_EQ(error_of("amount IS 3"), "expected NULL or NOT NULL at character 11, found '3'");
  EXPECT_EQ(error_of("CASE amount END"), "expected WHEN at character 6, found 'amount'");
  EXPECT_EQ(error_of("CASE WHEN amount THEN 1"), "expected WHEN, ELSE or END at character 24, where the formula ends");
  EXPECT_EQ(error_of("amount ; 2"), "unexpected ';' at character 8");
  EXPECT_EQ(error_of("\"amount"), "the quote at character 1 is not closed");
  EXPECT_EQ(error_of("amount = 'x'"),
            "expected a number at character 10, found text in quotes; only text columns are compared with it");
  EXPECT_EQ(error_of("amount LIKE 'x'"), "LIKE at character 8 takes a text column on its left");
  EXPECT_EQ(error_of("amount IN 3"), "expected '(' at character 11, found '3'");
  EXPECT_EQ(error_of("amount IN (1, 2"), "expected ',' or ')' at character 16, where the formula ends");
  EXPECT_EQ(error_of("amount BETWEEN 1 OR 2"), "expected AND at character 18, found 'OR'");
  EXPECT_EQ(error_of("amount NOT 3"), "expected IN or BETWEEN behind NOT at character 12, found '3'");
  EXPECT_EQ(error_of("state"),
            "'state' at character 1 is text; compare it with a text in quotes (=, <, IN, LIKE, "
            "BETWEEN, IS NULL)");
  EXPECT_EQ(error_of("state = 3"), "expected a text in quotes at character 9, found '3'");
  EXPECT_EQ(error_of("state IN ('a', 3)"), "expected a text in quotes at character 16, found '3'");
  EXPECT_EQ(error_of("'a' = 'b'"), "expected a text column at character 7, found 'b'");
  EXPECT_EQ(error_of("'a'"), "expected a comparison with a text column at character 4, where the formula ends");
  EXPECT_EQ(error_of("state LIKE 'a' ESCAPE 'xy'"), "expected one character to escape with at character 23");
  EXPECT_EQ(error_of("state LIKE 'a!' ESCAPE '!'"), "the pattern at character 12 ends behind its escape character");
  EXPECT_THAT(error_of("state < '" + std::string(201, 'x') + "'"), HasSubstr("201 characters, expected at most 200"));
  EXPECT_EQ(error_of("date_diff(1, timestamp, timestamp)"),
            "expected a unit in quotes, such as 'day' at character 11, found '1'");
  EXPECT_THAT(error_of("date_diff('days', timestamp, timestamp)"),
              HasSubstr("unknown unit 'days' at character 11 (did you mean 'day'?); date_diff takes year, quarter"));
  EXPECT_EQ(error_of("date_diff('day', timestamp, amount)"),
            "date_diff takes a time, but 'amount' at character 29 is a number");
  EXPECT_EQ(error_of("amount * 1e999"), "the number 1e999 at character 10 is too large");
  EXPECT_THAT(error_of("amount * 2nd"), HasSubstr("'2n' at character 10"));
  EXPECT_THAT(error_of("amount \xff"), HasSubstr("UTF-8"));
}

// What simplifies a condition must not change it: only comparisons that do not stand under a NOT lose their missing.
TEST(ParseExpression, ConditionsThatOnlyCountAsTrueAreSimple) {
  const auto operators = [](std::string_view text) {
    std::string all;
    const auto parsed = parse_expression(text, columns());
    for (const ExpressionNode& node : parsed->nodes)
      if (expression_op_arity(node.op) > 0) all += std::string(expression_op_name(node.op)) + " ";
    return all;
  };
  EXPECT_EQ(operators("CASE WHEN amount > 1 AND amount < 2 THEN 1 END"), "greater less logical_and select ");
  EXPECT_EQ(operators("CASE WHEN NOT amount > 1 OR amount = 2 THEN 1 END"),
            "sql_greater sql_not equal logical_or select ");
  EXPECT_EQ(operators("CASE WHEN (amount > 1) + 1 > 2 THEN 1 END"), "sql_greater add greater select ");
  EXPECT_EQ(operators("amount > 1 AND amount < 2"), "sql_greater sql_less sql_and ");
  EXPECT_EQ(evaluate("CASE WHEN NOT missing > 1 THEN 1 ELSE 2 END"), 2.0F);
  EXPECT_EQ(evaluate("CASE WHEN missing > 1 OR amount > 1 THEN 1 ELSE 2 END"), 1.0F);
  EXPECT_EQ(evaluate("CASE WHEN missing > 1 AND amount > 1 THEN 1 ELSE 2 END"), 2.0F);
}

TEST(ParseExpression, TextTestsBecomeOperands) {
  const auto parsed =
      parse_expression("state = 'CA' OR state IN ('NY', 'CA', 'NY', '') OR 'CA' = state OR state > 'x'", columns());
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  ASSERT_EQ(parsed->tests.size(), 3u);  // the third asks what the first does
  EXPECT_THAT(parsed->columns, ::testing::Each(4u));
  EXPECT_EQ(parsed->tests[0]->source, "state = 'CA'");
  EXPECT_THAT(parsed->tests[1]->texts, ::testing::ElementsAre("CA", "NY"));
  EXPECT_EQ(parsed->tests[2]->source, "state <= 'x'");
  const Operator in = text_test_operator(*parsed->tests[1], 7);
  EXPECT_EQ(std::get<Lookup>(in).input, 7u);
  EXPECT_EQ(std::get<Lookup>(in).rows, (std::vector<float>{1, 1}));
  EXPECT_EQ(std::get<Match>(text_test_operator(*parsed->tests[2], 7)).kind, Match::Kind::less_equal);
}

TEST(ParseExpression, RepeatedSidesStayWithinBounds) {
  std::string formula = "amount";
  for (int i = 0; i < 40; ++i) formula = "(" + formula + ") IN (1, 2, 3)";
  EXPECT_THAT(error_of(formula), HasSubstr("the formula becomes too long at character"));
}

TEST(ParseExpression, DeepNestingIsAnErrorNotACrash) {
  EXPECT_THAT(error_of(std::string(100'000, '(') + "amount"), HasSubstr("nested too deeply"));
  std::string cases;
  for (int i = 0; i < 100'000; ++i) cases += "case when ";
  EXPECT_THAT(error_of(cases), HasSubstr("nested too deeply"));
  EXPECT_EQ(evaluate(std::string(99'999, '-') + "num_transactions"), -2.0F);
}

TEST(ParseExpression, ColumnsUsedInOrderOfFirstUse) {
  const auto parsed = parse_expression("num_transactions * amount + num_transactions", columns());
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->columns, ::testing::ElementsAre(1, 0));
  EXPECT_EQ(parsed->nodes.size(), 5);
}

TEST(ExpressionStackSize, RefusesWhatIsNoFormula) {
  using Op = ExpressionNode::Op;
  EXPECT_FALSE(expression_stack_size({}).ok());
  const ExpressionNode lone[] = {{Op::add}};
  EXPECT_FALSE(expression_stack_size(lone).ok());
  const ExpressionNode two[] = {{Op::constant, 1}, {Op::constant, 2}};
  EXPECT_FALSE(expression_stack_size(two).ok());
  const ExpressionNode sum[] = {{Op::constant, 1}, {Op::constant, 2}, {Op::add}};
  EXPECT_EQ(*expression_stack_size(sum), 2);
}

}  // namespace
}  // namespace slipway::model
