// A cleaning step as the configuration writes it.
#pragma once
#include <slipway/base/result.hpp>
#include <slipway/params/value.hpp>
#include <slipway/table/cleaning.hpp>

namespace slipway::pipeline {

// `value` is one item under `prepare`: a step's name alone, or a map from it to its arguments. Errors name the place.
Result<table::CleaningStep> read_cleaning_step(const params::Value& value);

}  // namespace slipway::pipeline
