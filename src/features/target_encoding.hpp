// Empirical-Bayes target statistics per category.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <slipway/features/features.hpp>

namespace slipway::features {

// One column of target values to encode against: 0/1 for a class, the value itself for regression.
using TargetValues = std::vector<double>;

// The columns that a target is encoded against: one for binary and regression, one per class for multi-class.
std::vector<TargetValues> target_values(const TargetView& target);

struct TargetEncoding {
  std::vector<float> categories;  // one per code
  float overall = 0;              // for unseen categories
};

// Encodes codes 0 .. categories-1 of those rows where use[row] is nonzero (`use` empty = all). Without `smooth`, the
// empirical-Bayes shrinkage of scikit-learn's _fit_encoding_fast_auto_smooth; with it, that many rows of the overall
// mean are added to each category (_fit_encoding_fast).
TargetEncoding encode_target(std::span<const std::int32_t> codes, std::size_t categories, const TargetValues& values,
                             std::span<const std::uint8_t> use, std::optional<double> smooth = {});

// Fold per row: stratified by class (regression: plain), shuffled, keyed by the row's position and the seed.
std::vector<std::uint8_t> encoding_folds(const TargetView& target, std::size_t rows, int folds, std::uint64_t seed);

}  // namespace slipway::features
