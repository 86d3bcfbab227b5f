// Trees laid out for scoring 256 rows at once (compute/bit_sliced_trees.hpp).
#pragma once
#include <optional>

#include <slipway/compute/bit_sliced_trees.hpp>

#include "numbered_trees.hpp"

namespace slipway::engine {

// Nothing where the ensemble does not fit the form, or where walking is faster: more than about a thousand nodes a
// tree, since every node of a tree is looked at for every 256 rows.
std::optional<compute::BitSlicedTrees> slice_trees(const NumberedTrees& trees);

}  // namespace slipway::engine
