#include <limits>

#include <gtest/gtest.h>

#include <slipway/compute/leaf_masks.hpp>

namespace slipway::compute {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// Three trees over columns b (missing goes right) and a (missing goes left), with two numbers a leaf:
//   a > 1 ? (b > 0 ? 40 : 20) : 10;   a > 3 ? (a > 4 ? 300 : 200) : 100;   the constant 1.
LeafMasks three_trees() {
  LeafMasks masks;
  masks.outputs = 2;
  masks.used = 2;
  for (auto* each : {&masks.column, &masks.first_edge, &masks.missing_code, &masks.half})
    each->assign(LeafMasks::padding, 0);
  masks.edges = {1, 3, 4, 0, 0};  // of a, of b, one behind
  masks.column[1] = 1;
  masks.first_edge[1] = 3;
  masks.missing_code[1] = 1;
  masks.half[0] = 2;
  masks.half[1] = 1;
  masks.words = 16;
  masks.rows = {0, 4 * masks.words};
  masks.table = Buffer<std::uint32_t>(6 * masks.words);
  std::fill_n(masks.table.data(), masks.table.size(), 0xFFFFFFFFU);
  // a > 1 rules out leaf 0 of the first tree, a > 3 that of the second, a > 4 its leaf 1; b > 0 leaf 1 of the first.
  for (std::size_t code = 1; code < 4; ++code) masks.table[code * masks.words] = ~1U;
  masks.table[2 * masks.words + 1] = ~1U;
  masks.table[3 * masks.words + 1] = ~3U;
  masks.table[5 * masks.words] = ~2U;
  masks.trees = {{0, 0}, {1, 3}, {2, 6}};
  for (const float value : {10, 20, 40, 100, 200, 300, 1}) {
    masks.values.push_back(value);
    masks.values.push_back(-value);
  }
  return masks;
}

float by_hand(float a, float b) {
  const float first = !(a > 1) ? 10.0F : b <= 0 ? 20.0F : 40.0F;
  const float second = !(a > 3) ? 100.0F : a > 4 ? 300.0F : 200.0F;
  return first + second + 1;
}

TEST(ScoreMasked, FollowsEveryRowOnEveryLevel) {
  const LeafMasks masks = three_trees();
  LeafMaskScratch scratch;
  for (const SimdLevel level : {SimdLevel::scalar, SimdLevel::avx2, SimdLevel::avx512}) {
    if (level > best_simd_level()) continue;
    for (const float a : {missing, -infinity, 0.0F, 1.0F, 1.5F, 3.0F, 3.5F, 4.0F, 5.0F, infinity})
      for (const float b : {missing, -infinity, -1.0F, -0.0F, 0.0F, 0.5F, infinity}) {
        const float row[] = {a, -7, -7, b};  // three apart
        float out[] = {0.5F, -8, 0.5F};
        score_masked(masks, row, 3, level, scratch, out, 2);
        EXPECT_EQ(out[0], 0.5F + by_hand(a, b)) << "level " << int(level) << ": " << a << ", " << b;
        EXPECT_EQ(out[2], 0.5F - by_hand(a, b)) << "level " << int(level) << ": " << a << ", " << b;
        EXPECT_EQ(out[1], -8);  // what lies between is left alone
      }
  }
}

}  // namespace
}  // namespace slipway::compute
