#include <gtest/gtest.h>

#include <slipway/params/options.hpp>

namespace slipway::params {
namespace {

struct Kiln {
  int bricks = 12;
  double heat = 0.5;
  bool lid = true;
  std::string fuel = "wood";
  std::optional<int> hours;
};
constexpr Option<Kiln> kiln_options[] = {
    {"bricks", &Kiln::bricks, "how many", {.minimum = 1, .maximum = 100}},
    {"heat", &Kiln::heat, "how hot", {.minimum = 0, .open_minimum = true}},
    {"lid", &Kiln::lid, "closed or not"},
    {"fuel", &Kiln::fuel, "what burns", {.choices = "wood|coal|gas"}},
    {"hours", &Kiln::hours, "how long", {.minimum = 1}},
};
constexpr std::span<const Option<Kiln>> table = kiln_options;

Result<Kiln> read(std::string_view yaml) {
  SLIPWAY_TRY(const Value document, parse_yaml(yaml, "kiln.yaml"));
  Kiln kiln;
  SLIPWAY_CHECK(read_options(kiln, table, document, "kiln"));
  return kiln;
}

TEST(Options, ReadsEveryType) {
  const auto kiln = read("bricks: 7\nheat: 1e-3\nlid: no\nfuel: gas\nhours: 9\n");
  ASSERT_TRUE(kiln.ok()) << kiln.error().message();
  EXPECT_EQ(kiln->bricks, 7);
  EXPECT_EQ(kiln->heat, 1e-3);
  EXPECT_FALSE(kiln->lid);
  EXPECT_EQ(kiln->fuel, "gas");
  EXPECT_EQ(kiln->hours, 9);
}

TEST(Options, NoneEmptiesAnOptional) { EXPECT_FALSE(read("hours: none")->hours.has_value()); }

TEST(Options, UnknownKeyNamesLineColumnAndNearest) {
  const auto kiln = read("bricks: 7\n  \nfeul: gas\n");
  ASSERT_FALSE(kiln.ok());
  EXPECT_TRUE(kiln.error().message().starts_with("kiln.yaml:3:1: unknown key 'feul' in kiln (did you mean 'fuel'?)"))
      << kiln.error().message();
}

TEST(Options, WrongValuesSayWhatIsExpected) {
  EXPECT_EQ(read("bricks: 0").error().message(), "kiln.yaml:1:9: bricks: 0 is out of range, expected from 1 to 100");
  EXPECT_EQ(read("heat: 0").error().message(), "kiln.yaml:1:7: heat: 0 is out of range, expected above 0");
  EXPECT_EQ(read("bricks: 2.5").error().message(), "bricks: kiln.yaml:1:9: expected a whole number, found '2.5'");
  EXPECT_EQ(read("bricks: [1]").error().message(), "bricks: kiln.yaml:1:9: expected a whole number, found a list");
  EXPECT_EQ(read("fuel: cola").error().message(),
            "kiln.yaml:1:7: fuel: unknown value 'cola' (did you mean 'coal'?); expected one of wood, coal, gas");
}

TEST(Options, DescribesDefaults) {
  const auto descriptions = describe(table);
  ASSERT_EQ(descriptions.size(), 5u);
  EXPECT_EQ(descriptions[0].default_value, "12");
  EXPECT_EQ(descriptions[3].default_value, "wood");
  EXPECT_EQ(descriptions[4].default_value, "none");
  EXPECT_EQ(descriptions[4].type, "integer or none");
}

TEST(Yaml, BrokenDocumentNamesTheLine) {
  const auto document = parse_yaml("a: 1\nb: [1, 2\n", "x.yaml");
  ASSERT_FALSE(document.ok());
  EXPECT_TRUE(document.error().message().starts_with("x.yaml:")) << document.error().message();
}

TEST(Yaml, RepeatedKeyIsAnError) {
  EXPECT_EQ(parse_yaml("a: 1\nb: 2\na: 3\n", "x.yaml").error().message(),
            "x.yaml:3:1: the key 'a' stands twice (first in line 1)");
}

TEST(Yaml, AliasBombIsRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string name = "a" + std::to_string(i), before = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [";
    for (int k = 0; k < 10; ++k) bomb += (k ? ", " : "") + before;
    bomb += "]\n";
  }
  EXPECT_FALSE(parse_yaml(bomb, "bomb.yaml").ok());
}

TEST(Yaml, QuotedNumberIsText) {
  const auto document = parse_yaml("a: \"5\"\n", "x.yaml");
  EXPECT_FALSE(document->find("a")->number().ok());
  EXPECT_EQ(*document->find("a")->string(), "5");
}

TEST(Yaml, LargeIntegersStayExact) {
  EXPECT_EQ(*parse_yaml("a: 9007199254740993", "x")->find("a")->integer(), 9007199254740993);
}

TEST(Canonical, EqualContentGivesEqualText) {
  EXPECT_EQ(canonical(*parse_yaml("a: [1, 2]\nb: {c: d}", "x")),
            canonical(*parse_yaml("a:\n- 1\n- 2\nb:\n  c: d", "y")));
}

}  // namespace
}  // namespace slipway::params
