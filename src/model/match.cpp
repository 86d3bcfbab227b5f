#include <fmt/format.h>

#include <slipway/base/unicode.hpp>
#include <slipway/model/match.hpp>

namespace slipway::model {
namespace {

bool is_plain(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c > 0x7f;
}

std::string literal(char32_t c) {
  if (!is_plain(c)) return fmt::format("\\x{{{:x}}}", static_cast<std::uint32_t>(c));
  std::string text;
  append_character(text, c);
  return text;
}

// The character in any case.
std::string any_case_of(char32_t c) {
  const char32_t lower = lower_case_of(c);
  const std::vector<char32_t> upper = upper_forms(lower);
  if (upper.empty()) return literal(lower);
  std::string all = "[" + literal(lower);
  for (const char32_t form : upper) all += literal(form);
  return all + "]";
}

std::string like_expression(const Match& match) {
  std::string all = "(?s)";
  bool escaped = false;
  for (const char32_t c : characters_of(match.pattern)) {
    if (!escaped && c == '\\') {
      escaped = true;
      continue;
    }
    if (!escaped && c == '%') {
      all += ".*";
    } else if (!escaped && c == '_') {
      all += '.';
    } else {
      all += match.any_case ? any_case_of(c) : literal(c);
    }
    escaped = false;
  }
  return all;
}

// What stands before a text in the order of code points: at some character a smaller one and then anything, or its own
// beginning. Nested from the last character on.
std::string below_expression(const Match& match) {
  const std::vector<char32_t> characters = characters_of(match.pattern);
  const bool equal_too = match.kind == Match::Kind::less_equal;
  std::string rest;
  for (std::size_t i = characters.size(); i-- > 0;) {
    const char32_t c = characters[i];
    const bool last = i + 1 == characters.size();
    std::string one;
    const auto alternative = [&](const std::string& text) { one += (one.empty() ? "" : "|") + text; };
    if (c > 0) {
      const char32_t end = c > 0xd800 && c <= 0xe000 ? 0xd7ff : c - 1;  // the surrogates are no characters
      alternative(fmt::format("[\\x{{0}}-\\x{{{:x}}}].*", static_cast<std::uint32_t>(end)));
    }
    if (!last || equal_too) alternative(literal(c) + rest);
    rest = "(?:" + one + ")" + (i > 0 ? "?" : "");
    if (one.empty()) rest = i > 0 ? "" : "[^\\x{0}-\\x{10ffff}]";
  }
  return "(?s)" + rest;
}

}  // namespace

TextPattern::TextPattern(const Match& match)
    : kind_(match.kind), pattern_(match.pattern), any_case_(match.kind == Match::Kind::like && match.any_case) {
  if (kind_ != Match::Kind::like) return;
  bool escaped = false;
  for (const char32_t c : characters_of(pattern_)) {
    if (!escaped && c == '\\') {
      escaped = true;
      continue;
    }
    const bool run = !escaped && c == '%', one = !escaped && c == '_';
    parts_.push_back({run   ? Part::Kind::any_run
                      : one ? Part::Kind::any_one
                            : Part::Kind::character,
                      any_case_ ? lower_case_of(c) : c});
    escaped = false;
  }
}

bool TextPattern::like(std::string_view text) const {
  std::vector<char32_t> characters = characters_of(text);
  if (any_case_)
    for (char32_t& c : characters) c = lower_case_of(c);
  // After a mismatch the last run takes one character more.
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t at = 0, part = 0, run = none, run_end = 0;
  while (at < characters.size()) {
    const bool left = part < parts_.size();
    if (left && parts_[part].kind == Part::Kind::any_run) {
      run = part++;
      run_end = at;
    } else if (left && (parts_[part].kind == Part::Kind::any_one || parts_[part].character == characters[at])) {
      ++part;
      ++at;
    } else if (run != none) {
      part = run + 1;
      at = ++run_end;
    } else {
      return false;
    }
  }
  while (part < parts_.size() && parts_[part].kind == Part::Kind::any_run) ++part;
  return part == parts_.size();
}

float TextPattern::test(std::string_view text) const {
  if (text.empty()) return std::numeric_limits<float>::quiet_NaN();
  const bool holds = kind_ == Match::Kind::like   ? like(text)
                     : kind_ == Match::Kind::less ? text < pattern_
                                                  : text <= pattern_;
  return holds ? 1.0F : 0.0F;
}

Status check_pattern(const Match& match) {
  const std::vector<char32_t> characters = characters_of(match.pattern);
  if (characters.size() > Match::longest)
    return invalid_input(
        fmt::format("the pattern has {} characters, expected at most {}", characters.size(), Match::longest));
  if (match.kind != Match::Kind::like) return {};
  for (std::size_t i = 0; i < characters.size(); ++i) {
    if (characters[i] != '\\') continue;
    const char32_t next = i + 1 < characters.size() ? characters[i + 1] : U' ';
    if (next != '%' && next != '_' && next != '\\')
      return invalid_input(fmt::format("character {} of the pattern: expected %, _ or \\ behind \\", i + 2));
    ++i;
  }
  return {};
}

std::string regular_expression(const Match& match) {
  return match.kind == Match::Kind::like ? like_expression(match) : below_expression(match);
}

}  // namespace slipway::model
