// Thresholds at random, as extremely randomised trees have them (Geurts, Ernst and Wehenkel 2006).
#pragma once
#include <cstddef>
#include <cstdint>

#include "tree/bins.hpp"

namespace slipway::learners::tree {

struct RandomSplit {
  int bin = 0;  // codes <= bin go left
  bool missing_left = false;
};

// A threshold drawn uniformly between the values of bins `lowest` and `highest`, the outermost that a node has values
// in, rounded to the end of the bin it fell in; missing values to either side with equal chances. With a single bin,
// the split between its values and missing ones. A function of (key of the node, feature). The bins need their ranges.
RandomSplit draw_split(const Bins& bins, std::size_t feature, int lowest, int highest, bool has_missing,
                       std::uint64_t node_key);

}  // namespace slipway::learners::tree
