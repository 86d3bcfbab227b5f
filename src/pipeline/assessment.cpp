#include "assessment.hpp"

#include <cmath>

#include <fmt/format.h>

#include <slipway/base/time.hpp>
#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "folds.hpp"

namespace slipway::pipeline {
using nlohmann::json;

namespace {

constexpr std::size_t sample_rows = 20;

// A few test rows and their scores: a server that loads the bundle scores them again before it serves it.
json verification_sample(const model::Model& model, const model::RowBatch& batch, const model::Block& scores) {
  json sample = {{"rows", json::array()}, {"scores", json::array()}};
  for (std::size_t row = 0; row < std::min(batch.rows, sample_rows); ++row) {
    json fields = json::object();
    for (std::size_t i = 0; i < model.inputs.size(); ++i) {
      json& field = fields[model.inputs[i].name];
      if (const auto* numbers = std::get_if<model::NumberView>(&batch.columns[i])) {
        if (std::isfinite((*numbers)[row])) field = (*numbers)[row];
      } else if (const auto* text = std::get_if<model::TextView>(&batch.columns[i])) {
        if (text->codes[row] >= 0) field = std::string(text->dictionary[static_cast<std::size_t>(text->codes[row])]);
      } else if (const std::int64_t seconds = std::get<model::TimeView>(batch.columns[i])[row];
                 seconds != missing_time) {
        field = format_time(seconds * 1'000'000);
      }
    }
    json numbers = json::array();
    for (std::size_t k = 0; k < scores.width; ++k) numbers.push_back(scores.at(row, k));
    sample["rows"].push_back(std::move(fields));
    sample["scores"].push_back(std::move(numbers));
  }
  return sample;
}

}  // namespace

Result<ServableModel> load_servable(std::string onnx) {
  SLIPWAY_TRY(model::Model model, package::read_onnx(onnx).with_context("reading model.onnx back"));
  SLIPWAY_TRY(engine::Predictor predictor, engine::Predictor::compile(model));
  return ServableModel{std::move(onnx), std::move(model), std::move(predictor)};
}

Result<Verification> verify_test_rows(const ServableModel& servable, const Dataset& dataset, const Threads& threads) {
  const table::Table test = dataset.prepared.table.take(dataset.split.test);
  SLIPWAY_TRY(const auto rows, model::TableRows::from(servable.model.inputs, test));
  Verification verification;
  SLIPWAY_TRY(verification.prediction, servable.predictor.predict_rows(rows.batch(), threads));
  SLIPWAY_TRY(const Agreement agreement,
              compare_with_onnx_runtime(servable.model, servable.onnx, rows, verification.prediction, threads));
  verification.largest_difference = agreement.largest_difference;
  verification.document = {
      {"rows", test.rows()},
      {"bound", agreement_bound},
      {"sample", verification_sample(servable.model, rows.batch(), verification.prediction.scores)},
      {"engines",
       {{{"engine", agreement.engine},
         {"largest_difference", agreement.largest_difference},
         {"different_labels", agreement.different_labels}}}}};
  if (!agreement.holds())
    return check_failed(
        fmt::format("{} and Slipway differ by {:.3g} on the test rows, more than {:.0e}: nothing is "
                    "published",
                    agreement.engine, agreement.largest_difference, agreement_bound));
  return verification;
}

Result<json> evaluate_test_rows(const ServableModel& servable, const Dataset& dataset,
                                const engine::Prediction& prediction, const Threads& threads) {
  const RowTargets truth = targets_of(dataset.target, dataset.split.test);
  const metrics::Outcome outcome =
      outcome_of(servable.model.task, prediction.scores, truth.labels, truth.values, threshold_of(servable.model));
  SLIPWAY_TRY(const auto evaluation, evaluate::evaluate(outcome, servable.model.classes, {}, threads));
  return evaluate::to_json(evaluation);
}

Result<json> try_gates(const Configuration& configuration, const json& evaluation) {
  evaluate::Evaluation measured;
  const std::string task = evaluation.at("task").get<std::string>();
  measured.task = task == "binary"       ? metrics::TaskKind::binary
                  : task == "regression" ? metrics::TaskKind::regression
                                         : metrics::TaskKind::multiclass;
  for (const auto& [name, value] : evaluation.at("metrics").items())
    if (value.is_number()) measured.measures.push_back({name, value.get<double>(), {}});
  std::vector<evaluate::Gate> gates;
  for (const Gate& gate : configuration.gates) {
    SLIPWAY_TRY(auto parsed, evaluate::parse_gate(gate.metric, gate.condition).with_context("evaluate: gates"));
    gates.push_back(std::move(parsed));
  }
  SLIPWAY_TRY(const auto results, evaluate::try_gates(measured, gates).with_context("evaluate: gates"));
  json document = json::array();
  for (const auto& result : results) document.push_back({{"text", result.text}, {"passed", result.passed}});
  return document;
}

}  // namespace slipway::pipeline
