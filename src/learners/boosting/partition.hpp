// Rows of a node to its children, and leaves of rows by replaying a tree's splits.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "boosting/gradients.hpp"

namespace slipway::learners::boosting {

// Which codes go right, as one comparison of bytes: code - low <= span (modulo 256).
struct GoesRight {
  std::uint8_t low = 0;
  std::uint8_t span = 0;
  GoesRight() = default;
  GoesRight(std::uint8_t bin, bool missing_left);
  bool operator()(std::uint8_t code) const { return static_cast<std::uint8_t>(code - low) <= span; }
  // 1 or 0, by arithmetic: compilers make a branch of a comparison, and no branch is harder to foresee.
  std::uint32_t as_number(std::uint8_t code) const {
    return 1U - ((std::uint32_t{span} - static_cast<std::uint8_t>(code - low)) >> 31);
  }
};

// Where the codes of one feature lie: those of row i at codes[i * stride].
struct CodeColumn {
  const std::uint8_t* codes = nullptr;
  std::size_t stride = 1;
};

// Stable: the rows of `list` that go left stay in front, in order; the others follow. Returns how many go left.
// `scratch` has room for count rows; afterwards it holds those that went right.
std::uint32_t partition_rows(const CodeColumn& column, GoesRight right, std::uint32_t* list, std::uint32_t count,
                             std::uint32_t* scratch);
// The same for the rows first, first + 1, ..., which the list does not hold yet.
std::uint32_t partition_all_rows(const CodeColumn& column, GoesRight right, std::uint32_t first, std::uint32_t* list,
                                 std::uint32_t count, std::uint32_t* scratch);

// One split as it was made: rows of leaf `leaf` that go right become leaf `fresh`.
struct Split {
  std::uint16_t leaf = 0;
  std::uint16_t fresh = 0;
  std::uint16_t feature = 0;
  std::uint8_t bin = 0;
  bool missing_left = false;
};

// The leaf of each row in [begin, end) into leaves[begin ..). columns[f] are the codes of feature f.
void replay_splits(std::span<const Split> splits, std::span<const std::uint8_t* const> columns, std::size_t begin,
                   std::size_t end, std::uint16_t* leaves);

}  // namespace slipway::learners::boosting
