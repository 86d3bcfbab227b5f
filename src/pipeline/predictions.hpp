// The scores of a run's test rows, kept beside its record so that two runs can be compared row by row.
#pragma once
#include <filesystem>
#include <string>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/pipeline/dataset.hpp>

namespace slipway::pipeline {

inline constexpr const char* predictions_file = "predictions.parquet";

// Columns: row (of the cleaned table), the id columns, group (where schema.group is), truth (class index, or value),
// score_<number> per column of scores, and label (class index) for classes. No input of the model is among them.
Status write_predictions(const Configuration& configuration, const Dataset& dataset, const std::string& onnx,
                         const std::filesystem::path& file, const Threads& threads);

}  // namespace slipway::pipeline
