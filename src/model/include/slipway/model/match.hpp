// What a Match means: a text against one pattern of SQL.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/operators.hpp>

namespace slipway::model {

// A Match without its places in a Model, ready to test texts. Immutable.
class TextPattern {
 public:
  explicit TextPattern(const Match& match);
  // 1, 0, or missing for the empty text, which counts as missing.
  float test(std::string_view text) const;

 private:
  struct Part {
    enum class Kind : std::uint8_t { character, any_one, any_run };
    Kind kind;
    char32_t character;
  };
  bool like(std::string_view text) const;

  Match::Kind kind_;
  std::string pattern_;
  bool any_case_;
  std::vector<Part> parts_;
};

// Whether the pattern of a Match is one: known escapes, not too long.
Status check_pattern(const Match& match);

// The same as a regular expression that the whole of a text must match, in what RE2, PCRE and Java have in common.
std::string regular_expression(const Match& match);

}  // namespace slipway::model
