// The slow, obvious reference: what a Model means. Every engine and every exported format is tested against it.
#pragma once
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::model {

struct Interpretation {
  Block scores;              // as Model::scores
  std::vector<float> label;  // class index per row (regression: the prediction)
};

// Runs the whole model over the rows. The batch must match the inputs in number and kind.
Result<Interpretation> interpret(const Model& model, const RowBatch& batch);

// The block of one value (numbers) for the rows: features before the trees, margins before the link, ...
Result<Block> evaluate_value(const Model& model, const RowBatch& batch, ValueId value);

// The same for a model still being built (operators so far), used while fitting features. `inputs`, `values` and
// `operators` as in Model.
Result<Block> evaluate_value(std::span<const Input> inputs, std::span<const Value> values,
                             std::span<const Operator> operators, const RowBatch& batch, ValueId value);

}  // namespace slipway::model
