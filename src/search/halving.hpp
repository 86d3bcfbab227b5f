// Successive halving: many candidates on little, the best of them on more.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/learners/learner.hpp>

#include "task.hpp"

namespace slipway::search {

// The rungs for so many candidates, as scikit-learn's HalvingGridSearchCV has them. `most` is the resource of the last
// rung at most; `least` that of the first, where the options leave it open.
Result<std::vector<Rung>> rungs_of(const SearchOptions& options, std::size_t candidates, std::size_t least,
                                   std::size_t most);

// That share of a fold's training rows, the same rows in every larger share; of classes and of groups the same share
// each, one row at least.
LabelledRows some_rows(const LabelledRows& rows, std::size_t count, std::uint64_t seed);

}  // namespace slipway::search
