#include "assessment.hpp"

#include <fmt/format.h>

#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "folds.hpp"

namespace slipway::pipeline {
using nlohmann::json;

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
  verification.document = {{"rows", test.rows()},
                           {"bound", agreement_bound},
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
