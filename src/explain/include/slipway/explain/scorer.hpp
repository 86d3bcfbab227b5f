// How explanations that look at a model from outside get its scores.
#pragma once
#include <functional>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::explain {

// Scores a batch of raw rows: rows x outputs numbers, column by column (for a binary model usually the probability of
// the positive class alone). Called from several threads at once.
using Scorer = std::function<Result<std::vector<float>>(const model::RowBatch&)>;

}  // namespace slipway::explain
