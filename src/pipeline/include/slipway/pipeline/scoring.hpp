// Scores of rows as metrics take them, and whether another engine gives the same ones.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::pipeline {

metrics::TaskKind task_kind(model::Task task);

// Views of a prediction and the truth; both must outlive it.
metrics::Outcome outcome_of(model::Task task, const model::Block& scores, std::span<const std::int32_t> labels,
                            std::span<const float> values, float threshold);

// The threshold of a model's Decide operator; 0.5 without one.
float threshold_of(const model::Model& model);

// Largest difference that a publication may have between Slipway and another engine.
inline constexpr double agreement_bound = 1e-5;

struct Agreement {
  std::string engine;  // "ONNX Runtime 1.32.0"
  // Of a score; of a regression's prediction, relative to the largest of 1, itself and the predictions' root mean
  // square.
  double largest_difference = 0;
  // Labels that neither are Slipway's nor follow from that engine's own scores, which may round to the other side of
  // the threshold.
  std::int64_t different_labels = 0;
  bool holds() const { return largest_difference <= agreement_bound && different_labels == 0; }
};

// Scores the rows with ONNX Runtime and compares with Slipway's `prediction` of the same rows.
Result<Agreement> compare_with_onnx_runtime(const model::Model& model, std::string_view onnx,
                                            const model::TableRows& rows, const engine::Prediction& prediction,
                                            const Threads& threads);

}  // namespace slipway::pipeline
