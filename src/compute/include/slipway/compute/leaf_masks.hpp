// One row through all small trees of an ensemble by bit masks, after QuickScorer (Lucchese et al., 2015).
//
// A tree's leaves are numbered left to right, one bit each. A node whose test "column > edge" holds rules out the
// leaves of its left child; the lowest leaf that no node rules out is the row's. The nodes of a column that hold are
// those with edges below the value, so the AND of their masks stands ready: for every column and number of edges below
// the value one row of words, a word or two a tree. Scoring a row is the AND of as many such rows as there are columns.
// (A row of masks for every eighth edge only, and the nodes beyond one by one, takes an eighth of the memory but is
// slower.)
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include <slipway/compute/buffer.hpp>
#include <slipway/compute/dispatch.hpp>

namespace slipway::compute {

// Plain data; whoever fills it keeps to what is said here.
struct LeafMasks {
  static constexpr std::size_t padding = 16;  // words, the longest vector
  struct Tree {
    std::uint32_t word = 0;         // its word in a row of masks; the next is its too if it has more than 32 leaves
    std::uint32_t first_value = 0;  // into values, that of its first leaf
  };
  std::size_t outputs = 1;
  // The columns' searches (EdgeSlot), each array a multiple of `padding` long; those behind `used` have no edges.
  std::size_t used = 0;
  std::vector<std::uint32_t> column, first_edge, missing_code;
  std::vector<std::uint32_t> half;  // the first step of the search, 2^(bits - 1), or 0; falling
  std::vector<float> edges;         // one number stands behind the last slot's
  std::vector<std::size_t> rows;    // per slot: its row of masks for no edge below, in words
  std::size_t words = 0;            // of a row, a multiple of `padding`, at least one more than the trees need
  Buffer<std::uint32_t> table;      // rows of masks: bit l of a tree's word, leaf l is not ruled out
  std::vector<Tree> trees;
  std::vector<float> values;  // values[(first_value + leaf) * outputs + k]
};

// Working memory of one thread.
struct LeafMaskScratch {
  Buffer<std::uint32_t> words, codes;
  std::vector<const std::uint32_t*> rows;
};

// Adds the leaves' values of one row, tree by tree in float32, to out[k * out_stride]. The row's column c is at
// row[c * stride]. All levels give the same bits.
void score_masked(const LeafMasks& masks, const float* row, std::size_t stride, SimdLevel level,
                  LeafMaskScratch& scratch, float* out, std::size_t out_stride);

}  // namespace slipway::compute
