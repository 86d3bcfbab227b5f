// What a trained model's scores rest on, over the test rows, and how its single scores will be explained.
#pragma once
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/pipeline/dataset.hpp>

#include "assessment.hpp"

namespace slipway::pipeline {

// The configuration's method, and baselines chosen among the training rows.
Result<explain::ExplainerOptions> explainer_options(const Configuration& configuration, const model::Model& model,
                                                    const Dataset& dataset);

// explanation.json: importance by permutation, by SHAP contributions and by impurity; partial dependence.
Result<nlohmann::json> explain_test_rows(const Configuration& configuration, const ServableModel& servable,
                                         const Dataset& dataset, const explain::ExplainerOptions& how,
                                         const Threads& threads, Progress& progress);

// The text of the configuration's reason catalogue, checked against the model's inputs; empty where there is none.
Result<std::string> read_catalogue(const Configuration& configuration, std::span<const model::Input> inputs);
// The same check before the search, against the columns that features are made from.
Status check_catalogue(const Configuration& configuration, const Dataset& dataset);

}  // namespace slipway::pipeline
