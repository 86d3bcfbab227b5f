#include "json_body.hpp"

#include <charconv>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/journal/json_text.hpp>

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether the digits from `begin` to `end` are all of a whole number that 64 bits do not hold.
bool is_beyond_64_bits(std::string_view text, std::size_t begin, std::size_t end) {
  const auto at = [&](std::size_t i) { return i < text.size() ? text[i] : ' '; };
  const bool negative = begin > 0 && text[begin - 1] == '-';
  const char before = begin > (negative ? 1u : 0u) ? text[begin - (negative ? 2 : 1)] : ' ';
  const auto is_part = [](char c) { return c == '.' || c == 'e' || c == 'E'; };
  if (is_part(before) || before == '+' || is_part(at(end))) return false;
  std::int64_t number = 0;
  std::uint64_t size = 0;
  const char* last = text.data() + end;
  return negative ? std::from_chars(text.data() + begin - 1, last, number).ec != std::errc()
                  : std::from_chars(text.data() + begin, last, size).ec != std::errc();
}

// Outside of strings, bare NaN becomes null, and whole numbers beyond 64 bits get an exponent, with which the parser
// takes them; false if there is neither.
bool replace_what_is_refused(std::string_view text, std::string& out) {
  out.clear();
  bool inside = false, found = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (inside) {
      out += c;
      if (c == '\\' && i + 1 < text.size())
        out += text[++i];
      else if (c == '"')
        inside = false;
    } else if (c == 'N' && text.substr(i, 3) == "NaN") {
      out += "null";
      i += 2;
      found = true;
    } else if (is_digit(c)) {
      std::size_t end = i;
      while (end < text.size() && is_digit(text[end])) ++end;
      out += text.substr(i, end - i);
      if (is_beyond_64_bits(text, i, end)) {
        out += "e0";
        found = true;
      }
      i = end - 1;
    } else {
      inside = c == '"';
      out += c;
    }
  }
  return found;
}

}  // namespace

Result<dom::element> JsonBody::parse(std::string_view text) {
  if (trim(text).empty()) return invalid_input("the body is empty: expected JSON");
  if (parser_.capacity() > (1u << 20) && text.size() < (1u << 16)) {  // a large body should not hold its memory
    parser_ = dom::parser();
    std::string().swap(padded_);
  }
  padded_.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded_.assign(text);
  dom::element root;
  const auto code = parser_.parse(padded_.data(), padded_.size(), false).get(root);
  if (code == simdjson::SUCCESS) return root;
  std::string replaced;
  if (replace_what_is_refused(text, replaced)) {
    replaced.reserve(replaced.size() + simdjson::SIMDJSON_PADDING);
    padded_ = std::move(replaced);
    if (parser_.parse(padded_.data(), padded_.size(), false).get(root) == simdjson::SUCCESS) return root;
  }
  if (code == simdjson::UTF8_ERROR) return invalid_input("the body is no valid JSON: it is not UTF-8");
  if (code == simdjson::DEPTH_ERROR) return invalid_input("the body is nested too deeply");
  // Where it is wrong takes a second, slow parser: not for large bodies.
  std::string where = text.size() <= (1u << 20) ? describe_json_error(text) : "";
  if (where.empty()) where = simdjson::error_message(code);
  return invalid_input("the body is no valid JSON: " + where);
}

std::string_view kind_of(const dom::element& value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "a list";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::STRING:
      return "a text";
    case dom::element_type::BOOL:
      return "true or false";
    case dom::element_type::NULL_VALUE:
      return "null";
    default:
      return "a number";
  }
}

std::string show_text(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string shown;
  if (text.size() <= most) {
    journal::append_json_string(shown, text);
    return shown;
  }
  std::size_t cut = most;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) --cut;  // not within a character
  journal::append_json_string(shown, text.substr(0, cut));
  shown.insert(shown.size() - 1, "...");
  return shown;
}

std::string show(const dom::element& value) {
  switch (value.type()) {
    case dom::element_type::STRING:
      return show_text(std::string_view(value));
    case dom::element_type::BOOL:
      return bool(value) ? "true" : "false";
    case dom::element_type::INT64:
      return std::to_string(std::int64_t(value));
    case dom::element_type::UINT64:
      return std::to_string(std::uint64_t(value));
    case dom::element_type::DOUBLE:
      return format_number(double(value));
    default:
      return std::string(kind_of(value));
  }
}

Result<std::size_t> read_count(const dom::element& value, std::string_view name) {
  std::int64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number < 0 || number > 10'000)
    return invalid_input(fmt::format("'{}': expected a whole number from 0 to 10000, got {}", name, show(value)));
  return static_cast<std::size_t>(number);
}

}  // namespace slipway::serving
