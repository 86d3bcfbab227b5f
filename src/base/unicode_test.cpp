#include <gtest/gtest.h>

#include <slipway/base/unicode.hpp>

namespace slipway {
namespace {

TEST(Unicode, LowerCaseOfLetters) {
  EXPECT_EQ(unicode_lower_case("STRASSE Straße ÀÉÎÕÜ"), "strasse straße àéîõü");
  EXPECT_EQ(unicode_lower_case("ЖЁ ΑΣ ԱԲ"), "жё ασ աբ");
  EXPECT_EQ(unicode_lower_case("\u212A \u1E9E \u0130 \U00010400"), "k ß i \U00010428");
  EXPECT_EQ(unicode_lower_case("東京 123 _ \u0307"), "東京 123 _ \u0307");
  EXPECT_EQ(unicode_lower_case(""), "");
  EXPECT_EQ(unicode_lower_case("A\xff\xc3"), "a\xff\xc3");  // no UTF-8
}

TEST(Unicode, UpperFormsAreWhatHasThatLowerCase) {
  EXPECT_EQ(upper_forms('k'), (std::vector<char32_t>{'K', 0x212a}));
  EXPECT_EQ(upper_forms(0xe9), (std::vector<char32_t>{0xc9}));
  EXPECT_EQ(upper_forms(0xdf), (std::vector<char32_t>{0x1e9e}));
  EXPECT_TRUE(upper_forms('K').empty());
  EXPECT_TRUE(upper_forms('1').empty());
  for (char32_t c = 0; c < 0x20000; ++c)
    for (const char32_t form : upper_forms(c)) ASSERT_EQ(lower_case_of(form), c) << static_cast<std::uint32_t>(c);
}

TEST(Unicode, KnowsWhatIsUtf8) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("aé€😀"));
  EXPECT_FALSE(is_utf8("\xc3"));
  EXPECT_FALSE(is_utf8("\xc0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xe0\x80\x80"));      // overlong
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(is_utf8("\x80"));
}

TEST(Unicode, Characters) {
  EXPECT_EQ(characters_of("aé東\U0001F4B3"), (std::vector<char32_t>{'a', 0xe9, 0x6771, 0x1f4b3}));
  EXPECT_EQ(characters_of("\xffz\xed\xa0\x80"), (std::vector<char32_t>{0xfffd, 'z', 0xfffd, 0xfffd, 0xfffd}));
  std::string text;
  for (const char32_t c : {0x41, 0xe9, 0x6771, 0x1f4b3}) append_character(text, static_cast<char32_t>(c));
  EXPECT_EQ(text, "Aé東\U0001F4B3");
}

}  // namespace
}  // namespace slipway
