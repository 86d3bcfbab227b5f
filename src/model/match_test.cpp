#include <cmath>

#include <gtest/gtest.h>

#include <slipway/model/match.hpp>

namespace slipway::model {
namespace {

float like(std::string_view text, std::string pattern, bool any_case = false) {
  const Match match{.kind = Match::Kind::like, .pattern = std::move(pattern), .any_case = any_case};
  EXPECT_TRUE(check_pattern(match).ok());
  return TextPattern(match).test(text);
}
float compare(std::string_view text, std::string other, Match::Kind kind) {
  return TextPattern({.kind = kind, .pattern = std::move(other)}).test(text);
}

TEST(TextPattern, Like) {
  EXPECT_EQ(like("refund", "ref%"), 1.0F);
  EXPECT_EQ(like("refund", "ref"), 0.0F);
  EXPECT_EQ(like("refund", "%f_n%"), 1.0F);
  EXPECT_EQ(like("Zürich", "Z_rich"), 1.0F);  // a character, not a byte
  EXPECT_EQ(like("aXbXbXc", "a%b%c"), 1.0F);
  EXPECT_EQ(like("100%", "100\\%"), 1.0F);
  EXPECT_EQ(like("1000", "100\\%"), 0.0F);
  EXPECT_EQ(like("a\nb", "a%b"), 1.0F);
  EXPECT_EQ(like("x", "%%%"), 1.0F);
  EXPECT_EQ(like("x", "_%_"), 0.0F);
  EXPECT_EQ(like("ÉTÉ", "été", true), 1.0F);
  EXPECT_EQ(like("ÉTÉ", "été"), 0.0F);
  EXPECT_TRUE(std::isnan(like("", "%")));  // missing
  EXPECT_EQ(like(std::string(3000, 'a'), "%a%a%a%a%b"), 0.0F);
}

TEST(TextPattern, Order) {
  EXPECT_EQ(compare("a", "b", Match::Kind::less), 1.0F);
  EXPECT_EQ(compare("b", "b", Match::Kind::less), 0.0F);
  EXPECT_EQ(compare("b", "b", Match::Kind::less_equal), 1.0F);
  EXPECT_EQ(compare("ab", "a", Match::Kind::less_equal), 0.0F);
  EXPECT_EQ(compare("Z", "a", Match::Kind::less), 1.0F);  // by code points
  EXPECT_EQ(compare("é", "z", Match::Kind::less), 0.0F);
}

TEST(TextPattern, RefusesWhatIsNoPattern) {
  EXPECT_FALSE(check_pattern({.kind = Match::Kind::like, .pattern = "a\\"}).ok());
  EXPECT_FALSE(check_pattern({.kind = Match::Kind::like, .pattern = "a\\b"}).ok());
  EXPECT_FALSE(check_pattern({.kind = Match::Kind::less, .pattern = std::string(201, 'x')}).ok());
}

// The regular expressions are run by RE2 where models are (engine/operator_conformance_test.cpp).
TEST(TextPattern, AsRegularExpression) {
  EXPECT_EQ(regular_expression({.kind = Match::Kind::like, .pattern = "a%_\\%."}), "(?s)a.*.\\x{25}\\x{2e}");
  EXPECT_EQ(regular_expression({.kind = Match::Kind::like, .pattern = "k1", .any_case = true}), "(?s)[kK\u212A]1");
  EXPECT_EQ(regular_expression({.kind = Match::Kind::less_equal, .pattern = "b"}), "(?s)(?:[\\x{0}-\\x{61}].*|b)");
  EXPECT_EQ(regular_expression({.kind = Match::Kind::less, .pattern = "ab"}),
            "(?s)(?:[\\x{0}-\\x{60}].*|a(?:[\\x{0}-\\x{61}].*)?)");
}

}  // namespace
}  // namespace slipway::model
