#include "tree/bins.hpp"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace slipway::learners::tree {
namespace {

model::Block column(std::vector<float> values) {
  model::Block block(values.size(), 1);
  std::copy(values.begin(), values.end(), block.values.begin());
  return block;
}

TEST(Bins, FewValuesHaveOneBinEach) {
  const Bins bins = fit_bins(column({3, 1, 2, 2, std::nanf(""), 1}), {}, Threads(1));
  EXPECT_EQ(bins.edges[0], (std::vector<float>{1.5F, 2.5F}));
}

TEST(Bins, RowsOfALongTailStayApart) {
  std::vector<float> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(static_cast<float>(i % 20'000) / 100);  // 0 to 200
  for (int i = 0; i < 20; ++i) values.push_back(220 + static_cast<float>(10 * i));           // 20 rows beyond
  const Bins bins = fit_bins(column(values), {}, Threads(1));
  const auto& edges = bins.edges[0];
  EXPECT_TRUE(std::any_of(edges.begin(), edges.end(), [](float edge) { return edge >= 199.99F && edge < 220; }));
  EXPECT_GE(std::count_if(edges.begin(), edges.end(), [](float edge) { return edge > 220; }), 5);
  EXPECT_LE(edges.size(), 253u);
}

TEST(Bins, QuantilesOnlyHoldLikeNumbersOfRows) {
  std::vector<float> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(std::exp(static_cast<float>(i) / 10'000));
  std::vector<std::size_t> counts(254, 0);
  BinOptions options;
  options.quantiles_only = true;
  const Bins bins = fit_bins(column(values), options, Threads(1));
  const auto& edges = bins.edges[0];
  ASSERT_EQ(edges.size(), 253u);
  for (float value : values) ++counts[std::lower_bound(edges.begin(), edges.end(), value) - edges.begin()];
  for (std::size_t count : counts) EXPECT_NEAR(static_cast<double>(count), 100'000 / 254.0, 2);
}

TEST(Bins, AnAbsurdOutlierCostsFewEdges) {
  std::vector<float> values;
  for (int i = 0; i < 100'000; ++i) values.push_back(static_cast<float>(i) / 1000);
  values.push_back(1e12F);
  const auto edges = fit_bins(column(values), {}, Threads(1)).edges[0];
  EXPECT_EQ(std::count_if(edges.begin(), edges.end(), [](float edge) { return edge > 100; }), 1);
  EXPECT_GT(edges.size(), 240u);
}

// Longer columns are cut by a sample; what is rare at their ends is seen all the same.
TEST(Bins, RareFarRowsOfALongColumnStayApart) {
  std::vector<float> values;
  for (int i = 0; i < 500'000; ++i) values.push_back(static_cast<float>(i % 50'000) / 100);  // 0 to 500
  for (int i = 0; i < 9; ++i) values[static_cast<std::size_t>(i) * 50'001 + 7] = 1000.0F * static_cast<float>(i + 1);
  values[3] = -4000;
  const auto edges = fit_bins(column(values), {}, Threads(1)).edges[0];
  EXPECT_EQ(std::count_if(edges.begin(), edges.end(), [](float edge) { return edge >= 1000; }), 8);
  EXPECT_EQ(std::count_if(edges.begin(), edges.end(), [](float edge) { return edge < 0; }), 1);
  EXPECT_GT(edges.size(), 240u);
}

TEST(Bins, QuantilesOfALongColumnAreThoseOfAllRows) {
  std::vector<float> values;
  for (int i = 0; i < 600'000; ++i) values.push_back(static_cast<float>(i * 7919LL % 600'000));  // 0 to 599,999
  values[5] = values[17] = std::nanf("");
  BinOptions options;
  options.quantiles_only = true;
  const auto edges = fit_bins(column(values), options, Threads(1)).edges[0];
  ASSERT_EQ(edges.size(), 253u);
  // A quantile of 131,072 rows is off by .0014 in rank at most times; three of those.
  for (std::size_t k = 0; k < edges.size(); ++k)
    EXPECT_NEAR(edges[k], static_cast<double>(k + 1) * 600'000 / 254, 0.0042 * 600'000);
}

TEST(Bins, FewValuesOfALongColumnAreAllFound) {
  std::vector<float> values;
  for (int i = 0; i < 400'000; ++i) values.push_back(static_cast<float>(i % 200));
  for (int i = 0; i < 20; ++i)
    values[static_cast<std::size_t>(i) * 19'997] = static_cast<float>(i) + 0.5F;  // once each
  EXPECT_EQ(fit_bins(column(values), {}, Threads(1)).edges[0].size(), 219u);
}

TEST(Bins, ThresholdsLieBetweenNeighbours) {
  const float low = 1, high = std::nextafterf(1, 2);
  const auto edges = fit_bins(column({low, high}), {}, Threads(1)).edges[0];
  ASSERT_EQ(edges.size(), 1u);
  EXPECT_GE(edges[0], low);
  EXPECT_LT(edges[0], high);
}

}  // namespace
}  // namespace slipway::learners::tree
