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

TEST(Bins, ThresholdsLieBetweenNeighbours) {
  const float low = 1, high = std::nextafterf(1, 2);
  const auto edges = fit_bins(column({low, high}), {}, Threads(1)).edges[0];
  ASSERT_EQ(edges.size(), 1u);
  EXPECT_GE(edges[0], low);
  EXPECT_LT(edges[0], high);
}

}  // namespace
}  // namespace slipway::learners::tree
