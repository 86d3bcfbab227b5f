#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <slipway/base/random.hpp>
#include <slipway/compute/buffer.hpp>
#include <slipway/compute/columns.hpp>

namespace slipway::compute {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr float infinity = std::numeric_limits<float>::infinity();

TEST(OrderedBits, SortLikeTheFloats) {
  const std::vector<float> ascending = {-infinity, -3e38F, -1, -1e-45F, 0, 1e-45F, 0.5F, 1, 3e38F, infinity};
  for (std::size_t i = 1; i < ascending.size(); ++i)
    EXPECT_LT(ordered_bits(ascending[i - 1]), ordered_bits(ascending[i])) << ascending[i];
  for (float value : ascending) EXPECT_EQ(from_ordered_bits(ordered_bits(value)), value);
  EXPECT_EQ(ordered_bits(-0.0F), ordered_bits(0.0F));
}

TEST(SortKeys, SmallLargeAndConstant) {
  for (std::size_t size : {0U, 1U, 5U, 255U, 256U, 5000U}) {
    Random random(size);
    std::vector<std::uint32_t> keys(size);
    for (auto& key : keys) key = static_cast<std::uint32_t>(random()) >> (size % 2 == 0 ? 0 : 20);
    std::vector<std::uint32_t> expected = keys;
    std::stable_sort(expected.begin(), expected.end());
    std::vector<std::uint32_t> scratch(size);
    sort_keys(keys, scratch);
    EXPECT_EQ(keys, expected) << size;
  }
  std::vector<std::uint32_t> same(300, 7);
  std::vector<std::uint32_t> scratch(300);
  sort_keys(same, scratch);
  EXPECT_THAT(same, ::testing::Each(7U));
}

TEST(CodeColumn, CountsTheEdgesBelow) {
  // Nine values, so that both the vector and the scalar part of the kernel have work.
  const std::vector<float> values = {-infinity, -1, -0.0F, 0.5F, 0.5000001F, 2, infinity, std::nanf(""), std::nanf("")};
  std::vector<std::uint8_t> codes(values.size());
  code_column(values, std::vector<float>{-1, 0, 0.5F, 2}, codes.data());
  EXPECT_THAT(codes, ElementsAre(0, 0, 1, 2, 3, 3, 4, 255, 255));
  code_column(values, {}, codes.data());
  EXPECT_THAT(codes, ElementsAre(0, 0, 0, 0, 0, 0, 0, 255, 255));
}

TEST(CodeColumn, FullSetOfEdges) {
  std::vector<float> edges(most_edges);
  for (std::size_t i = 0; i < edges.size(); ++i) edges[i] = static_cast<float>(i) * 2;
  std::vector<float> values;
  for (int i = -1; i < 520; ++i) values.push_back(static_cast<float>(i));
  std::vector<std::uint8_t> codes(values.size());
  code_column(values, edges, codes.data());
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(codes[i], std::min(254.0F, std::ceil(values[i] / 2) < 0 ? 0.0F : std::ceil(values[i] / 2))) << values[i];
}

TEST(RowsOfColumns, TransposesAndPads) {
  const std::vector<std::uint8_t> columns = {1, 2, 3, 4, 5, 6};  // two columns of three rows
  std::vector<std::uint8_t> rows(12, 9);
  rows_of_columns(columns.data(), 3, 2, 4, rows.data(), 0, 3);
  EXPECT_THAT(rows, ElementsAre(1, 4, 0, 0, 2, 5, 0, 0, 3, 6, 0, 0));
}

TEST(Buffer, IsAlignedAndMoves) {
  Buffer<float> large(1 << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large.data()) % 64, 0U);
  large[(1 << 20) - 1] = 3;
  Buffer<float> moved = std::move(large);
  EXPECT_EQ(moved[(1 << 20) - 1], 3);
  EXPECT_EQ(moved.size(), std::size_t{1} << 20);
  EXPECT_EQ(Buffer<float>(0).size(), 0U);
}

}  // namespace
}  // namespace slipway::compute
