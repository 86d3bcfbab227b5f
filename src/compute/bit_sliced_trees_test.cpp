#include <limits>

#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/compute/bit_sliced_trees.hpp>

namespace slipway::compute {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// Two trees over columns a and b:
//   a > 1 ? (b > 0 ? 40 : 20) : 10, missing a goes left, missing b right;   the constant 1.
BitSlicedTrees two_trees() {
  BitSlicedTrees trees;
  trees.slots = {{0, false, 0, 1, 1}, {1, true, 1, 1, 1}};
  trees.edges = {1, 0};
  trees.runs = {{0, 0, 0, 1}, {1, 0, 1, 2}};
  trees.lows = {0, 0};
  // Leaves left to right: 10, 20, 40.
  trees.nodes = {{0, 1, 3, 0}, {1, 2, 3, 1}};
  trees.trees = {{0, 2, 3, 2, 0}, {2, 2, 1, 0, 32}};
  trees.groups = {{0, 2, 0, 2}};
  trees.values.assign(64, 0);
  trees.values[0] = 10;
  trees.values[1] = 20;  // Gray code of 1
  trees.values[3] = 40;  // of 2
  trees.values[32] = 1;
  trees.most_tests = 2;
  trees.most_leaves = 3;
  return trees;
}

float by_hand(float a, float b) {
  if (!(a > 1)) return 11;
  return b <= 0 ? 21.0F : 41.0F;
}

TEST(ScoreSliced, FollowsEveryRowOnEveryLevel) {
  const BitSlicedTrees trees = two_trees();
  for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
    if (level > best_simd_level()) continue;
    for (const std::size_t rows : {1, 7, 16, 63, 64, 200, 255, 256}) {
      Random random(rows);
      const std::size_t stride = rows + 3;
      std::vector<float> block(2 * stride, -5);
      const float choices[] = {missing, -infinity, -1, -0.0F, 0, 1, 1.5F, infinity};
      for (std::size_t row = 0; row < rows; ++row)
        for (std::size_t column = 0; column < 2; ++column) block[column * stride + row] = choices[random.below(8)];
      std::vector<float> out(rows + 1, 0.5F);
      BitSlicedScratch scratch;
      score_sliced(trees, block.data(), stride, rows, level, scratch, out.data(), rows + 1);
      for (std::size_t row = 0; row < rows; ++row)
        ASSERT_EQ(out[row], 0.5F + by_hand(block[row], block[stride + row]))
            << "level " << int(level) << ", " << rows << " rows, row " << row << ": " << block[row] << ", "
            << block[stride + row];
      EXPECT_EQ(out[rows], 0.5F);  // what lies behind is left alone
    }
  }
}

}  // namespace
}  // namespace slipway::compute
