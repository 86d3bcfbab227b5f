// Results of stages, kept by what they were computed from: a second run after a change repeats only what the change
// touches.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {

// Everything that can change the folds' data: source, target, split, folds, features, seed, build.
std::string fold_key(const Configuration& configuration, const Dataset& dataset);
// Everything that can change the trained model: data, split, features, learner, search, threshold, seed, build.
std::string training_key(const Configuration& configuration, const Dataset& dataset);
// Everything that can change evaluation, explanation and monitoring profile of that model.
std::string assessment_key(const Configuration& configuration, const Dataset& dataset, const std::string& model_digest);

// The files of an entry, or nothing if it is not there whole. An empty cache folder means no cache.
std::optional<std::map<std::string, std::string>> read_entry(const std::filesystem::path& cache,
                                                             const std::string& stage, const std::string& key,
                                                             const std::vector<std::string>& files);
Status write_entry(const std::filesystem::path& cache, const std::string& stage, const std::string& key,
                   const std::map<std::string, std::string>& files);

}  // namespace slipway::pipeline
