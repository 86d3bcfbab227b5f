// Why the model is as good as it is: training, validation and test side by side, simple models to compare with, a
// learning curve, bias and variance, and a verdict.
#pragma once
#include <nlohmann/json.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/pipeline/dataset.hpp>

#include "assessment.hpp"

namespace slipway::pipeline {

// Adds to evaluation.json: `parts` (train, validation, test), `linear`, `fit` (verdict, learning curve, decomposition).
// `search` is search.json. Training rows of fold 1 stand for the rows that no model of the curve saw; the test rows are
// used for the linear model's measures only.
Status diagnose(const Configuration& configuration, const ServableModel& servable, const Dataset& dataset,
                const nlohmann::json& search, nlohmann::json& evaluation, const Threads& threads, Progress& progress);

}  // namespace slipway::pipeline
