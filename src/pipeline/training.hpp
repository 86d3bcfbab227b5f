// The search over folds and the final model.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/model/model.hpp>
#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {

struct Trained {
  std::string onnx;       // the final model's file
  nlohmann::json search;  // search.json: plan, candidates, best settings, threshold and how it was chosen, what
                          // the out-of-fold scores of the best candidate say (validation)
  double search_seconds = 0;
  double fit_seconds = 0;  // the last model's own training, binning included
};

// One model to fit: a learner with its settings.
struct ModelRequest {
  const learners::Learner* learner = nullptr;
  learners::Settings settings;
  std::uint64_t seed = 0;
  float threshold = 0.5F;     // of its Decide operator
  bool fill_missing = false;  // impute medians where the learner cannot take missing values and the plan fills none
};
struct FittedModel {
  model::Model model;
  double seconds = 0;                             // the learner's own time
  std::vector<features::DroppedFeature> dropped;  // left out by selection
};
// Fits features and learner on these rows of the dataset's table (repeats allowed) and puts them together.
Result<FittedModel> fit_model(const Configuration& configuration, const Dataset& dataset,
                              std::span<const std::uint32_t> rows, const ModelRequest& request, const Threads& threads,
                              Progress& progress);

// The same for several points of what nests in the learner, out of one fit. The learner nests.
Result<std::vector<model::Model>> fit_nested_models(const Configuration& configuration, const Dataset& dataset,
                                                    std::span<const std::uint32_t> rows, const ModelRequest& request,
                                                    std::span<const learners::Settings> points, const Threads& threads,
                                                    Progress& progress);

// Cross-validates the candidates with features fitted inside each fold, chooses the threshold on the best candidate's
// out-of-fold scores, and fits it on all training rows.
// Finished fits are kept in `keep`, and taken from there if an earlier run was stopped; empty: nowhere.
Result<Trained> train(const Configuration& configuration, const Dataset& dataset, const std::filesystem::path& keep,
                      const Threads& threads, Progress& progress);

// The candidates as a table: rank, mean and deviation, each fold's score, each searched option.
std::string search_csv(const nlohmann::json& search);

}  // namespace slipway::pipeline
