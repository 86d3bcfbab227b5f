// Bootstrap samples and gains.
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>

#include "tree/bag.hpp"
#include "tree/gain.hpp"

namespace slipway::learners::tree {
namespace {

TEST(Bag, DrawsExactlyAsManyAsAsked) {
  for (std::size_t rows : {1U, 2U, 7U, 1000U}) {
    std::vector<std::uint8_t> counts(rows);
    for (std::uint64_t draws : {std::uint64_t{1}, std::uint64_t{rows / 2 + 1}, std::uint64_t{rows}}) {
      draw_bag(rows + draws, std::min<std::uint64_t>(draws, rows), counts);
      EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), std::min<std::uint64_t>(draws, rows));
    }
  }
}

TEST(Bag, CountsAreMultinomial) {
  constexpr std::size_t rows = 200000;
  std::vector<std::uint8_t> counts(rows);
  std::array<double, 16> seen{};
  for (std::uint64_t key = 0; key < 5; ++key) {
    draw_bag(random_key({key}), rows, counts);
    for (std::size_t row = 0; row < rows; ++row) seen[counts[row]] += 1;
  }
  // Poisson(1) probabilities; five standard deviations of a million rows.
  const double expected[] = {0.367879, 0.367879, 0.183940, 0.061313, 0.015328, 0.003066};
  for (int count = 0; count < 6; ++count) {
    const double share = seen[static_cast<std::size_t>(count)] / (5.0 * rows);
    EXPECT_NEAR(share, expected[count], 5 * std::sqrt(expected[count] / (5.0 * rows))) << count;
  }
}

TEST(Bag, NeighboursAndKeysAreIndependent) {
  constexpr std::size_t rows = 100000;
  std::vector<std::uint8_t> first(rows);
  std::vector<std::uint8_t> second(rows);
  draw_bag(random_key({1}), rows, first);
  draw_bag(random_key({2}), rows, second);
  double between_keys = 0;
  double between_neighbours = 0;
  for (std::size_t row = 0; row + 1 < rows; ++row) {
    between_keys += (first[row] - 1.0) * (second[row] - 1.0);
    between_neighbours += (first[row] - 1.0) * (first[row + 1] - 1.0);
  }
  EXPECT_LT(std::abs(between_keys / rows), 0.016);
  EXPECT_LT(std::abs(between_neighbours / rows), 0.016);
}

TEST(Gain, LogarithmIsThatOfTheLibrary) {
  EXPECT_EQ(x_log2_x(0), 0);
  EXPECT_EQ(x_log2_x(1), 0);
  EXPECT_EQ(x_log2_x(8), 24);
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const double x = std::exp(random.normal() * 10);
    EXPECT_NEAR(x_log2_x(x), x * std::log2(x), 4e-16 * std::max(std::abs(x * std::log2(x)), x)) << x;
  }
}

TEST(Gain, BestSplitByHand) {
  // Negatives 4, 1 and positives 1, 3 in bins 0 and 2; bin 1 is empty.
  ClassPrefix prefix;
  const int negative[] = {4, 4, 5};
  const int positive[] = {1, 1, 4};
  for (int x = 0; x < 3; ++x) {
    prefix.negative[x] = negative[x];
    prefix.positive[x] = positive[x];
    prefix.rows[x] = negative[x] + positive[x];
  }
  const NodeSums node{9, 4, 9, 1};
  const BestBin best = best_gini(prefix, 3, node, {1, 1}, {});
  EXPECT_EQ(best.bin, 0);  // the first of the equals
  // Gini's decrease times 9: 40/9 - 8/5 - 6/4; the gain is that times 9 / 2.
  EXPECT_NEAR(best.gain * 2 / 9, 40.0 / 9 - 8.0 / 5 - 6.0 / 4, 1e-12);
  EXPECT_EQ(best_gini(prefix, 3, {9, 4, 9, 5}, {1, 1}, {}).gain, -1);  // 5 rows on each side cannot be had
  // Entropy in bits, by hand: 9 H(4/9) - 5 H(1/5) - 4 H(3/4).
  EXPECT_NEAR(best_entropy(prefix, 3, node, {1, 1}, {}).gain, 2.064931566270658, 1e-9);
}

}  // namespace
}  // namespace slipway::learners::tree
