// Two trained models side by side: runs or bundles, from their documents, and row by row where both scored the same
// rows.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/table/table.hpp>

namespace slipway::pipeline {

// One side: what a run or a bundle says of itself.
struct Contender {
  std::string name;                         // as the user named it
  nlohmann::json evaluation;                // evaluation.json
  nlohmann::json search;                    // search.json; null where there is none
  nlohmann::json record;                    // run.json, or of a bundle the run's that made it; null where there is none
  std::string model_digest;                 // of model.onnx; empty if unknown
  std::optional<table::Table> predictions;  // of the test rows (predictions.hpp)
  std::string no_predictions;               // why there are none
};

// A run's folder, or a bundle's (its run is sought in the project's runs/ by the model's digest). A folder that is
// neither is an error.
Result<Contender> open_contender(const std::filesystem::path& folder, const std::string& name, int threads);

// Compares: {"first", "second", "metrics": [...], "settings": [...], "paired": {...} or null, "paired_note"}. Rows are
// matched by their number where data and cleaning were the same, else by the columns that both have as ids. Different
// tasks, targets' classes or truths are errors.
Result<nlohmann::json> compare(const Contender& first, const Contender& second, std::uint64_t seed,
                               const Threads& threads);

// The comparison as a page of HTML.
std::string comparison_page(const nlohmann::json& comparison, const Contender& first, const Contender& second);

}  // namespace slipway::pipeline
