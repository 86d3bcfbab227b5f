#include "cell_functions.hpp"

#include <bit>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/table/source.hpp>

#include "connection.hpp"
#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;

// Texts like those in files, and what comes of them when single characters go wrong.
std::vector<std::string> odd_texts(std::initializer_list<const char*> seeds) {
  std::vector<std::string> texts(seeds.begin(), seeds.end());
  constexpr std::string_view characters = "0123456789+-._:eETZx /'ä\t";
  Random random(random_key({7}));
  for (const char* seed : seeds)
    for (int i = 0; i < 300; ++i) {
      std::string text = seed;
      for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes) {
        const std::size_t at = random.below(text.size() + 1);
        const char c = characters[random.below(characters.size())];
        if (random.below(3) == 0)
          text.insert(at, 1, c);
        else if (at < text.size())
          text[at] = c;
      }
      if (text.find('\xc3') == std::string::npos && text.find('\xa4') == std::string::npos) texts.push_back(text);
    }
  return texts;
}

// What DuckDB's own cast gives, as text; "" for NULL.
std::vector<std::string> cast_by_duckdb(const std::vector<std::string>& texts, const std::string& expression) {
  const auto connection = Connection::open(1).value();
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quote_literal(text);
  auto answer =
      connection->query(fmt::format("SELECT ({})::VARCHAR FROM (SELECT unnest([{}]) AS t)", expression, list));
  EXPECT_TRUE(answer.ok()) << answer.error().message();
  std::vector<std::string> values;
  for (auto& row : answer->texts()) values.push_back(row[0]);
  return values;
}

TEST(CellFunctions, AnIntegerIsWhatDuckDbWritesTheSameAgain) {
  const auto texts = odd_texts({"0", "-0", "7", "-12", "007", "+5", "2.5", "1e2", "0x10", "1_000", "",
                                "9223372036854775807", "9223372036854775808", "-9223372036854775808", "12345678901"});
  const auto expected = cast_by_duckdb(texts, "CASE WHEN CAST(TRY_CAST(t AS BIGINT) AS VARCHAR) = t THEN t END");
  int read = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto value = read_canonical_integer(texts[i]);
    ASSERT_EQ(value ? std::to_string(*value) : "", expected[i]) << "'" << texts[i] << "'";
    read += value.has_value() ? 1 : 0;
  }
  EXPECT_GT(read, 500);
}

TEST(CellFunctions, ANumberHasTheBitsThatDuckDbGivesIt) {
  const auto texts = odd_texts({"0", "-0", "0.1", "69.29", "-1234.5678", "9007199254740993", "123456789.123456789",
                                "1e5", ".5", "5.", "1_0", "12.000000000000001", "0.00000000000000001", "inf", "nan"});
  const auto expected = cast_by_duckdb(texts, "format('{:a}', TRY_CAST(t AS DOUBLE))");
  int read = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto value = read_plain_number(texts[i]);
    if (!value) continue;
    ASSERT_EQ(fmt::format("{:a}", *value), expected[i]) << "'" << texts[i] << "'";
    ++read;
  }
  EXPECT_GT(read, 500);
  EXPECT_TRUE(read_plain_number("69.29"));
  EXPECT_TRUE(std::signbit(*read_plain_number("-0")));
}

TEST(CellFunctions, ATimeIsTheMomentThatDuckDbGivesIt) {
  const auto texts =
      odd_texts({"2026-01-31", "2026-01-31 12:30:59", "2024-02-29T23:59:59Z", "1900-02-29", "0001-01-01", "1969-12-31",
                 "2000-02-29", "9999-12-31 00:00:00", "2026-13-01", "2026-01-01 24:00:00"});
  const auto expected = cast_by_duckdb(texts, "epoch_us(TRY_CAST(t AS TIMESTAMP))");
  int read = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto value = read_plain_time(texts[i]);
    if (!value) continue;
    ASSERT_EQ(std::to_string(*value), expected[i]) << "'" << texts[i] << "'";
    ++read;
  }
  EXPECT_GT(read, 100);
  EXPECT_TRUE(read_plain_time("2026-01-01T00:00:02Z"));
}

TEST(CellFunctions, OrdinaryTextIsNeitherBlankAtItsEndsNorAMarker) {
  const auto connection = Connection::open(1).value();
  SLIPWAY_VALUE(auto answer, connection->query("SELECT " + sql_of_ordinary("t", {"", "NA", "n,:a"}) +
                                               "::VARCHAR FROM (SELECT unnest(['a', '', ' a', 'a ', E'a\\n', 'NA', "
                                               "'NAN', 'n,:a', NULL, 'ä', chr(160)]) AS t)"));
  std::vector<std::string> values;
  for (const auto& row : answer.texts()) values.push_back(row[0]);
  EXPECT_THAT(values, ElementsAre("true", "false", "false", "false", "false", "false", "true", "false", "true", "true",
                                  "true"));
}

TEST(CellFunctions, MissingCellsOfAChunkStayMissing) {
  const auto connection = Connection::open(2).value();
  SLIPWAY_VALUE(auto answer, connection->query("SELECT count(v), sum(v)::BIGINT, count(*) FROM (SELECT " +
                                               sql_of_canonical_integer("t") +
                                               " AS v FROM (SELECT CASE WHEN i % 3 <> 0 THEN i::VARCHAR END AS t FROM "
                                               "range(10000) r(i)))"));
  EXPECT_THAT(answer.first_row_integers(), ElementsAre(6666, 49995000 - 3 * 3333 * 3334 / 2, 10000));
}

}  // namespace
}  // namespace slipway::table
