// Parts of times as numbers.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/features/features.hpp>

namespace slipway::features {

// The parts that a time column gives: those named for it, or hour and weekday.
std::vector<std::string> time_parts_of(const FeaturePlan& plan, const std::string& column);

// Adds the operators of one part (see time_part_names) of a time value. An unknown part is an error with the nearest.
Result<model::ValueId> add_time_part(model::ModelBuilder& builder, model::ValueId time, const std::string& column,
                                     const std::string& part);

}  // namespace slipway::features
