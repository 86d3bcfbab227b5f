// The search over folds and the final model.
#pragma once
#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/base/result.hpp>
#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {

struct Trained {
  std::string onnx;       // the final model's file
  nlohmann::json search;  // search.json: plan, candidates, best settings, threshold and how it was chosen
  double search_seconds = 0;
  double fit_seconds = 0;  // the last model's own training, binning included
};

// Cross-validates the candidates with features fitted inside each fold, chooses the threshold on the best candidate's
// out-of-fold scores, and fits it on all training rows.
// Finished fits are kept in `keep`, and taken from there if an earlier run was stopped; empty: nowhere.
Result<Trained> train(const Configuration& configuration, const Dataset& dataset, const std::filesystem::path& keep,
                      const Threads& threads, Progress& progress);

// The candidates as a table: rank, mean and deviation, each fold's score, each searched option.
std::string search_csv(const nlohmann::json& search);

}  // namespace slipway::pipeline
