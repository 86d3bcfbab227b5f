#pragma once
#include <optional>
#include <vector>

#include <slipway/model/model.hpp>

namespace slipway::optimise {

// For every value of the model: the most that any score can change when every column of that value changes by at most
// 1 (a Lipschitz constant in the largest norm). 0: does not reach the scores; nothing: there is no such bound.
std::vector<std::optional<double>> sensitivities(const model::Model& model);

}  // namespace slipway::optimise
