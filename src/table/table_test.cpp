#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/table/table.hpp>

#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

Table example() {
  return Table::make({{"amount", NumberColumn{{1.5f, missing, -0.1f}}},
                      {"count", IntegerColumn{{7, IntegerColumn::missing, 9007199254740993}}},
                      {"state", TextColumn{{1, 0, -1}, {"CA", "New \"York\""}}},
                      {"time", TimeColumn{{0, missing_time, 1'500'000}}}})
      .value();
}

TEST(Table, ShowsCellsAsText) {
  const Table table = example();
  ASSERT_EQ(table.rows(), 3u);
  EXPECT_EQ(table.column(0).cell_text(0), "1.5");
  EXPECT_EQ(table.column(0).cell_text(1), "");
  EXPECT_EQ(table.column(0).cell_text(2), "-0.1");
  EXPECT_EQ(table.column(1).cell_text(1), "");
  EXPECT_EQ(table.column(1).cell_text(2), "9007199254740993");
  EXPECT_EQ(table.column(2).cell_text(0), "New \"York\"");
  EXPECT_EQ(table.column(2).cell_text(2), "");
  EXPECT_EQ(table.column(3).cell_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(table.column(3).cell_text(2), "1970-01-01T00:00:01.500000Z");
}

TEST(Table, NamesTypes) {
  const Table table = example();
  std::vector<std::string> types;
  for (const Column& column : table.all()) types.emplace_back(type_name(column.data));
  EXPECT_THAT(types, ElementsAre("number", "integer", "text", "time"));
}

TEST(Table, RefusesUnequalLengthsAndRepeatedNames) {
  const auto unequal = Table::make({{"a", NumberColumn{{1, 2}}}, {"b", NumberColumn{{1}}}});
  ASSERT_FALSE(unequal.ok());
  EXPECT_THAT(unequal.error().message(), HasSubstr("'b' has 1 rows, expected 2"));
  const auto repeated = Table::make({{"a", NumberColumn{{1}}}, {"a", NumberColumn{{1}}}});
  ASSERT_FALSE(repeated.ok());
  EXPECT_THAT(repeated.error().message(), HasSubstr("'a'"));
}

TEST(Table, WithoutColumnsHasNoRows) {
  const auto table = Table::make({});
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->rows(), 0u);
  EXPECT_EQ(table->columns(), 0u);
}

TEST(Table, SuggestsTheNearestColumn) {
  const auto found = example().get("ammount");
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code(), ErrorCode::not_found);
  EXPECT_THAT(found.error().message(), HasSubstr("did you mean 'amount'?"));
}

TEST(Table, TakesRowsInTheOrderAskedFor) {
  const std::uint32_t rows[] = {2, 0, 0};
  const Table taken = example().take(rows);
  ASSERT_EQ(taken.rows(), 3u);
  EXPECT_EQ(taken.column(0).cell_text(0), "-0.1");
  EXPECT_EQ(taken.column(0).cell_text(2), "1.5");
  EXPECT_THAT(std::get<IntegerColumn>(taken.column(1).data).values, ElementsAre(9007199254740993, 7, 7));
  EXPECT_THAT(std::get<TextColumn>(taken.column(2).data).codes, ElementsAre(-1, 1, 1));
  EXPECT_THAT(std::get<TextColumn>(taken.column(2).data).dictionary, ElementsAre("CA", "New \"York\""));
  EXPECT_EQ(example().take({}).rows(), 0u);
  EXPECT_EQ(example().take({}).columns(), 4u);
}

TEST(Table, SelectsKnownNamesInTheOrderAskedFor) {
  const std::string names[] = {"time", "nothing", "amount", "time"};
  const Table selected = example().select(names);
  EXPECT_THAT(selected.names(), ElementsAre("time", "amount"));
  EXPECT_EQ(selected.rows(), 3u);
}

TEST(Table, AddsColumnsThatFit) {
  Table table = example();
  EXPECT_FALSE(table.add({"amount", NumberColumn{{1, 2, 3}}}).ok());
  EXPECT_FALSE(table.add({"other", NumberColumn{{1, 2}}}).ok());
  SLIPWAY_EXPECT_OK(table.add({"other", NumberColumn{{1, 2, 3}}}));
  EXPECT_EQ(table.columns(), 5u);
  Table empty;
  SLIPWAY_EXPECT_OK(empty.add({"first", IntegerColumn{{4, 5}}}));
  EXPECT_EQ(empty.rows(), 2u);
}

TEST(Table, GivesNumbersOfEveryTypeButText) {
  const Table table = example();
  const auto counts = as_numbers(table.column(1));
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ((*counts)[0], 7.0f);
  EXPECT_TRUE(std::isnan((*counts)[1]));
  const auto times = as_numbers(table.column(3));
  ASSERT_TRUE(times.ok());
  EXPECT_EQ((*times)[2], 1.5f);
  EXPECT_TRUE(std::isnan((*times)[1]));
  const auto text = as_numbers(table.column(2));
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message(), HasSubstr("column 'state' is text, expected numbers (row 1: 'New \"York\"')"));
}

TEST(Table, GivesTextOfEveryType) {
  const TextColumn text = as_text({"x", NumberColumn{{2.5f, missing, 1.0f, 2.5f}}});
  EXPECT_THAT(text.codes, ElementsAre(0, -1, 1, 0));
  EXPECT_THAT(text.dictionary, ElementsAre("2.5", "1"));
  EXPECT_THAT(as_text({"t", TimeColumn{{missing_time, 0}}}).dictionary, ElementsAre("1970-01-01T00:00:00Z"));
}

}  // namespace
}  // namespace slipway::table
