// The features themselves, to look at or to use elsewhere.
#pragma once
#include <slipway/base/result.hpp>
#include <slipway/pipeline/configuration.hpp>
#include <slipway/pipeline/dataset.hpp>
#include <slipway/table/table.hpp>

namespace slipway::pipeline {

// One row per training row as a learner gets it (target encodings out of fold), then one per test row as the model
// makes it, in the split's order. Columns: `part` (train, test), the ids, the target, then a column per feature; a
// feature with the name of an earlier column has "feature " in front.
Result<table::Table> feature_table(const Configuration& configuration, const Dataset& dataset);

}  // namespace slipway::pipeline
