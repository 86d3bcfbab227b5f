#include "expression_lexer.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/unicode.hpp>

namespace slipway::model {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) > 127;
}
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    while (true) {
      while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
      Token token;
      token.position = position(at_);
      if (at_ == text_.size()) {
        tokens.push_back(std::move(token));
        return tokens;
      }
      SLIPWAY_CHECK(next(token));
      tokens.push_back(std::move(token));
    }
  }

 private:
  // Code points before a byte, from 1. Tokens come in order, so the count goes on from the last one.
  std::size_t position(std::size_t byte) {
    for (; counted_ < byte; ++counted_)
      if ((static_cast<unsigned char>(text_[counted_]) & 0xc0) != 0x80) ++code_points_;
    return code_points_ + 1;
  }

  Status next(Token& token) {
    const char c = text_[at_];
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) return number(token);
    if (is_name_start(c)) {
      const std::size_t begin = at_;
      while (at_ < text_.size() && (is_name_start(text_[at_]) || is_digit(text_[at_]))) ++at_;
      token.kind = Token::Kind::name;
      token.text = text_.substr(begin, at_ - begin);
      token.lower = lower_case(token.text);
      return {};
    }
    if (c == '"' || c == '\'') return quoted(token);
    token.kind = Token::Kind::symbol;
    for (const std::string_view symbol :
         {"<>", "!=", "<=", ">=", "==", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ","})
      if (text_.substr(at_).starts_with(symbol)) {
        token.text = symbol == "==" ? "=" : symbol == "!=" ? "<>" : symbol;
        at_ += symbol.size();
        return {};
      }
    return invalid_input(fmt::format("unexpected '{}' at character {}", c, token.position));
  }

  Status number(Token& token) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ < text_.size() && text_[at_] == '.')
      for (++at_; at_ < text_.size() && is_digit(text_[at_]);) ++at_;
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      std::size_t exponent = at_ + 1;
      if (exponent < text_.size() && (text_[exponent] == '+' || text_[exponent] == '-')) ++exponent;
      if (exponent < text_.size() && is_digit(text_[exponent]))
        for (at_ = exponent; at_ < text_.size() && is_digit(text_[at_]);) ++at_;
    }
    const std::string_view digits = text_.substr(begin, at_ - begin);
    if (at_ < text_.size() && is_name_start(text_[at_]))
      return invalid_input(
          fmt::format("'{}{}' at character {} is neither a number nor a name; put a name that begins with a "
                      "digit in double quotes",
                      digits, text_[at_], token.position));
    const auto value = parse_number(digits);
    token.kind = Token::Kind::number;
    token.text = digits;
    token.number = value ? static_cast<float>(*value) : std::numeric_limits<float>::infinity();
    if (!std::isfinite(token.number))
      return invalid_input(fmt::format("the number {} at character {} is too large", digits, token.position));
    return {};
  }

  // A name in double quotes or a text in single ones; the quote twice stands for itself.
  Status quoted(Token& token) {
    const char quote = text_[at_];
    token.kind = quote == '"' ? Token::Kind::quoted_name : Token::Kind::text;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != quote) {
        token.text += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == quote) {
        token.text += quote;
        ++at_;
      } else {
        ++at_;
        return {};
      }
    }
    return invalid_input(fmt::format("the quote at character {} is not closed", token.position));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;
  std::size_t code_points_ = 0;
};

}  // namespace

Result<std::vector<Token>> split_formula(std::string_view text) {
  if (!is_utf8(text)) return invalid_input("the formula is not UTF-8 text");
  return Lexer(text).run();
}

}  // namespace slipway::model
