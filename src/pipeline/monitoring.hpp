// The yardstick of drift that a bundle carries.
#pragma once
#include <nlohmann/json.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/pipeline/dataset.hpp>

#include "assessment.hpp"

namespace slipway::pipeline {

// profile.json. Features: all rows as they were read, before cleaning, since serving does not clean. Score: rows that
// the model was not fitted on, with the share of rows that cleaning drops kept as it is in the data.
Result<nlohmann::json> monitoring_profile(const Configuration& configuration, const ServableModel& servable,
                                          const Dataset& dataset, const Threads& threads);

}  // namespace slipway::pipeline
