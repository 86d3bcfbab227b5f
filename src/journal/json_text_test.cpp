#include <gtest/gtest.h>

#include <slipway/journal/json_text.hpp>

namespace slipway::journal {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
template <class Number>
std::string number(Number value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

TEST(JsonText, EscapesWhatJsonNeeds) {
  EXPECT_EQ(quoted(""), "\"\"");
  EXPECT_EQ(quoted("a\"b\\c\n\r\t\x1f"), "\"a\\\"b\\\\c\\n\\r\\t\\u001f\"");
  EXPECT_EQ(quoted("na\xc3\xafve \xf0\x9f\x98\x80"), "\"na\xc3\xafve \xf0\x9f\x98\x80\"");
  EXPECT_EQ(quoted(std::string_view("\0", 1)), "\"\\u0000\"");
}

TEST(JsonText, MalformedUtf8IsReplaced) {
  EXPECT_EQ(quoted("\xff"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(quoted("\xc3"), "\"\xef\xbf\xbd\"");                                    // cut short
  EXPECT_EQ(quoted("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");                    // overlong
  EXPECT_EQ(quoted("\xed\xa0\x80x"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\"");  // a surrogate
  EXPECT_TRUE(is_utf8("\xf4\x8f\xbf\xbf"));
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_utf8("\xed\xbf\xbf"));
  EXPECT_FALSE(is_utf8("ok\x80"));
}

TEST(JsonText, NumbersAreShortest) {
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_EQ(number(100.0), "100");
  EXPECT_EQ(number(1e30), "1e+30");
  EXPECT_EQ(number(-0.0), "-0");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(number(std::numeric_limits<float>::infinity()), "null");
  EXPECT_EQ(number(1.17549435e-38F), "1.1754944e-38");
}

}  // namespace
}  // namespace slipway::journal
