#include "assessment.hpp"

#include <fmt/format.h>

#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/explain/importance.hpp>
#include <slipway/explain/tree_shap.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "folds.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;

constexpr std::size_t contribution_rows = 1000;
constexpr std::size_t most_important_inputs = 4;

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

namespace {

Result<json> importance(const Configuration& configuration, const ServableModel& servable, const Dataset& dataset,
                        const model::RowBatch& rows, const explain::Scorer& scorer, const Threads& threads,
                        Progress& progress) {
  const metrics::TaskKind task = task_kind(servable.model.task);
  const std::string name =
      configuration.search.metric.empty() ? std::string(metrics::default_metric(task)) : configuration.search.metric;
  SLIPWAY_TRY(const metrics::Metric* metric, metrics::find_metric(name));
  const std::vector<std::uint32_t>& test = dataset.split.test;
  const float threshold = threshold_of(servable.model);
  const std::size_t width = servable.model.score_width();
  const auto quality = [&](std::span<const float> scores, std::span<const std::uint32_t> numbers) -> Result<double> {
    std::vector<std::uint32_t> chosen;
    for (std::uint32_t number : numbers) chosen.push_back(test[number]);
    const RowTargets truth = targets_of(dataset.target, chosen);
    metrics::Outcome outcome;
    outcome.task = task;
    outcome.labels = truth.labels;
    outcome.targets = truth.values;
    outcome.scores = {numbers.size(), width, scores};
    outcome.threshold = threshold;
    return metrics::evaluate(*metric, outcome);
  };
  explain::ImportanceOptions options;
  options.repeats = configuration.explain.permutation_repeats;
  options.max_rows = static_cast<std::size_t>(configuration.explain.permutation_rows);
  options.higher_is_better = metric->higher_is_better;
  options.seed = configuration.seed;
  SLIPWAY_TRY(const auto found, explain::permutation_importance(servable.model.inputs, rows, scorer, quality, options,
                                                                threads, progress));
  json document = explain::to_json(found);
  document["metric_name"] = name;
  return document;
}

Result<json> contributions(const ServableModel& servable, const model::TableRows& rows, const Threads& threads) {
  const auto explainer = explain::TreeExplainer::make(servable.model);
  if (!explainer.ok()) return json(nullptr);  // no trees: nothing to say
  const model::RowBatch batch = rows.slice(0, std::min(contribution_rows, rows.batch().rows));
  explain::Contributions found;
  SLIPWAY_CHECK(explainer->explain(batch, found, threads));
  return explain::to_json(explain::mean_contributions(*explainer, found));
}

// The columns the user named, or the most important ones that have a dependence to show.
std::vector<std::string> columns_to_show(const Configuration& configuration, const ServableModel& servable,
                                         const json& importance) {
  if (!configuration.explain.partial_dependence.empty()) return configuration.explain.partial_dependence;
  std::vector<std::string> names;
  for (const json& entry : importance.at("inputs")) {
    if (names.size() == most_important_inputs) break;
    for (const model::Input& input : servable.model.inputs)
      if (input.name == entry.at("input") && input.kind != model::InputKind::time) names.push_back(input.name);
  }
  return names;
}

}  // namespace

Result<json> explain_test_rows(const Configuration& configuration, const ServableModel& servable,
                               const Dataset& dataset, const Threads& threads, Progress& progress) {
  const table::Table test = dataset.prepared.table.take(dataset.split.test);
  SLIPWAY_TRY(const auto rows, model::TableRows::from(servable.model.inputs, test));
  const std::size_t width = servable.model.score_width();
  const auto score = [&](const model::RowBatch& batch) -> Result<std::vector<float>> {
    engine::Scratch scratch;
    engine::Prediction prediction;
    SLIPWAY_CHECK(servable.predictor.predict(batch, scratch, prediction));
    return std::move(prediction.scores.values);
  };
  json document;
  SLIPWAY_TRY(document["permutation_importance"],
              importance(configuration, servable, dataset, rows.batch(), score, threads, progress));
  // Partial dependence of a binary model is that of the positive class alone.
  const auto positive = [&](const model::RowBatch& batch) -> Result<std::vector<float>> {
    SLIPWAY_TRY(std::vector<float> all, score(batch));
    if (servable.model.task != model::Task::binary || width != 2) return all;
    return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(batch.rows), all.end());
  };
  document["partial_dependence"] = json::array();
  explain::DependenceOptions options;
  options.seed = configuration.seed;
  for (const std::string& column : columns_to_show(configuration, servable, document["permutation_importance"])) {
    SLIPWAY_TRY(const auto dependence,
                explain::partial_dependence(servable.model.inputs, rows.batch(), column, positive, options, threads)
                    .with_context("explain: partial_dependence"));
    document["partial_dependence"].push_back(explain::to_json(dependence));
  }
  SLIPWAY_TRY(document["mean_contributions"], contributions(servable, rows, threads));
  return document;
}

}  // namespace slipway::pipeline
