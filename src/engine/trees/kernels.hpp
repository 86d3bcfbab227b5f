// Walking trees: the scalar meaning and faster ways to the same leaves.
#pragma once
#include <cstddef>
#include <cstdint>

#include "ensemble.hpp"

namespace slipway::engine {

// What the leaves of all trees hold for one row of a group, by tree number.
template <class Node>
void walk_row(const Forest<Node>& forest, const std::int32_t* row, std::int32_t* held);
template <class Node>
void walk_row_interleaved(const Forest<Node>& forest, const std::int32_t* row, std::int32_t* held);
// Only where compute::has_avx512(). `slots`: numbers of the row, the one that is always smallest among them; with more
// than 32 as walk_row_interleaved.
template <class Node>
void walk_row_avx512(const Forest<Node>& forest, std::size_t slots, const std::int32_t* row, std::int32_t* held);

// What the leaves of one tree hold for the rows of `groups` groups, `group_size` numbers each. Rows beyond the data are
// walked too: they are coded as something.
template <class Node>
void walk_tree(const Forest<Node>& forest, std::size_t tree, const std::int32_t* coded, std::size_t group_size,
               std::size_t groups, std::int32_t* held);
template <class Node>
void walk_tree_interleaved(const Forest<Node>& forest, std::size_t tree, const std::int32_t* coded,
                           std::size_t group_size, std::size_t groups, std::int32_t* held);
// Only where compute::has_avx2().
template <class Node>
void walk_tree_avx2(const Forest<Node>& forest, std::size_t tree, const std::int32_t* coded, std::size_t group_size,
                    std::size_t groups, std::int32_t* held);

}  // namespace slipway::engine
