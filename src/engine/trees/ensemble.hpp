// Decision trees laid out for fast walking.
//
// Numbers are compared as integers that sort alike, so that missing values need no test: every (column, direction that
// missing takes) pair that the trees use is a "slot" of the coded row, and a missing value is coded as the smallest or
// the largest integer there. Children are adjacent, a leaf leads to itself, so that many walks advance in step without
// branches:
//   next = left + (row[slot] > key)
//
// Coded rows stand in groups of 16, the 16 numbers of a slot side by side, so that the rows of a group differ by
// constant offsets. Nodes hold slot * 16.
#pragma once
#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include <slipway/compute/buffer.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/operators.hpp>

#include "bit_sliced.hpp"
#include "leaf_masks.hpp"

namespace slipway::engine {

// A node in 8 bytes: the lower `slot_bits` of slot_and_left are 16 * slot, the rest is the left child, counted from the
// tree's root. A leaf's slot is the one that is always smallest, its `left` itself, its key what it holds. The number
// of bits is a constant, so that taking a node apart costs one instruction each.
template <unsigned slot_bits>
struct CompactNode {
  static constexpr unsigned bits = slot_bits;
  std::int32_t key;
  std::uint32_t slot_and_left;
  static bool fits(std::size_t slots, std::size_t nodes) {
    return 16 * slots <= (1u << bits) && nodes < (1u << (31 - bits));
  }
  static CompactNode make(std::int32_t key, std::uint32_t slot, std::uint32_t left) {
    return {key, left << bits | slot};
  }
  std::uint32_t next(const std::int32_t* row) const {
    return (slot_and_left >> bits) + static_cast<std::uint32_t>(row[slot_and_left & ((1u << bits) - 1)] > key);
  }
};
// The same for ensembles whose slots and nodes do not fit together into 32 bits.
struct WideNode {
  std::int32_t key;
  std::uint32_t slot;
  std::uint32_t left;
  static bool fits(std::size_t, std::size_t) { return true; }
  static WideNode make(std::int32_t key, std::uint32_t slot, std::uint32_t left) { return {key, slot, left}; }
  std::uint32_t next(const std::int32_t* row) const { return left + static_cast<std::uint32_t>(row[slot] > key); }
};

inline constexpr std::size_t group_rows = 16;

// Working memory of one thread.
struct TreeScratch {
  std::vector<std::int32_t> coded;   // groups x slots x 16
  std::vector<std::int32_t> leaves;  // what the leaves hold, by tree or by row
  compute::BitSlicedScratch sliced;
  compute::LeafMaskScratch masks;
};

// Where the trees' nodes stand.
template <class Node>
struct Forest {
  compute::Buffer<Node> nodes;
  std::vector<std::uint32_t> roots;     // first node of each tree, in the order of the sum
  std::vector<std::uint32_t> depths;    // steps from the root to the deepest leaf
  std::vector<std::uint32_t> by_depth;  // tree numbers, deepest first: neighbours end together
  // The top of the trees for the kernel that walks 64 at once, in the order of by_depth; the last one fills up.
  struct alignas(64) Tops {
    std::int32_t root[16];
    Node nodes[3][16];  // the root and its children, or thrice the root where it is a leaf
  };
  std::vector<Tops> tops;
};

class TreeEnsemble {
 public:
  // `width`: columns of the input block. `kernel` is the one to score with.
  TreeEnsemble(const model::Trees& op, std::size_t width, TreeKernel kernel);
  // Scores `rows` rows of a block stored by column; writes `outputs` columns of `rows` numbers.
  void score(const float* block, std::size_t rows, TreeScratch& scratch, float* out) const;

 private:
  struct Slot {
    std::uint32_t column;
    std::int32_t missing;  // what a missing value is coded as
  };
  template <class Node>
  Forest<Node> lay_out(const model::Trees& op, const std::vector<std::uint32_t>& slot_of_node) const;
  // Codes rows [begin, begin + count) of a block of `rows`.
  void code(const float* block, std::size_t rows, std::size_t begin, std::size_t count, std::int32_t* coded) const;
  // A few rows of one group, several trees in step.
  template <class Node>
  void score_rows(const Forest<Node>& forest, const std::int32_t* coded, std::size_t rows, std::int32_t* held,
                  float* out) const;
  // `count` of a block's `rows` rows, tree by tree.
  template <class Node>
  void score_groups(const Forest<Node>& forest, const std::int32_t* coded, std::size_t count, std::size_t rows,
                    std::int32_t* held, float* out) const;
  // Adds what the leaves hold to `count` rows of the sums, whose columns are `rows` apart.
  void add_leaves(const std::int32_t* held, std::size_t count, std::size_t rows, float* out) const;
  void finish(std::size_t rows, float* out) const;

  TreeKernel kernel_;
  std::uint32_t outputs_;
  std::size_t trees_;
  bool mean_;
  std::vector<float> base_;
  std::vector<float> leaf_values_;  // where a leaf holds several numbers; a single one stands in the node
  std::vector<Slot> slots_;
  std::size_t group_size_ = 0;  // numbers of a coded group: 16 for each slot, and 16 that are always smallest
  // The smallest form of nodes that holds the ensemble.
  std::variant<Forest<CompactNode<12>>, Forest<CompactNode<16>>, Forest<WideNode>> forest_;
  std::optional<compute::BitSlicedTrees> sliced_;
  std::optional<compute::LeafMasks> masks_;
};

}  // namespace slipway::engine
