#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/model/expression.hpp>

#include "expression_lexer.hpp"

namespace slipway::model {

namespace {

using Op = ExpressionNode::Op;

struct Function {
  std::string_view name;
  Op op;
  std::size_t least, most;  // arguments
};

constexpr std::size_t any_number = 1000;
constexpr Function functions[] = {
    {"abs", Op::absolute, 1, 1},
    {"sqrt", Op::square_root, 1, 1},
    {"exp", Op::exponential, 1, 1},
    {"ln", Op::logarithm, 1, 1},
    {"log1p", Op::logarithm_1p, 1, 1},
    {"floor", Op::floor, 1, 1},
    {"ceil", Op::ceiling, 1, 1},
    {"round", Op::round_half_even, 1, 1},
    {"power", Op::power, 2, 2},
    {"mod", Op::modulo, 2, 2},
    {"least", Op::minimum, 1, any_number},
    {"greatest", Op::maximum, 1, any_number},
    {"coalesce", Op::coalesce, 1, any_number},
    {"hour", Op::hour, 1, 1},
    {"minute", Op::minute, 1, 1},
    {"weekday", Op::weekday, 1, 1},
    {"day", Op::day, 1, 1},
    {"month", Op::month, 1, 1},
    {"year", Op::year, 1, 1},
    {"days_since_epoch", Op::days_since_epoch, 1, 1},
};

constexpr std::string_view keywords[] = {"and",  "or",   "not",  "is",  "null", "case",
                                         "when", "then", "else", "end", "true", "false"};

// Formulas nested deeper than this are refused, so that hostile text cannot exhaust the stack.
constexpr int deepest = 200;

// Recursive descent, one function per level of precedence; emits nodes in postfix order.
class Parser {
 public:
  Parser(std::vector<Token> tokens, std::span<const ExpressionColumn> columns)
      : tokens_(std::move(tokens)), columns_(columns) {}

  Result<ParsedExpression> run() {
    if (current().kind == Token::Kind::end) return invalid_input("the formula is empty");
    SLIPWAY_CHECK(condition());
    if (current().kind != Token::Kind::end) return expected("an operator or the end");
    if (parsed_.columns.empty()) return invalid_input("the formula names no column");
    return std::move(parsed_);
  }

 private:
  const Token& current() const { return tokens_[next_]; }
  bool is_symbol(std::string_view symbol) const {
    return current().kind == Token::Kind::symbol && current().text == symbol;
  }
  bool is_keyword(std::string_view word) const {
    return current().kind == Token::Kind::name && current().lower == word;
  }
  bool take_symbol(std::string_view symbol) { return is_symbol(symbol) && ++next_; }
  bool take_keyword(std::string_view word) { return is_keyword(word) && ++next_; }
  void emit(Op op) { parsed_.nodes.push_back({op}); }
  void emit_constant(float value) { parsed_.nodes.push_back({Op::constant, value}); }

  Error expected(std::string_view what) const {
    const Token& token = current();
    if (token.kind == Token::Kind::end)
      return invalid_input(fmt::format("expected {} at character {}, where the formula ends", what, token.position));
    return invalid_input(fmt::format("expected {} at character {}, found '{}'", what, token.position, token.text));
  }

  Status condition() {
    if (++depth_ > deepest)
      return invalid_input(fmt::format("the formula is nested too deeply at character {}", current().position));
    SLIPWAY_CHECK(conjunction());
    while (take_keyword("or")) {
      SLIPWAY_CHECK(conjunction());
      emit(Op::logical_or);
    }
    --depth_;
    return {};
  }

  Status conjunction() {
    SLIPWAY_CHECK(negation());
    while (take_keyword("and")) {
      SLIPWAY_CHECK(negation());
      emit(Op::logical_and);
    }
    return {};
  }

  Status negation() {
    std::size_t times = 0;
    while (take_keyword("not")) ++times;
    SLIPWAY_CHECK(comparison());
    for (; times > 0; --times) emit(Op::logical_not);
    return {};
  }

  Status comparison() {
    static constexpr std::pair<std::string_view, Op> comparisons[] = {{"=", Op::equal},   {"<>", Op::not_equal},
                                                                      {"<", Op::less},    {"<=", Op::less_equal},
                                                                      {">", Op::greater}, {">=", Op::greater_equal}};
    if (names_bare_time()) {
      SLIPWAY_CHECK(time_is_missing());
    } else {
      SLIPWAY_CHECK(sum());
    }
    while (true) {
      const auto* found = std::find_if(std::begin(comparisons), std::end(comparisons),
                                       [&](const auto& one) { return is_symbol(one.first); });
      if (found != std::end(comparisons)) {
        ++next_;
        SLIPWAY_CHECK(sum());
        emit(found->second);
      } else if (is_keyword("is")) {
        SLIPWAY_CHECK(is_null());
      } else {
        return {};
      }
    }
  }

  // The rest of "x IS [NOT] NULL".
  Status is_null() {
    ++next_;
    const bool inverted = take_keyword("not");
    if (!take_keyword("null")) return expected(inverted ? "NULL" : "NULL or NOT NULL");
    emit(Op::is_missing);
    if (inverted) emit(Op::logical_not);
    return {};
  }

  // True before "column IS" where the column is a time: the only place for a time outside a function.
  bool names_bare_time() const {
    if (current().kind != Token::Kind::name && current().kind != Token::Kind::quoted_name) return false;
    const Token& after = tokens_[next_ + 1];  // there is always an end token behind a name
    const auto* column = find_column(current().text);
    return column && column->kind == ValueKind::time && after.kind == Token::Kind::name && after.lower == "is";
  }

  Status time_is_missing() {
    const auto index = static_cast<std::uint32_t>(find_column(current().text) - columns_.data());
    parsed_.nodes.push_back({Op::hour, 0, use_column(index), 0});
    ++next_;
    return is_null();
  }

  Status sum() {
    SLIPWAY_CHECK(product());
    while (is_symbol("+") || is_symbol("-")) {
      const Op op = is_symbol("+") ? Op::add : Op::subtract;
      ++next_;
      SLIPWAY_CHECK(product());
      emit(op);
    }
    return {};
  }

  Status product() {
    SLIPWAY_CHECK(sign());
    while (is_symbol("*") || is_symbol("/") || is_symbol("%")) {
      const Op op = is_symbol("*") ? Op::multiply : is_symbol("/") ? Op::divide : Op::modulo;
      ++next_;
      SLIPWAY_CHECK(sign());
      emit(op);
    }
    return {};
  }

  Status sign() {
    std::size_t minuses = 0;
    while (is_symbol("-") || is_symbol("+")) {
      if (is_symbol("-")) ++minuses;
      ++next_;
    }
    SLIPWAY_CHECK(value());
    for (; minuses > 0; --minuses) emit(Op::negate);
    return {};
  }

  Status value() {
    const Token& token = current();
    switch (token.kind) {
      case Token::Kind::number:
        emit_constant(token.number);
        ++next_;
        return {};
      case Token::Kind::quoted_name:
        return column();
      case Token::Kind::name:
        return named();
      case Token::Kind::symbol:
        if (!take_symbol("(")) break;
        SLIPWAY_CHECK(condition());
        if (!take_symbol(")")) return expected("')'");
        return {};
      case Token::Kind::end:
        break;
    }
    return expected("a value");
  }

  Status named() {
    const Token& after = tokens_[next_ + 1];
    if (after.kind == Token::Kind::symbol && after.text == "(" &&
        std::ranges::find(keywords, current().lower) == std::end(keywords))
      return call();
    if (find_column(current().text)) return column();
    if (take_keyword("null")) return emit_constant(std::numeric_limits<float>::quiet_NaN()), Status{};
    if (take_keyword("true")) return emit_constant(1), Status{};
    if (take_keyword("false")) return emit_constant(0), Status{};
    if (take_keyword("case")) return choice();
    if (std::ranges::find(keywords, current().lower) != std::end(keywords)) return expected("a value");
    return column();
  }

  Status choice() {
    if (++depth_ > deepest)
      return invalid_input(fmt::format("the formula is nested too deeply at character {}", current().position));
    std::size_t branches = 0;
    if (!is_keyword("when")) return expected("WHEN");
    while (take_keyword("when")) {
      SLIPWAY_CHECK(condition());
      if (!take_keyword("then")) return expected("THEN");
      SLIPWAY_CHECK(condition());
      ++branches;
    }
    if (take_keyword("else")) {
      SLIPWAY_CHECK(condition());
    } else {
      emit_constant(std::numeric_limits<float>::quiet_NaN());
    }
    if (!take_keyword("end")) return expected("WHEN, ELSE or END");
    for (; branches > 0; --branches) emit(Op::select);
    --depth_;
    return {};
  }

  Status call() {
    const Token name = current();
    const auto* function = std::ranges::find_if(functions, [&](const Function& one) { return one.name == name.lower; });
    if (function == std::end(functions)) {
      std::vector<std::string> names;
      for (const Function& one : functions) names.emplace_back(one.name);
      return not_found(fmt::format("unknown function '{}' at character {}{}", name.text, name.position,
                                   suggestion(name.lower, names)));
    }
    next_ += 2;
    if (is_time_op(function->op)) return time_call(*function);
    std::size_t arguments = 0;
    if (!is_symbol(")")) {
      do {
        SLIPWAY_CHECK(condition());
        ++arguments;
        if (arguments > 1 && function->most == any_number && function->op != Op::coalesce) emit(function->op);
      } while (take_symbol(","));
    }
    if (!take_symbol(")")) return expected("',' or ')'");
    if (arguments < function->least || arguments > function->most)
      return invalid_input(fmt::format("{} at character {} takes {} value{}, {} given", name.lower, name.position,
                                       function->most == any_number ? "1 or more" : std::to_string(function->least),
                                       function->most == 1 ? "" : "s", arguments));
    if (function->op == Op::coalesce)
      for (std::size_t i = 1; i < arguments; ++i) emit(Op::coalesce);
    else if (function->most != any_number)
      emit(function->op);
    return {};
  }

  Status time_call(const Function& function) {
    const Token& token = current();
    if (token.kind != Token::Kind::name && token.kind != Token::Kind::quoted_name) return expected("a time column");
    SLIPWAY_TRY(const std::uint32_t index, known_column());
    if (columns_[index].kind != ValueKind::time)
      return invalid_input(fmt::format("{} takes a time, but '{}' at character {} is {}", function.name, token.text,
                                       token.position, columns_[index].kind == ValueKind::text ? "text" : "a number"));
    parsed_.nodes.push_back({function.op, 0, use_column(index), 0});
    ++next_;
    if (!take_symbol(")")) return expected("')'");
    return {};
  }

  Status column() {
    const Token& token = current();
    SLIPWAY_TRY(const std::uint32_t index, known_column());
    if (columns_[index].kind == ValueKind::text)
      return invalid_input(
          fmt::format("'{}' at character {} is text; a formula reads numbers and times", token.text, token.position));
    if (columns_[index].kind == ValueKind::time)
      return invalid_input(fmt::format("'{}' at character {} is a time; take a part of it, such as hour({})",
                                       token.text, token.position, token.text));
    parsed_.nodes.push_back({Op::column, 0, use_column(index), 0});
    ++next_;
    return {};
  }

  const ExpressionColumn* find_column(std::string_view name) const {
    const auto found = std::ranges::find_if(columns_, [&](const ExpressionColumn& one) { return one.name == name; });
    return found == columns_.end() ? nullptr : &*found;
  }

  Result<std::uint32_t> known_column() const {
    if (const auto* found = find_column(current().text)) return static_cast<std::uint32_t>(found - columns_.data());
    std::vector<std::string> names;
    for (const ExpressionColumn& one : columns_) names.push_back(one.name);
    return not_found(fmt::format("unknown column '{}' at character {}{}", current().text, current().position,
                                 suggestion(current().text, names)));
  }

  std::uint32_t use_column(std::uint32_t index) {
    const auto found = std::ranges::find(parsed_.columns, index);
    const auto operand = static_cast<std::uint32_t>(found - parsed_.columns.begin());
    if (found == parsed_.columns.end()) parsed_.columns.push_back(index);
    return operand;
  }

  std::vector<Token> tokens_;
  std::span<const ExpressionColumn> columns_;
  std::size_t next_ = 0;
  int depth_ = 0;
  ParsedExpression parsed_;
};

}  // namespace

Result<ParsedExpression> parse_expression(std::string_view text, std::span<const ExpressionColumn> columns) {
  SLIPWAY_TRY(auto tokens, split_formula(text));
  return Parser(std::move(tokens), columns).run();
}

Result<std::size_t> expression_stack_size(std::span<const ExpressionNode> nodes) {
  std::size_t size = 0, highest = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto taken = static_cast<std::size_t>(expression_op_arity(nodes[i].op));
    if (taken > size)
      return invalid_input(
          fmt::format("node {} ({}) takes {} values, {} are there", i, expression_op_name(nodes[i].op), taken, size));
    size = size - taken + 1;
    highest = std::max(highest, size);
  }
  if (size != 1) return invalid_input(fmt::format("the formula leaves {} values, expected one", size));
  return highest;
}

}  // namespace slipway::model
