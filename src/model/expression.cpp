#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/unicode.hpp>
#include <slipway/model/expression.hpp>
#include <slipway/model/match.hpp>

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
    {"second", Op::second, 1, 1},
    {"weekday", Op::weekday, 1, 1},
    {"day", Op::day, 1, 1},
    {"month", Op::month, 1, 1},
    {"year", Op::year, 1, 1},
    {"days_since_epoch", Op::days_since_epoch, 1, 1},
};

constexpr std::string_view keywords[] = {"and", "or",   "not",   "is", "null",    "case", "when",  "then",  "else",
                                         "end", "true", "false", "in", "between", "like", "ilike", "escape"};
constexpr std::string_view date_diff_names[] = {"date_diff", "datediff"};

// What a comparison becomes, and what it is with its sides exchanged.
struct Comparison {
  std::string_view symbol, exchanged;
  Op op;
};
constexpr Comparison comparisons[] = {{"=", "=", Op::sql_equal},   {"<>", "<>", Op::sql_not_equal},
                                      {"<", ">", Op::sql_less},    {"<=", ">=", Op::sql_less_equal},
                                      {">", "<", Op::sql_greater}, {">=", "<=", Op::sql_greater_equal}};

// Formulas nested deeper than this are refused, so that hostile text cannot exhaust the stack.
constexpr int deepest = 200;
// IN and BETWEEN repeat their left side.
constexpr std::size_t most_nodes = 20'000;
constexpr float null_number = std::numeric_limits<float>::quiet_NaN();

// Where a condition only counts as true or not, a comparison with a missing side may as well be 0: the simpler
// operators do. `nodes` are one condition.
void simplify_condition(std::span<ExpressionNode> nodes) {
  std::vector<std::uint8_t> conditions = {1};  // of the operands to come, backwards: whether they are such conditions
  for (std::size_t i = nodes.size(); i-- > 0;) {
    Op& op = nodes[i].op;
    const bool condition = conditions.back() != 0;
    conditions.pop_back();
    const bool joins = op == Op::sql_and || op == Op::sql_or || op == Op::logical_and || op == Op::logical_or;
    conditions.insert(conditions.end(), static_cast<std::size_t>(expression_op_arity(op)), condition && joins ? 1 : 0);
    if (!condition) continue;
    if (is_sql_comparison(op)) op = two_valued(op);
    if (op == Op::sql_and) op = Op::logical_and;
    if (op == Op::sql_or) op = Op::logical_or;
  }
}

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
      emit(Op::sql_or);
    }
    --depth_;
    return {};
  }

  Status conjunction() {
    SLIPWAY_CHECK(negation());
    while (take_keyword("and")) {
      SLIPWAY_CHECK(negation());
      emit(Op::sql_and);
    }
    return {};
  }

  Status negation() {
    std::size_t times = 0;
    while (take_keyword("not")) ++times;
    SLIPWAY_CHECK(comparison());
    for (; times > 0; --times) emit(Op::sql_not);
    return {};
  }

  Status comparison() {
    if (names_bare_time()) {
      SLIPWAY_CHECK(time_is_missing());
    } else if (current().kind == Token::Kind::text) {
      SLIPWAY_CHECK(text_compared());
    } else {
      SLIPWAY_CHECK(membership());
    }
    while (true) {
      if (const Comparison* found = current_comparison()) {
        ++next_;
        SLIPWAY_CHECK(membership());
        emit(found->op);
      } else if (is_keyword("is")) {
        SLIPWAY_CHECK(is_null());
      } else {
        return {};
      }
    }
  }

  // IN and BETWEEN bind more than comparisons do, as in PostgreSQL and DuckDB.
  Status membership() {
    if (names_text_column()) return text_test();
    const std::size_t begin = parsed_.nodes.size();
    SLIPWAY_CHECK(sum());
    while (true) {
      const bool negated = take_keyword("not");
      if (take_keyword("in")) {
        SLIPWAY_CHECK(one_of(begin));
      } else if (take_keyword("between")) {
        SLIPWAY_CHECK(between(begin));
      } else if (is_keyword("like") || is_keyword("ilike")) {
        return invalid_input(
            fmt::format("{} at character {} takes a text column on its left", current().text, current().position));
      } else if (negated) {
        return expected("IN or BETWEEN behind NOT");
      } else {
        return {};
      }
      if (negated) emit(Op::sql_not);
    }
  }

  const Comparison* current_comparison() const {
    const auto* found = std::ranges::find_if(comparisons, [&](const Comparison& one) { return is_symbol(one.symbol); });
    return found == std::end(comparisons) ? nullptr : found;
  }

  // The rest of "x IN (a, b)": x = a OR x = b, where the nodes of x begin at `begin`.
  Status one_of(std::size_t begin) {
    const std::vector<ExpressionNode> left(parsed_.nodes.begin() + static_cast<std::ptrdiff_t>(begin),
                                           parsed_.nodes.end());
    if (!take_symbol("(")) return expected("'('");
    bool first = true;
    do {
      if (!first) SLIPWAY_CHECK(repeat(left));
      SLIPWAY_CHECK(condition());
      emit(Op::sql_equal);
      if (!first) emit(Op::sql_or);
      first = false;
    } while (take_symbol(","));
    if (!take_symbol(")")) return expected("',' or ')'");
    return {};
  }

  // The rest of "x BETWEEN a AND b": x >= a AND x <= b.
  Status between(std::size_t begin) {
    const std::vector<ExpressionNode> left(parsed_.nodes.begin() + static_cast<std::ptrdiff_t>(begin),
                                           parsed_.nodes.end());
    SLIPWAY_CHECK(sum());
    emit(Op::sql_greater_equal);
    if (!take_keyword("and")) return expected("AND");
    SLIPWAY_CHECK(repeat(left));
    SLIPWAY_CHECK(sum());
    emit(Op::sql_less_equal);
    emit(Op::sql_and);
    return {};
  }

  Status repeat(const std::vector<ExpressionNode>& nodes) {
    if (parsed_.nodes.size() + nodes.size() > most_nodes)
      return invalid_input(fmt::format("the formula becomes too long at character {}", current().position));
    parsed_.nodes.insert(parsed_.nodes.end(), nodes.begin(), nodes.end());
    return {};
  }

  // ---- tests of text columns

  bool names_text_column() const {
    const auto* column = names_column() ? find_column(current().text) : nullptr;
    return column && column->kind == ValueKind::text;
  }

  // True before a name that is no call.
  bool names_column() const {
    if (current().kind == Token::Kind::quoted_name) return true;
    if (current().kind != Token::Kind::name) return false;
    const Token& after = tokens_[next_ + 1];  // there is always an end token behind a name
    return !(after.kind == Token::Kind::symbol && after.text == "(");
  }

  // 'CA' = state
  Status text_compared() {
    const std::string text = current().text;
    ++next_;
    const Comparison* found = current_comparison();
    if (found == nullptr) return expected("a comparison with a text column");
    ++next_;
    if (!names_text_column()) return expected("a text column");
    const std::uint32_t column = take_text_column();
    return compare_text(column, found->exchanged, text);
  }

  Status text_test() {
    const Token name = current();
    const std::uint32_t column = take_text_column();
    if (is_keyword("is")) {
      ++next_;
      const bool inverted = take_keyword("not");
      if (!take_keyword("null")) return expected(inverted ? "NULL" : "NULL or NOT NULL");
      emit_test(column, {.kind = TextTest::Kind::is_missing, .source = shown(column) + " IS NULL"});
      if (inverted) emit(Op::logical_not);
      return {};
    }
    if (const Comparison* found = current_comparison()) {
      ++next_;
      if (take_keyword("null")) return emit_constant(null_number), Status{};
      SLIPWAY_TRY(const std::string text, take_text());
      return compare_text(column, found->symbol, text);
    }
    const bool negated = take_keyword("not");
    if (take_keyword("in")) {
      SLIPWAY_CHECK(text_one_of(column));
    } else if (take_keyword("between")) {
      SLIPWAY_TRY(const std::string least, take_text());
      if (!take_keyword("and")) return expected("AND");
      SLIPWAY_TRY(const std::string most, take_text());
      SLIPWAY_CHECK(compare_text(column, ">=", least));
      SLIPWAY_CHECK(compare_text(column, "<=", most));
      emit(Op::sql_and);
    } else if (is_keyword("like") || is_keyword("ilike")) {
      SLIPWAY_CHECK(text_like(column));
    } else {
      return invalid_input(
          fmt::format("'{}' at character {} is text; compare it with a text in quotes (=, <, IN, LIKE, "
                      "BETWEEN, IS NULL)",
                      name.text, name.position));
    }
    if (negated) emit(Op::sql_not);
    return {};
  }

  std::uint32_t take_text_column() {
    const auto column = static_cast<std::uint32_t>(find_column(current().text) - columns_.data());
    ++next_;
    return column;
  }

  Result<std::string> take_text() {
    if (current().kind != Token::Kind::text) return expected("a text in quotes");
    const Token& token = current();
    ++next_;
    return token.text;
  }

  Status compare_text(std::uint32_t column, std::string_view symbol, const std::string& text) {
    if (symbol == "=" || symbol == "<>") {
      emit_one_of(column, {text});
      if (symbol == "<>") emit(Op::sql_not);
      return {};
    }
    // Above is not below or equal. No text is below the empty one.
    const bool or_equal = symbol == "<=" || symbol == ">", inverted = symbol == ">" || symbol == ">=";
    if (text.empty()) {
      emit_one_of(column, {});
    } else {
      const Match match{.kind = or_equal ? Match::Kind::less_equal : Match::Kind::less, .pattern = text};
      SLIPWAY_CHECK(
          emit_match(column, match, fmt::format("{} {} {}", shown(column), or_equal ? "<=" : "<", quoted(text))));
    }
    if (inverted) emit(Op::sql_not);
    return {};
  }

  Status text_one_of(std::uint32_t column) {
    if (!take_symbol("(")) return expected("'('");
    std::vector<std::string> texts;
    bool unknown = false;  // NULL in the list: what is not found is missing
    do {
      if (take_keyword("null")) {
        unknown = true;
        continue;
      }
      SLIPWAY_TRY(texts.emplace_back(), take_text());
    } while (take_symbol(","));
    if (!take_symbol(")")) return expected("',' or ')'");
    emit_one_of(column, std::move(texts));
    if (unknown) {
      emit_constant(null_number);
      emit(Op::sql_or);
    }
    return {};
  }

  Status text_like(std::uint32_t column) {
    Match match;
    match.any_case = is_keyword("ilike");
    ++next_;
    const std::size_t position = current().position;
    SLIPWAY_TRY(const std::string pattern, take_text());
    std::vector<char32_t> escape;
    if (take_keyword("escape")) {
      const std::size_t escape_position = current().position;
      SLIPWAY_TRY(const std::string text, take_text());
      escape = characters_of(text);
      if (escape.size() > 1)
        return invalid_input(fmt::format("expected one character to escape with at character {}", escape_position));
    }
    bool escaped = false;
    for (const char32_t c : characters_of(pattern)) {
      if (!escaped && !escape.empty() && c == escape[0]) {
        escaped = true;
        continue;
      }
      if (c == '\\' || (escaped && (c == '%' || c == '_'))) match.pattern += '\\';
      append_character(match.pattern, c);
      escaped = false;
    }
    if (escaped)
      return invalid_input(fmt::format("the pattern at character {} ends behind its escape character", position));
    return emit_match(column, match,
                      fmt::format("{} {} {}", shown(column), match.any_case ? "ILIKE" : "LIKE", quoted(match.pattern)));
  }

  void emit_one_of(std::uint32_t column, std::vector<std::string> texts) {
    std::erase(texts, "");
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    std::string list;
    for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quoted(text);
    std::string source = texts.size() == 1 ? fmt::format("{} = {}", shown(column), list)
                                           : fmt::format("{} IN ({})", shown(column), list);
    emit_test(column, {.kind = TextTest::Kind::one_of, .texts = std::move(texts), .source = std::move(source)});
  }

  Status emit_match(std::uint32_t column, const Match& match, std::string source) {
    if (const Status fits = check_pattern(match); !fits.ok())
      return invalid_input(fmt::format("{} before character {}", fits.error().message(), current().position));
    emit_test(column, {.kind = TextTest::Kind::match, .match = match, .source = std::move(source)});
    return {};
  }

  void emit_test(std::uint32_t column, TextTest test) {
    std::uint32_t operand = 0;
    for (; operand < parsed_.columns.size(); ++operand)
      if (parsed_.columns[operand] == column && parsed_.tests[operand] && parsed_.tests[operand]->source == test.source)
        break;
    if (operand == parsed_.columns.size()) {
      parsed_.columns.push_back(column);
      parsed_.tests.emplace_back(std::move(test));
    }
    parsed_.nodes.push_back({Op::column, 0, operand, 0});
  }

  std::string shown(std::uint32_t column) const { return columns_[column].name; }
  static std::string quoted(std::string_view text) {
    std::string all = "'";
    for (const char c : text) all += c == '\'' ? "''" : std::string(1, c);
    return all + "'";
  }

  // ---- numbers

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
      case Token::Kind::text:
        return invalid_input(fmt::format(
            "expected a number at character {}, found text in quotes; only text columns are compared with it",
            token.position));
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
    if (take_keyword("null")) return emit_constant(null_number), Status{};
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
      const std::size_t begin = parsed_.nodes.size();
      SLIPWAY_CHECK(condition());
      simplify_condition(std::span(parsed_.nodes).subspan(begin));
      if (!take_keyword("then")) return expected("THEN");
      SLIPWAY_CHECK(condition());
      ++branches;
    }
    if (take_keyword("else")) {
      SLIPWAY_CHECK(condition());
    } else {
      emit_constant(null_number);
    }
    if (!take_keyword("end")) return expected("WHEN, ELSE or END");
    for (; branches > 0; --branches) emit(Op::select);
    --depth_;
    return {};
  }

  Status call() {
    const Token name = current();
    if (std::ranges::find(date_diff_names, name.lower) != std::end(date_diff_names)) return date_diff();
    const auto* function = std::ranges::find_if(functions, [&](const Function& one) { return one.name == name.lower; });
    if (function == std::end(functions)) {
      std::vector<std::string> names;
      for (const Function& one : functions) names.emplace_back(one.name);
      names.emplace_back(date_diff_names[0]);
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
    SLIPWAY_TRY(const std::uint32_t operand, take_time_column(function.name));
    parsed_.nodes.push_back({function.op, 0, operand, 0});
    if (!take_symbol(")")) return expected("')'");
    return {};
  }

  Result<std::uint32_t> take_time_column(std::string_view function) {
    const Token& token = current();
    if (token.kind != Token::Kind::name && token.kind != Token::Kind::quoted_name) return expected("a time column");
    SLIPWAY_TRY(const std::uint32_t index, known_column());
    if (columns_[index].kind != ValueKind::time)
      return invalid_input(fmt::format("{} takes a time, but '{}' at character {} is {}", function, token.text,
                                       token.position, columns_[index].kind == ValueKind::text ? "text" : "a number"));
    ++next_;
    return use_column(index);
  }

  // date_diff('day', from, to): what the boundaries of a unit count to at `to`, less what they count to at `from`;
  // weeks are seven days each.
  Status date_diff() {
    static const std::vector<std::string> units = {"year", "quarter", "month",  "week",
                                                   "day",  "hour",    "minute", "second"};
    const std::string name = current().lower;
    next_ += 2;
    const Token unit = current();
    if (unit.kind != Token::Kind::text) return expected("a unit in quotes, such as 'day'");
    const std::string lower = lower_case(unit.text);
    if (std::ranges::find(units, lower) == units.end())
      return not_found(fmt::format("unknown unit '{}' at character {}{}; {} takes {}", unit.text, unit.position,
                                   suggestion(lower, units), name, list_names(units)));
    ++next_;
    if (!take_symbol(",")) return expected("','");
    SLIPWAY_TRY(const std::uint32_t from, take_time_column(name));
    if (!take_symbol(",")) return expected("','");
    SLIPWAY_TRY(const std::uint32_t to, take_time_column(name));
    if (!take_symbol(")")) return expected("')'");
    emit_difference(lower, from, to);
    return {};
  }

  void emit_difference(std::string_view unit, std::uint32_t from, std::uint32_t to) {
    const auto scaled = [&](float factor, Op part) {  // the difference so far in a smaller unit, and that unit's part
      emit_constant(factor);
      emit(Op::multiply);
      subtract_parts(part, from, to);
      emit(Op::add);
    };
    const auto quarter = [&](std::uint32_t operand) {
      parsed_.nodes.push_back({Op::month, 0, operand, 0});
      emit_constant(-1);
      emit(Op::add);
      emit_constant(3);
      emit(Op::divide);
      emit(Op::floor);
    };
    const auto weeks = [&] {
      subtract_parts(Op::days_since_epoch, from, to);
      emit_constant(7);
      emit(Op::divide);
    };
    if (unit == "year" || unit == "month" || unit == "quarter") {
      subtract_parts(Op::year, from, to);
      if (unit == "month") scaled(12, Op::month);
      if (unit != "quarter") return;
      emit_constant(4);
      emit(Op::multiply);
      quarter(to);
      emit(Op::add);
      quarter(from);
      emit(Op::subtract);
      return;
    }
    if (unit == "week") {  // towards zero
      weeks();
      emit_constant(0);
      emit(Op::less);
      weeks();
      emit(Op::ceiling);
      weeks();
      emit(Op::floor);
      emit(Op::select);
      return;
    }
    subtract_parts(Op::days_since_epoch, from, to);
    if (unit == "day") return;
    scaled(24, Op::hour);
    if (unit == "hour") return;
    scaled(60, Op::minute);
    if (unit == "second") scaled(60, Op::second);
  }

  void subtract_parts(Op part, std::uint32_t from, std::uint32_t to) {
    parsed_.nodes.push_back({part, 0, to, 0});
    parsed_.nodes.push_back({part, 0, from, 0});
    emit(Op::subtract);
  }

  Status column() {
    const Token& token = current();
    SLIPWAY_TRY(const std::uint32_t index, known_column());
    if (columns_[index].kind == ValueKind::text)
      return invalid_input(
          fmt::format("'{}' at character {} is text; compare it with a text in quotes", token.text, token.position));
    if (columns_[index].kind == ValueKind::time)
      return invalid_input(
          fmt::format("'{}' at character {} is a time; take a part of it, such as hour({}), or a difference "
                      "with date_diff('hour', from, to)",
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

  // The operand that is a column itself.
  std::uint32_t use_column(std::uint32_t index) {
    std::uint32_t operand = 0;
    while (operand < parsed_.columns.size() && (parsed_.columns[operand] != index || parsed_.tests[operand])) ++operand;
    if (operand == parsed_.columns.size()) {
      parsed_.columns.push_back(index);
      parsed_.tests.emplace_back();
    }
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

Operator text_test_operator(const TextTest& test, ValueId input) {
  if (test.kind == TextTest::Kind::match) {
    Match match = test.match;
    match.input = input;
    return match;
  }
  Lookup lookup{.input = input, .keys = test.texts, .unseen = {0}};
  lookup.rows.assign(lookup.keys.size(), 1);
  lookup.missing = {test.kind == TextTest::Kind::is_missing ? 1 : null_number};
  return lookup;
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
