// The checks that every metric makes of its input.
#pragma once
#include <slipway/metrics/metrics.hpp>

namespace slipway::metrics::detail {

// Lengths agree, there are rows, weights are finite, >= 0 and do not sum to 0.
Status check_weights(std::size_t rows, Weights weights);
Status check_length(std::size_t rows, std::size_t found, std::string_view what);
// Labels lie in [0, classes).
Status check_labels(Labels labels, std::size_t classes, std::string_view what);
// No NaN (and, unless infinite_allowed, no infinity).
Status check_numbers(std::span<const float> values, std::string_view what, bool infinite_allowed = false);
Status check_table(const ScoreTable& scores);

inline double weight_of(Weights weights, std::size_t row) { return weights.empty() ? 1.0 : weights[row]; }

}  // namespace slipway::metrics::detail
