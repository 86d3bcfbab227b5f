// Whether two Models are the same, to the last bit: for tests of determinism and of readers.
#pragma once
#include <optional>
#include <string>

#include <slipway/model/model.hpp>

namespace slipway::model {

// The first place where the models differ ("operators[3].Trees.threshold[17]: 0.5, 0.25"), or nothing if they are
// equal. Numbers are compared by their bits, so that NaN equals NaN and 0 differs from -0.
std::optional<std::string> first_difference(const Model& left, const Model& right);

}  // namespace slipway::model
