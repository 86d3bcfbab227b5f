#include <gtest/gtest.h>

#include <slipway/table/table.hpp>

namespace slipway::table {
namespace {

TEST(Concatenate, JoinsRowsAndDictionaries) {
  const Table first =
      *Table::make({{"city", TextColumn{{0, 1, -1}, {"oslo", "bonn"}}}, {"n", IntegerColumn{{1, 2, 3}}}});
  const Table second = *Table::make({{"n", IntegerColumn{{4, 5}}}, {"city", TextColumn{{0, 1}, {"nice", "oslo"}}}});
  const auto joined = concatenate(first, second);
  ASSERT_TRUE(joined.ok()) << joined.error().message();
  EXPECT_EQ(joined->rows(), 5u);
  EXPECT_EQ(joined->column(0).cell_text(3), "nice");
  EXPECT_EQ(joined->column(0).cell_text(4), "oslo");
  EXPECT_TRUE(joined->column(0).is_missing(2));
  EXPECT_EQ(joined->column(1).cell_text(4), "5");
  EXPECT_EQ(std::get<TextColumn>(joined->column(0).data).dictionary.size(), 3u);
}

TEST(Concatenate, RefusesOtherColumns) {
  const Table first = *Table::make({{"n", IntegerColumn{{1}}}});
  EXPECT_FALSE(concatenate(first, *Table::make({{"m", IntegerColumn{{1}}}})).ok());
  EXPECT_FALSE(concatenate(first, *Table::make({{"n", NumberColumn{{1}}}})).ok());
}

}  // namespace
}  // namespace slipway::table
