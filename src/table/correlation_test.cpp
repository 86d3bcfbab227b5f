#include <cmath>

#include <gtest/gtest.h>

#include <slipway/table/correlation.hpp>

#include "temporary_folder.hpp"

namespace slipway::table {
namespace {

// Pearson's value is SciPy's (stats.pearsonr), the others are worked out by hand.
TEST(Correlation, HasTheTextbooksValues) {
  const float missing = std::nanf("");
  SLIPWAY_VALUE(const Table table, Table::make({{"x", NumberColumn{{1, 2, 3, 4, 5, 6, missing, 8}}},
                                                {"y", NumberColumn{{2, 1, 4, 3, 7, 5, 9, missing}}},
                                                {"s", TextColumn{{0, 0, 0, 1, 1, 1, 1, 0}, {"a", "b"}}},
                                                {"r", TextColumn{{0, 0, 0, 1, 1, 1, 0, 0}, {"u", "v"}}},
                                                {"c", NumberColumn{std::vector<float>(8, 1)}}}));
  const auto correlations = correlate_columns(table);
  ASSERT_EQ(correlations.size(), 10u);
  EXPECT_EQ(correlations[0].rows, 6);
  EXPECT_NEAR(correlations[0].value, 0.7917946548886294, 1e-12);
  EXPECT_EQ(correlations[1].association, Association::correlation_ratio);
  EXPECT_EQ(correlations[1].second, "s");
  // x by s: means 3.5 of {1, 2, 3, 8} and 5 of {4, 5, 6}; 3.857 of 34.857 lies between.
  EXPECT_NEAR(correlations[1].value, std::sqrt(3.857142857 / 34.857142857), 1e-9);
  EXPECT_EQ(correlations[7].association, Association::cramers_v);
  // 4, 0 / 1, 3: chi squared 4.8 of 8 rows; (0.6 - 1/7) / (1 - 1/7).
  EXPECT_NEAR(correlations[7].value, std::sqrt((0.6 - 1.0 / 7) / (1 - 1.0 / 7)), 1e-9);
  EXPECT_TRUE(std::isnan(correlations[9].value));
}

}  // namespace
}  // namespace slipway::table
