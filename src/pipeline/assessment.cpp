#include "assessment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/evaluate/calibration.hpp>
#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/gates.hpp>
#include <slipway/evaluate/slices.hpp>
#include <slipway/evaluate/thresholds.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "decision_context.hpp"
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

namespace {

// What the threshold does on the test rows, what others would do, and what rules chose on the out-of-fold scores.
Status add_thresholds(const Configuration& configuration, const Dataset& dataset, const metrics::Outcome& outcome,
                      const json& search, json& document) {
  SLIPWAY_TRY(const auto costs, costs_of(configuration, dataset.prepared.table, dataset.split.test));
  const evaluate::ThresholdContext context{costs ? &*costs : nullptr, rows_per_day(configuration, dataset)};
  const metrics::Scores positive = outcome.scores.column(1);
  json& thresholds = document["thresholds"];
  thresholds["policy"] = search.value("threshold_policy", "");
  thresholds["chosen"] = evaluate::to_json(
      evaluate::operating_point(outcome.labels, positive, outcome.threshold, context, outcome.weights));
  thresholds["points"] = json::array();
  SLIPWAY_TRY(const auto points, evaluate::operating_points(outcome.labels, positive, context, outcome.weights));
  for (const auto& point : points) thresholds["points"].push_back(evaluate::to_json(point));
  // Where other rules would cut (by the out-of-fold scores), and what that does on the test rows.
  thresholds["policies"] = json::array();
  if (search.contains("validation"))
    for (const json& policy : search["validation"].value("policies", json::array())) {
      json entry = evaluate::to_json(evaluate::operating_point(
          outcome.labels, positive, policy.at("threshold").get<float>(), context, outcome.weights));
      entry["policy"] = policy.at("policy");
      thresholds["policies"].push_back(std::move(entry));
    }
  if (context.rows_per_day > 0) thresholds["rows_per_day"] = context.rows_per_day;
  if (costs) {
    // No alert at all, and an alert for every row: what any threshold has to beat.
    const float none = std::numeric_limits<float>::infinity();
    thresholds["cost_of_no_alert"] = costs->total(outcome.labels, positive, none, outcome.weights);
    thresholds["cost_of_every_alert"] = costs->total(outcome.labels, positive, -none, outcome.weights);
  }
  return {};
}

// Over evenly spaced test rows, so that the time and the memory have a bound.
Status find_slices(const ServableModel& servable, const Dataset& dataset, const metrics::Outcome& outcome,
                   const std::vector<std::string>& declared, json& document) {
  constexpr std::size_t most_rows = 200'000;
  const std::vector<std::uint32_t>& test = dataset.split.test;
  const std::size_t count = std::min(test.size(), most_rows);
  std::vector<std::uint32_t> rows;
  std::vector<std::int32_t> labels;
  std::vector<float> targets, scores, weights;
  const auto place = [&](std::size_t i) { return i * test.size() / count; };
  for (std::size_t i = 0; i < count; ++i) {
    rows.push_back(test[place(i)]);
    if (!outcome.labels.empty()) labels.push_back(outcome.labels[place(i)]);
    if (!outcome.targets.empty()) targets.push_back(outcome.targets[place(i)]);
    if (!outcome.weights.empty()) weights.push_back(outcome.weights[place(i)]);
  }
  for (std::size_t column = 0; column < outcome.scores.classes; ++column)
    for (std::size_t i = 0; i < count; ++i) scores.push_back(outcome.scores.at(place(i), column));
  metrics::Outcome part;
  part.task = outcome.task;
  part.threshold = outcome.threshold;
  part.labels = labels;
  part.targets = targets;
  part.weights = weights;
  part.scores = {count, outcome.scores.classes, scores};
  std::vector<std::string> columns = declared;
  for (const model::Input& input : servable.model.inputs)
    if (std::find(columns.begin(), columns.end(), input.name) == columns.end()) columns.push_back(input.name);
  std::vector<evaluate::Grouping> groupings;
  for (const std::string& column : columns) {
    if (!dataset.prepared.table.has(column)) continue;
    SLIPWAY_TRY(auto grouping, grouping_of(dataset.prepared.table, column, rows));
    groupings.push_back(std::move(grouping));
  }
  SLIPWAY_TRY(const auto found, evaluate::find_slices(part, groupings));
  document["found_slices"] = json::array();
  for (const auto& slice : found) document["found_slices"].push_back(evaluate::to_json(slice));
  return {};
}

Status add_slices(const Configuration& configuration, const ServableModel& servable, const Dataset& dataset,
                  const metrics::Outcome& outcome, json& document) {
  const table::Table& table = dataset.prepared.table;
  std::vector<evaluate::Grouping> groupings;
  for (const std::string& column : configuration.evaluate.slices) {
    SLIPWAY_TRY(auto grouping, grouping_of(table, column, dataset.split.test).with_context("evaluate: slices"));
    groupings.push_back(std::move(grouping));
  }
  SLIPWAY_TRY(const auto slices, evaluate::evaluate_slices(outcome, groupings));
  document["slices"] = json::array();
  for (const auto& slice : slices) document["slices"].push_back(evaluate::to_json(slice));
  if (!configuration.evaluate.find_slices) return {};
  return find_slices(servable, dataset, outcome, configuration.evaluate.slices, document);
}

}  // namespace

Result<json> evaluate_test_rows(const Configuration& configuration, const ServableModel& servable,
                                const Dataset& dataset, const engine::Prediction& prediction, const json& search,
                                const Threads& threads) {
  const std::vector<std::uint32_t>& test = dataset.split.test;
  const RowTargets truth = targets_of(dataset.target, test);
  metrics::Outcome outcome =
      outcome_of(servable.model.task, prediction.scores, truth.labels, truth.values, threshold_of(servable.model));
  outcome.weights = truth.weights;
  const auto days = days_of(configuration, dataset.prepared.table, test);
  const auto groups = groups_of(configuration, dataset.prepared.table, test);
  const bool binary = outcome.task == metrics::TaskKind::binary;
  if (binary && !days.empty() && !groups.empty()) {
    outcome.days = days;
    outcome.cards = groups;
  }
  evaluate::EvaluationOptions options;
  options.bootstrap = configuration.evaluate.bootstrap;
  options.seed = configuration.seed;
  if (configuration.evaluate.group_intervals) options.groups = groups;
  SLIPWAY_TRY(const auto evaluation, evaluate::evaluate(outcome, servable.model.classes, options, threads));
  json document = evaluate::to_json(evaluation);
  if (binary) {
    std::optional<evaluate::Recalibration> recalibration;
    if (search.contains("validation") && search["validation"].contains("recalibration")) {
      SLIPWAY_TRY(recalibration, evaluate::parse_recalibration(search["validation"]["recalibration"]));
    }
    SLIPWAY_TRY(const auto calibration, evaluate::check_calibration(outcome.labels, outcome.scores.column(1),
                                                                    recalibration ? &*recalibration : nullptr,
                                                                    configuration.seed, outcome.weights));
    document["calibration_check"] = evaluate::to_json(calibration);
    SLIPWAY_CHECK(add_thresholds(configuration, dataset, outcome, search, document));
  }
  SLIPWAY_CHECK(add_slices(configuration, servable, dataset, outcome, document));
  return document;
}

namespace {

// "recall by channel": the worst group of a slice decides; "demographic_parity by channel": the ratio.
Result<json> try_slice_gate(const Gate& gate, std::size_t by, const json& evaluation) {
  constexpr double least_rows = 30;
  const std::string metric(trim(std::string_view(gate.metric).substr(0, by)));
  const std::string column(trim(std::string_view(gate.metric).substr(by + 4)));
  SLIPWAY_TRY(const auto condition, evaluate::parse_gate(metric, gate.condition).with_context("evaluate: gates"));
  const json* slice = nullptr;
  std::vector<std::string> columns;
  const json slices = evaluation.value("slices", json::array());
  for (const json& known : slices) {
    columns.push_back(known.at("column"));
    if (columns.back() == column) slice = &known;
  }
  if (slice == nullptr)
    return not_found(fmt::format("evaluate: gates: '{}': {} is not among evaluate.slices{}", gate.metric, column,
                                 suggestion(column, columns)));
  evaluate::Evaluation measured;
  std::string where;
  const auto worse = [&](double value) {
    const bool at_least = condition.comparison == evaluate::Gate::Comparison::at_least ||
                          condition.comparison == evaluate::Gate::Comparison::above;
    return measured.measures.empty() ||
           (at_least ? value < measured.measures[0].value : value > measured.measures[0].value);
  };
  for (const json& ratio : slice->at("fairness"))
    if (ratio.at("name") == metric) {
      measured.measures = {{metric, ratio.at("ratio").get<double>(), {}}};
      where =
          fmt::format("{} against {}", ratio.at("lowest").get<std::string>(), ratio.at("highest").get<std::string>());
    }
  for (const json& group : slice->at("groups"))
    if (group.at("rows").get<double>() >= least_rows && group.at("metrics").contains(metric))
      if (const double value = group["metrics"][metric].get<double>(); worse(value)) {
        measured.measures = {{metric, value, {}}};
        where = group.at("name");
      }
  if (measured.measures.empty())
    return json{{"text", fmt::format("{} is undefined for every group, so it is not {}", gate.metric, gate.condition)},
                {"passed", false}};
  const std::vector<evaluate::Gate> gates = {condition};
  SLIPWAY_TRY(const auto results, evaluate::try_gates(measured, gates).with_context("evaluate: gates"));
  return json{{"text", fmt::format("{} by {} ({})", results[0].text, column, where)}, {"passed", results[0].passed}};
}

}  // namespace

Result<json> try_gates(const Configuration& configuration, const json& evaluation) {
  evaluate::Evaluation measured;
  const std::string task = evaluation.at("task").get<std::string>();
  measured.task = task == "binary"       ? metrics::TaskKind::binary
                  : task == "regression" ? metrics::TaskKind::regression
                                         : metrics::TaskKind::multiclass;
  for (const auto& [name, value] : evaluation.at("metrics").items())
    if (value.is_number()) measured.measures.push_back({name, value.get<double>(), {}});
  json document = json::array();
  for (const Gate& gate : configuration.gates) {
    if (const std::size_t by = gate.metric.find(" by "); by != std::string::npos) {
      SLIPWAY_TRY(auto result, try_slice_gate(gate, by, evaluation));
      document.push_back(std::move(result));
      continue;
    }
    SLIPWAY_TRY(auto parsed, evaluate::parse_gate(gate.metric, gate.condition).with_context("evaluate: gates"));
    const std::vector<evaluate::Gate> one = {std::move(parsed)};
    SLIPWAY_TRY(const auto results, evaluate::try_gates(measured, one).with_context("evaluate: gates"));
    document.push_back({{"text", results[0].text}, {"passed", results[0].passed}});
  }
  return document;
}

}  // namespace slipway::pipeline
