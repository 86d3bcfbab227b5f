#include "explanation.hpp"

#include <fmt/format.h>

#include <slipway/base/file.hpp>
#include <slipway/base/random.hpp>
#include <slipway/explain/dependence.hpp>
#include <slipway/explain/importance.hpp>
#include <slipway/explain/reason_catalogue.hpp>
#include <slipway/model/expression.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "folds.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;

constexpr std::size_t contribution_rows = 1000;
constexpr std::size_t sampled_contribution_rows = 100;  // of a model whose explanation asks for many scores a row
constexpr std::size_t most_important_inputs = 4;

Result<json> importance(const Configuration& configuration, const ServableModel& servable, const Dataset& dataset,
                        const model::RowBatch& rows, const explain::Scorer& scorer, const std::string& name,
                        const Threads& threads, Progress& progress) {
  const metrics::TaskKind task = task_kind(servable.model.task);
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
    outcome.weights = truth.weights;
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

Result<json> contributions(const explain::Explainer& explainer, const model::TableRows& rows, const Threads& threads) {
  const std::size_t most =
      explainer.method() == explain::Method::path_dependent ? contribution_rows : sampled_contribution_rows;
  const model::RowBatch batch = rows.slice(0, std::min(most, rows.batch().rows));
  explain::Contributions found;
  SLIPWAY_CHECK(explainer.explain(batch, found, threads));
  return explain::to_json(explain::mean_contributions(explainer, found));
}

// The columns the user named, or the most important ones that have a dependence to show.
std::vector<std::string> columns_to_show(const Configuration& configuration, const ServableModel& servable,
                                         const json& importance) {
  if (!configuration.explain.partial_dependence.empty() || !configuration.explain.pair_dependence.empty())
    return configuration.explain.partial_dependence;
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
                               const Dataset& dataset, const explain::ExplainerOptions& how, const Threads& threads,
                               Progress& progress) {
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
  const metrics::TaskKind task = task_kind(servable.model.task);
  const std::string name =
      configuration.search.metric.empty() ? std::string(metrics::default_metric(task)) : configuration.search.metric;
  if (test.rows() < 2) {
    // There is nothing to shuffle.
    document["permutation_importance"] = {{"metric_name", name}, {"rows", test.rows()}, {"inputs", json::array()}};
  } else {
    const auto measure = [&](const std::string& metric) {
      return importance(configuration, servable, dataset, rows.batch(), score, metric, threads, progress);
    };
    auto found = measure(name);
    // A metric that these rows leave undefined (ROC AUC of one class) gives way to one that never is.
    if (!found.ok() && found.error().code() == ErrorCode::invalid_input)
      found = measure(task == metrics::TaskKind::regression ? "mae" : "log_loss");
    SLIPWAY_TRY(document["permutation_importance"], std::move(found));
  }
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
  document["pair_dependence"] = json::array();
  explain::DependenceOptions pair_options = options;
  pair_options.grid = 10;
  pair_options.max_rows = 500;
  for (const auto& [first, second] : configuration.explain.pair_dependence) {
    SLIPWAY_TRY(const auto dependence, explain::pair_dependence(servable.model.inputs, rows.batch(), first, second,
                                                                positive, pair_options, threads)
                                           .with_context("explain: partial_dependence"));
    document["pair_dependence"].push_back(explain::to_json(dependence));
  }
  const auto evaluate = [&](const model::RowBatch& batch, model::ValueId value, model::Block& out) {
    thread_local engine::Scratch scratch;
    return servable.predictor.evaluate(batch, value, scratch, out);
  };
  const auto explainer = explain::Explainer::make(servable.model, how, evaluate);
  if (explainer.ok()) {
    document["method"] = explain::method_name(explainer->method());
    document["explained"] = explain::explained_name(explainer->explained());
    document["base"] = explainer->base();
    SLIPWAY_TRY(document["mean_contributions"], contributions(*explainer, rows, threads));
  } else {
    document["mean_contributions"] = nullptr;
    document["why_no_contributions"] = explainer.error().message();
  }
  document["impurity_importance"] = explain::to_json(explain::impurity_importance(servable.model));
  return document;
}

Result<explain::ExplainerOptions> explainer_options(const Configuration& configuration, const model::Model& model,
                                                    const Dataset& dataset) {
  explain::ExplainerOptions options;
  SLIPWAY_TRY(options.method, explain::find_method(configuration.explain.method));
  const auto count = static_cast<std::size_t>(configuration.explain.baselines);
  if (count == 0) return options;
  const std::vector<std::uint32_t>& train = dataset.split.train;
  // Of many rows only the drawn ones are taken out of the table; a typical row needs them all.
  std::vector<std::uint32_t> rows = train;
  if (count > 1 && rows.size() > count) {
    Random random(random_key({configuration.seed, 0x62617365}));
    for (std::size_t i = 0; i < count; ++i) std::swap(rows[i], rows[i + random.below(rows.size() - i)]);
    rows.resize(count);
    std::sort(rows.begin(), rows.end());
  }
  SLIPWAY_TRY(const auto taken, model::TableRows::from(model.inputs, dataset.prepared.table.take(rows)));
  SLIPWAY_TRY(options.baselines, explain::Baselines::choose(model.inputs, taken.batch(), count, configuration.seed));
  return options;
}

Result<std::string> read_catalogue(const Configuration& configuration, std::span<const model::Input> inputs) {
  if (configuration.explain.reasons.empty()) return std::string();
  const std::filesystem::path path = configuration.folder / configuration.explain.reasons;
  SLIPWAY_TRY(std::string text, read_file(path).with_context("explain: reasons"));
  SLIPWAY_CHECK(explain::ReasonCatalogue::parse(text, path.string(), inputs).with_context("explain: reasons"));
  return text;
}

Status check_catalogue(const Configuration& configuration, const Dataset& dataset) {
  if (configuration.explain.reasons.empty()) return {};
  std::vector<std::string> names;
  for (const auto* group : {&dataset.plan.numeric, &dataset.plan.categorical, &dataset.plan.time})
    names.insert(names.end(), group->begin(), group->end());
  std::vector<model::ExpressionColumn> columns;
  for (const std::string& name : dataset.prepared.table.names()) columns.push_back({name, model::ValueKind::numbers});
  for (const features::DerivedFeature& derived : dataset.plan.derived)
    // A formula over times or other derived features is judged where features are fitted.
    if (const auto parsed = model::parse_expression(derived.expression, columns); parsed.ok())
      for (const std::uint32_t column : parsed->columns) names.push_back(columns[column].name);
    else
      for (const auto& column : columns) names.push_back(column.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<model::Input> inputs;
  for (const std::string& name : names) inputs.push_back({.name = name});
  SLIPWAY_CHECK(read_catalogue(configuration, inputs));
  return {};
}

}  // namespace slipway::pipeline
