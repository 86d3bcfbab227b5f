// Scoring 256 rows of a tree ensemble at once, one bit a row: no branches and no gathers in the walk.
//
// Every distinct test "column > edge" of the ensemble is a vector of 256 bits. A tree's leaves are numbered left to
// right; S[j] holds the rows whose leaf is j or later. S[0] is all rows, S[leaves] none, and a node over the leaves
// [low, high) that is split at middle gives
//   S[middle] = S[high] | (S[low] & test).
// Bit k of the Gray code of a row's leaf is the XOR of the S[j] with j = 2^k modulo 2^(k + 1), so a node adds its S to
// one bit plane. The planes, transposed, are indices into the leaves in Gray order. After RapidScorer (Ye et al.,
// 2018), with rows in place of leaves as bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include <slipway/compute/buffer.hpp>
#include <slipway/compute/dispatch.hpp>
#include <slipway/compute/edges.hpp>

namespace slipway::compute {

inline constexpr std::size_t sliced_rows = 256;

// Plain data; whoever fills it keeps to what is said here.
struct BitSlicedTrees {
  using Slot = EdgeSlot;
  // Tests of one slot whose edges share the high half of their number: "code > high << (bits / 2) | low".
  struct Run {
    std::uint32_t slot = 0, high = 0, first_test = 0, last_test = 0;
  };
  // Parents before children. Leaf numbers; `test` counts within the group.
  struct Node {
    std::uint16_t low = 0, middle = 0, high = 0, test = 0;
  };
  struct Tree {
    std::uint32_t first_node = 0, last_node = 0;
    std::uint32_t leaves = 0;  // at most 65,535
    std::uint32_t planes = 0;  // bits of the index: leaves <= 2^planes
    std::size_t table = 0;     // into values: per output max(2^planes, 32) numbers in Gray order
  };
  // Trees that share a set of tests small enough for the second cache.
  struct Group {
    std::uint32_t first_tree = 0, last_tree = 0, first_run = 0, last_run = 0;
  };

  std::size_t outputs = 1;
  std::vector<Slot> slots;
  std::vector<float> edges;
  std::vector<Run> runs;
  std::vector<std::uint16_t> lows;  // per test, over all groups
  std::vector<Node> nodes;
  std::vector<Tree> trees;
  std::vector<Group> groups;
  std::vector<float> values;
  std::size_t most_tests = 0;   // of a group
  std::size_t most_leaves = 0;  // of a tree
  std::size_t table_size(const Tree& tree) const { return std::max<std::size_t>(32, std::size_t{1} << tree.planes); }
};

// Working memory of one thread.
struct BitSlicedScratch {
  Buffer<std::uint64_t> words;
};

// Adds the leaves' values of up to 256 rows, tree by tree in float32, to out[output * out_stride + row]. The block lies
// by column: block[column * stride + row]. All levels give the same bits.
void score_sliced(const BitSlicedTrees& trees, const float* block, std::size_t stride, std::size_t rows,
                  SimdLevel level, BitSlicedScratch& scratch, float* out, std::size_t out_stride);

}  // namespace slipway::compute
