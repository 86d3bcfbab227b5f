// Which features are left out, and why.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <slipway/features/features.hpp>

namespace slipway::features {

// The columns of `training` that `options` leave out, in order: first those that vary too little, then those that
// follow an earlier one too closely, then all but those that tell most of the target. Measured on training rows only.
std::vector<DroppedFeature> choose_dropped(const model::Block& training, std::span<const std::string> names,
                                           const SelectOptions& options, const TargetView& target);

// The columns of `whole` that recursive elimination leaves out of those in `kept`, in the order in which they go.
// scikit-learn's RFE: each round leaves out `recursive_step` features of the least importance, the first of equals, but
// never more than until `recursive` stay. The features that stay have rank 1, those of the last round 2, and so on.
Result<std::vector<DroppedFeature>> eliminate(const FittedFeatures& whole, std::vector<std::size_t> kept,
                                              std::span<const std::string> names, const SelectOptions& options,
                                              const FeatureImportance& importance);

// Pearson's correlation over the rows where both are finite; 0 where a side does not vary there.
double correlation(std::span<const float> x, std::span<const float> y);

// A value's bin among at most 32 of equal counts; missing ones have a bin of their own. Values of up to 32 kinds keep
// theirs.
std::vector<std::int32_t> binned_values(std::span<const float> values);

// Mutual information of two columns of codes from 0, in nats.
double mutual_information(std::span<const std::int32_t> x, std::span<const std::int32_t> y);

}  // namespace slipway::features
