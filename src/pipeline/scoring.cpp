#include <algorithm>
#include <cmath>

#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/pipeline/scoring.hpp>

namespace slipway::pipeline {
namespace {

double difference(float a, float b) {
  if (std::isnan(a) && std::isnan(b)) return 0;
  const double apart = std::abs(static_cast<double>(a) - static_cast<double>(b));
  return std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
}

// What differences of a regression's predictions are measured against: the predictions' own size. Sums of float32 are
// exact to a share of their terms, which are as large as the predictions are overall, also where they cancel.
double scale_of_predictions(const model::Block& scores) {
  double squares = 0;
  std::size_t count = 0;
  for (const float score : scores.values)
    if (std::isfinite(score)) {
      squares += static_cast<double>(score) * static_cast<double>(score);
      ++count;
    }
  return std::max(1.0, count == 0 ? 0.0 : std::sqrt(squares / static_cast<double>(count)));
}

// The class that scores of one row mean, as Decide says.
std::size_t class_of(const model::Block& scores, std::size_t row, float threshold) {
  if (scores.width == 2) return scores.at(row, 1) >= threshold ? 1 : 0;
  std::size_t largest = 0;
  for (std::size_t c = 1; c < scores.width; ++c)
    if (scores.at(row, c) > scores.at(row, largest) || std::isnan(scores.at(row, largest))) largest = c;
  return largest;
}

}  // namespace

metrics::TaskKind task_kind(model::Task task) {
  switch (task) {
    case model::Task::binary:
      return metrics::TaskKind::binary;
    case model::Task::multiclass:
      return metrics::TaskKind::multiclass;
    case model::Task::regression:
      return metrics::TaskKind::regression;
  }
  return metrics::TaskKind::binary;
}

metrics::Outcome outcome_of(model::Task task, const model::Block& scores, std::span<const std::int32_t> labels,
                            std::span<const float> values, float threshold) {
  metrics::Outcome outcome;
  outcome.task = task_kind(task);
  outcome.labels = labels;
  outcome.targets = values;
  outcome.scores = {scores.rows, scores.width, scores.values};
  outcome.threshold = threshold;
  return outcome;
}

float threshold_of(const model::Model& model) {
  for (const model::Operator& op : model.operators)
    if (const auto* decide = std::get_if<model::Decide>(&op)) return decide->threshold;
  return 0.5F;
}

Result<Agreement> compare_with_onnx_runtime(const model::Model& model, std::string_view onnx,
                                            const model::TableRows& rows, const engine::Prediction& prediction,
                                            const Threads& threads) {
  constexpr std::size_t block = 16384;
  SLIPWAY_TRY(const auto runtime, engine::OnnxRuntime::open(onnx, threads.count()));
  SLIPWAY_TRY(const std::string version, engine::OnnxRuntime::library_version());
  Agreement agreement;
  agreement.engine = "ONNX Runtime " + version;
  const model::Block& ours = prediction.scores;
  const bool classes = model.task != model::Task::regression;
  const float threshold = threshold_of(model);
  const double overall = classes ? 1 : scale_of_predictions(ours);
  for (std::size_t begin = 0; begin < ours.rows; begin += block) {
    const std::size_t end = std::min(ours.rows, begin + block);
    SLIPWAY_TRY(const auto theirs, runtime.run(rows.slice(begin, end), model.inputs));
    if (theirs.scores.width != ours.width || theirs.scores.rows != end - begin)
      return internal_error("ONNX Runtime gave scores of another shape");
    for (std::size_t column = 0; column < ours.width; ++column)
      for (std::size_t row = begin; row < end; ++row) {
        const float score = ours.at(row, column);
        const double scale = classes ? 1 : std::max(overall, std::abs(static_cast<double>(score)));
        agreement.largest_difference =
            std::max(agreement.largest_difference, difference(score, theirs.scores.at(row - begin, column)) / scale);
      }
    for (std::size_t row = begin; classes && row < end; ++row) {
      const auto label = static_cast<std::size_t>(prediction.labels[row]);
      const std::string& given = theirs.labels[row - begin];
      agreement.different_labels +=
          given != model.classes[label] && given != model.classes[class_of(theirs.scores, row - begin, threshold)];
    }
  }
  return agreement;
}

}  // namespace slipway::pipeline
