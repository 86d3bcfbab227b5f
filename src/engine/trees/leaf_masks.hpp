// Trees laid out for scoring one row by masks of leaves (compute/leaf_masks.hpp).
#pragma once
#include <optional>

#include <slipway/compute/leaf_masks.hpp>

#include "numbered_trees.hpp"

namespace slipway::engine {

// Nothing where a tree has more than 64 leaves or the masks would need more than 16 MiB; nor, unless they are wanted
// anyway, where they need more than 1 MiB or there are so many columns that walking is faster.
std::optional<compute::LeafMasks> mask_leaves(const NumberedTrees& trees, bool anyway);

}  // namespace slipway::engine
