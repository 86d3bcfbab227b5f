// Formula text into tokens.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::model {

struct Token {
  enum class Kind { number, name, quoted_name, text, symbol, end };
  Kind kind = Kind::end;
  std::string text;   // a symbol, a name or a text (quotes removed)
  std::string lower;  // the name in lower case, for keywords and functions
  float number = 0;
  std::size_t position = 0;  // of its first character, from 1, counted in code points
};

// The tokens of a formula, `end` last.
Result<std::vector<Token>> split_formula(std::string_view text);

}  // namespace slipway::model
