// Principal components of a block of numbers.
#pragma once
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::features {

struct Components {
  std::vector<double> mean;     // per column
  std::vector<double> weights;  // columns x components, row-major
  std::vector<double> shares;   // of the variance, per component
  std::size_t count = 0;
};

// As scikit-learn's PCA with a full decomposition: `wanted` is their number, or below 1 the share of the variance that
// they must exceed together. The largest weight of each (the first one on ties) is positive. With `whiten`, each
// component has variance 1. Errors: a value that is not finite, more components than rows or columns.
Result<Components> fit_components(const model::Block& block, double wanted, bool whiten);

}  // namespace slipway::features
