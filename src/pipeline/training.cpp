#include "training.hpp"

#include <cmath>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include <slipway/evaluate/calibration.hpp>
#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/thresholds.hpp>
#include <slipway/features/features.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/model/model.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/pipeline/scoring.hpp>
#include <slipway/search/search.hpp>

#include "decision_context.hpp"
#include "elimination.hpp"
#include "folds.hpp"
#include "stage_cache.hpp"
#include "stopwatch.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;

json settings_json(const learners::Settings& settings) {
  json document = json::object();
  for (const auto& [name, value] : settings)
    document[name] = value.is_null()                             ? "none"
                     : value.kind == params::Value::Kind::scalar ? value.text
                                                                 : params::canonical(value);
  return document;
}

json finite(double number) { return std::isfinite(number) ? json(number) : json(nullptr); }

json search_json(const search::Problem& problem, const search::SearchResult& result) {
  json document = {{"plan", result.plan},
                   {"metric", result.metric},
                   {"higher_is_better", result.higher_is_better},
                   {"fits", result.fits},
                   {"learner", problem.learner->name},
                   {"best", settings_json(search::all_settings(problem, result.best_candidate()))},
                   {"candidates", json::array()}};
  for (const auto& candidate : result.candidates) {
    json scores = json::array();
    for (double score : candidate.scores) scores.push_back(finite(score));
    document["candidates"].push_back({{"settings", settings_json(candidate.settings)},
                                      {"scores", scores},
                                      {"mean", finite(candidate.mean)},
                                      {"standard_deviation", finite(candidate.standard_deviation)},
                                      {"rank", candidate.rank}});
    if (candidate.resource > 0)
      document["candidates"].back().update({{"rung", candidate.rung + 1}, {"resource", candidate.resource}});
  }
  return document;
}

class Trainer {
 public:
  Trainer(const Configuration& configuration, const Dataset& dataset, const std::filesystem::path& keep,
          const Threads& threads, Progress& progress)
      : configuration_(configuration), dataset_(dataset), threads_(threads), progress_(progress) {
    options_.keep = keep;
    options_.key = fold_key(configuration, dataset);
  }

  Result<Trained> run() {
    SLIPWAY_CHECK(describe_problem());
    SLIPWAY_CHECK(check_text_form());
    Stopwatch watch;
    SLIPWAY_TRY(folds_, divide_into_folds(configuration_, dataset_));
    options_.folds = static_cast<int>(folds_.size());
    problem_.rows = folds_[0].train_rows.size();
    for (const Fold& fold : folds_) problem_.rows = std::min(problem_.rows, fold.train_rows.size());
    SLIPWAY_TRY(const auto plan, search::make_plan(problem_, options_).with_context("search"));
    SLIPWAY_TRY(const auto result,
                search::run(
                    problem_, options_, plan, [&](std::size_t index) { return fold_data(index); }, threads_, progress_)
                    .with_context("search"));
    Trained trained;
    trained.search = search_json(problem_, result);
    SLIPWAY_TRY(const evaluate::ThresholdChoice threshold, choose_threshold(result));
    trained.search["threshold"] = threshold.threshold;
    trained.search["threshold_policy"] = threshold.policy;
    trained.search["threshold_note"] = threshold.note;
    SLIPWAY_TRY(trained.search["validation"], validate(result, threshold));
    trained.search_seconds = watch.seconds();
    folds_.clear();

    const learners::Settings best = search::all_settings(problem_, result.best_candidate());
    ModelRequest request{problem_.learner, best, configuration_.seed, threshold.threshold};
    SLIPWAY_TRY(const FittedModel fitted,
                fit_model(configuration_, dataset_, dataset_.split.train, request, threads_, progress_));
    trained.fit_seconds = fitted.seconds;
    trained.search["dropped_features"] = json::array();
    for (const auto& [name, why] : fitted.dropped)
      trained.search["dropped_features"].push_back({{"feature", name}, {"why", why}});
    SLIPWAY_TRY(trained.onnx, package::write_onnx(fitted.model).with_context("writing model.onnx"));
    return trained;
  }

 private:
  Status describe_problem() {
    SLIPWAY_TRY(learner_, learner_of(configuration_));
    problem_.learner = &learner_;
    problem_.fixed = configuration_.settings;
    problem_.task = dataset_.target.task;
    problem_.classes = problem_.task == model::Task::regression ? 1 : static_cast<int>(dataset_.target.classes.size());
    const SearchPlan& plan = configuration_.search;
    problem_.space = plan.space;
    options_.method = plan.method == "none" ? "grid" : plan.method;
    options_.factor = plan.factor;
    options_.resource = plan.resource;
    options_.min_resources = plan.min_resources;
    options_.max_resources = plan.max_resources;
    options_.aggressive_elimination = plan.aggressive_elimination;
    options_.metric = plan.metric.empty() ? "auto" : plan.metric;
    options_.iterations = plan.iterations;
    options_.seed = configuration_.seed;
    return {};
  }

  // A model with text features has to fit into its file: said now, not after the search.
  Status check_text_form() const {
    if (dataset_.plan.text.empty()) return {};
    model::ModelBuilder builder("text");
    model::Terms terms;
    terms.input = builder.input({.name = "text", .kind = model::InputKind::text});
    terms.terms = {"term"};
    terms.weights = {1};
    const model::ValueId value = builder.add(terms, "terms", {"term"});
    builder.set_task(model::Task::regression, "target", {});
    builder.set_outputs(value, value);
    SLIPWAY_TRY(const model::Model model, std::move(builder).build());
    if (package::write_onnx(model).ok()) return {};
    return invalid_input(
        "features: text: weights of terms have no form in ONNX yet, so that no model can be made of them; `slipway "
        "prepare --features` writes them");
  }

  // Fits the fold's features when its turn comes, and hands its blocks over: one fold is in memory at a time.
  Result<search::FoldData> fold_data(std::size_t index) {
    Fold& fold = folds_[index];
    SLIPWAY_CHECK(fit_fold_features(configuration_, dataset_, fold, threads_, progress_)
                      .with_context(fmt::format("fold {}", index + 1)));
    search::FoldData data;
    data.train.features = std::move(fold.train_features);
    data.train.labels = fold.train_targets.labels;
    data.train.targets = fold.train_targets.values;
    data.train.groups = fold.train_groups;
    data.train.nominal = fold.nominal;
    data.train.weights = fold.train_targets.weights;
    data.validation.features = std::move(fold.validation_features);
    data.validation.labels = fold.validation_targets.labels;
    data.validation.targets = fold.validation_targets.values;
    data.validation.weights = fold.validation_targets.weights;
    return data;
  }

  // On the scores that each fold's model gave to rows it was not fitted on: never on the test rows.
  Result<evaluate::ThresholdChoice> choose_threshold(const search::SearchResult& result) {
    if (problem_.task != model::Task::binary) return evaluate::ThresholdChoice{};
    evaluate::ThresholdPolicy policy;
    SLIPWAY_CHECK(params::read_options<evaluate::ThresholdPolicy>(policy, evaluate::threshold_options,
                                                                  configuration_.threshold, "threshold"));
    SLIPWAY_TRY(const OutOfFold rows, out_of_fold(result));
    return evaluate::choose_threshold(rows.labels, rows.scores, policy, rows.weights, context_of(rows))
        .with_context("evaluate: threshold");
  }

  // All training rows with the scores of models that were not fitted on them, fold after fold.
  struct OutOfFold {
    std::vector<std::uint32_t> rows;
    std::vector<std::int32_t> labels;
    std::vector<float> targets;
    std::vector<float> weights;  // empty = all 1
    std::vector<float> scores;   // column by column; of two classes the positive one's alone
    std::optional<evaluate::Costs> costs;
  };
  Result<OutOfFold> out_of_fold(const search::SearchResult& result) const {
    OutOfFold all;
    for (const Fold& fold : folds_) {
      all.rows.insert(all.rows.end(), fold.validation_rows.begin(), fold.validation_rows.end());
      const RowTargets& truth = fold.validation_targets;
      all.labels.insert(all.labels.end(), truth.labels.begin(), truth.labels.end());
      all.targets.insert(all.targets.end(), truth.values.begin(), truth.values.end());
      all.weights.insert(all.weights.end(), truth.weights.begin(), truth.weights.end());
    }
    const std::size_t width = result.best_scores[0].size() / folds_[0].validation_rows.size();
    for (std::size_t column = 0; column < width; ++column)
      for (std::size_t f = 0; f < folds_.size(); ++f) {
        const std::size_t rows = folds_[f].validation_rows.size();
        const float* scores = result.best_scores[f].data() + column * rows;
        all.scores.insert(all.scores.end(), scores, scores + rows);
      }
    SLIPWAY_TRY(all.costs, costs_of(configuration_, dataset_.prepared.table, all.rows));
    return all;
  }
  evaluate::ThresholdContext context_of(const OutOfFold& rows) const {
    return {rows.costs ? &*rows.costs : nullptr, rows_per_day(configuration_, dataset_)};
  }

  // Scores of some out-of-fold rows [begin, end) as an outcome; `both` keeps the two columns of a binary task.
  metrics::Outcome outcome_of(const OutOfFold& all, std::size_t begin, std::size_t end, float threshold,
                              std::vector<float>& both) const {
    const std::size_t rows = end - begin, width = all.scores.size() / all.rows.size();
    both.clear();
    metrics::Outcome outcome;
    outcome.task = task_kind(problem_.task);
    outcome.threshold = threshold;
    if (!all.labels.empty()) outcome.labels = metrics::Labels(all.labels).subspan(begin, rows);
    if (!all.targets.empty()) outcome.targets = std::span<const float>(all.targets).subspan(begin, rows);
    if (!all.weights.empty()) outcome.weights = metrics::Weights(all.weights).subspan(begin, rows);
    if (outcome.task == metrics::TaskKind::binary && width == 1)
      for (std::size_t row = begin; row < end; ++row) both.push_back(1 - all.scores[row]);
    for (std::size_t column = 0; column < width; ++column)
      both.insert(both.end(), all.scores.begin() + static_cast<std::ptrdiff_t>(column * all.rows.size() + begin),
                  all.scores.begin() + static_cast<std::ptrdiff_t>(column * all.rows.size() + end));
    outcome.scores = {rows, both.size() / rows, both};
    return outcome;
  }

  // What the out-of-fold scores say: measures over all of them and fold by fold, a recalibration, what thresholds do.
  Result<json> validate(const search::SearchResult& result, const evaluate::ThresholdChoice& threshold) const {
    SLIPWAY_TRY(const OutOfFold all, out_of_fold(result));
    std::vector<float> both;
    evaluate::EvaluationOptions options;
    options.bootstrap = configuration_.evaluate.bootstrap;
    options.seed = configuration_.seed;
    const metrics::Outcome outcome = outcome_of(all, 0, all.rows.size(), threshold.threshold, both);
    SLIPWAY_TRY(const auto evaluation, evaluate::evaluate(outcome, dataset_.target.classes, options, threads_));
    const json whole = evaluate::to_json(evaluation);
    json document = {{"rows", all.rows.size()}, {"metrics", whole.at("metrics")}, {"intervals", whole.at("intervals")}};
    json folds = json::array();
    std::map<std::string, std::vector<double>> by_metric;
    std::size_t begin = 0;
    options.bootstrap = 0;
    for (const Fold& fold : folds_) {
      const std::size_t end = begin + fold.validation_rows.size();
      std::vector<float> part;
      const metrics::Outcome of_fold = outcome_of(all, begin, end, threshold.threshold, part);
      SLIPWAY_TRY(const auto measured, evaluate::evaluate(of_fold, dataset_.target.classes, options, threads_));
      for (const auto& measure : measured.measures) by_metric[measure.name].push_back(measure.value);
      begin = end;
    }
    document["folds"] = folds_.size();
    document["spread"] = json::object();
    for (const auto& [name, values] : by_metric) {
      if (values.size() != folds_.size()) continue;  // undefined on a fold
      double mean = 0, squares = 0;
      for (double value : values) mean += value / static_cast<double>(values.size());
      for (double value : values) squares += (value - mean) * (value - mean);
      const double deviation = std::sqrt(squares / static_cast<double>(std::max<std::size_t>(1, values.size() - 1)));
      document["spread"][name] = {{"mean", mean}, {"standard_deviation", deviation}, {"folds", values}};
    }
    if (outcome.task != metrics::TaskKind::binary) return document;
    const metrics::Scores positive = outcome.scores.column(1);
    if (const auto map = evaluate::fit_recalibration(all.labels, positive, all.weights); map.ok())
      document["recalibration"] = evaluate::to_json(*map);
    document["policies"] = json::array();
    for (const auto& [rule, choice] : other_choices(all, positive)) {
      const auto point =
          evaluate::operating_point(all.labels, positive, choice.threshold, context_of(all), all.weights);
      json entry = evaluate::to_json(point);
      entry["policy"] = rule;
      document["policies"].push_back(std::move(entry));
    }
    return document;
  }

  // What common rules would choose on the same rows.
  std::vector<std::pair<std::string, evaluate::ThresholdChoice>> other_choices(const OutOfFold& all,
                                                                               metrics::Scores positive) const {
    std::vector<evaluate::ThresholdPolicy> rules(7);
    rules[0].maximise = "f1";
    rules[1].maximise = "f2";
    rules[2].maximise = "matthews";
    rules[3].precision = 0.9;
    rules[4].recall = 0.9;
    rules[5].minimise = "cost";
    rules[6].alerts_per_day = 100;
    std::vector<std::pair<std::string, evaluate::ThresholdChoice>> choices;
    for (const auto& rule : rules)
      if (const auto choice = evaluate::choose_threshold(all.labels, positive, rule, all.weights, context_of(all));
          choice.ok() && choice->note.empty())
        choices.emplace_back(choice->policy, *choice);
    return choices;
  }

  const Configuration& configuration_;
  const Dataset& dataset_;
  const Threads& threads_;
  Progress& progress_;
  learners::Learner learner_;
  search::Problem problem_;
  search::SearchOptions options_;
  std::vector<Fold> folds_;
};

// Features fitted on some rows: what a learner starts from.
struct ReadyRows {
  model::ModelBuilder builder;
  features::FittedFeatures fitted;
  RowTargets targets;
  std::vector<std::int32_t> groups;
  model::Task task = model::Task::binary;
  int classes = 2;

  learners::TrainingData data() const {
    learners::TrainingData data;
    data.features = &fitted.training;
    data.task = task;
    data.classes = task == model::Task::regression ? 1 : classes;
    data.labels = targets.labels;
    data.targets = targets.values;
    data.weights = targets.weights;
    data.groups = groups;
    data.nominal = fitted.nominal;
    return data;
  }
};

Result<ReadyRows> ready_rows(const Configuration& configuration, const Dataset& dataset,
                             std::span<const std::uint32_t> rows, const ModelRequest& request, const Threads& threads,
                             Progress& progress) {
  const model::Task task = dataset.target.task;
  ReadyRows ready{model::ModelBuilder(configuration.name),        {}, targets_of(dataset.target, rows), {}, task,
                  static_cast<int>(dataset.target.classes.size())};
  features::FeaturePlan plan = dataset.plan;
  // What cannot take missing values gets them filled.
  if (!learners::takes_missing(*request.learner, request.settings, task) && plan.options.impute == "none" &&
      request.fill_missing)
    plan.options.impute = "median";
  // Groups are known by training row.
  SLIPWAY_TRY(std::vector<std::int32_t> groups, training_groups(configuration, dataset));
  if (!groups.empty()) {
    std::vector<std::int32_t> by_row(dataset.prepared.table.rows(), -1);
    for (std::size_t i = 0; i < groups.size(); ++i) by_row[dataset.split.train[i]] = groups[i];
    for (std::uint32_t row : rows) ready.groups.push_back(by_row[row]);
  }
  SLIPWAY_TRY(
      ready.fitted,
      features::fit(ready.builder, plan, dataset.prepared.table, rows,
                    {task, ready.classes, ready.targets.labels, ready.targets.values}, request.seed,
                    importance_in(*request.learner, request.settings, ready.data(), request.seed, threads, progress)));
  return ready;
}

Result<model::Model> model_of(const Configuration& configuration, const Dataset& dataset, const ModelRequest& request,
                              model::ModelBuilder builder, model::ValueId features,
                              const learners::Fragment& fragment) {
  const model::ValueId scores = learners::append(builder, fragment, features);
  builder.set_task(dataset.target.task, configuration.schema.target, dataset.target.classes);
  if (dataset.target.task == model::Task::regression) {
    builder.set_outputs(scores, scores);
  } else {
    model::Decide decide{};
    decide.input = scores;
    decide.threshold = request.threshold;
    builder.set_outputs(scores, builder.add(decide, "label", {"label"}));
  }
  builder.set_metadata("created by", "Slipway " + std::string(build_version()));
  builder.set_metadata("data digest", dataset.prepared.data_digest);
  builder.set_metadata("learner", std::string(request.learner->name));
  return std::move(builder).build();
}

}  // namespace

Result<FittedModel> fit_model(const Configuration& configuration, const Dataset& dataset,
                              std::span<const std::uint32_t> rows, const ModelRequest& request, const Threads& threads,
                              Progress& progress) {
  SLIPWAY_TRY(ReadyRows ready, ready_rows(configuration, dataset, rows, request, threads, progress));
  progress.begin(fmt::format("fit {}", request.learner->name), 0);
  Stopwatch watch;
  SLIPWAY_TRY(
      const learners::Fragment fragment,
      request.learner->fit(ready.data(), request.settings, request.seed, threads, progress).with_context("fit"));
  FittedModel made;
  made.seconds = watch.seconds();
  made.dropped = std::move(ready.fitted.dropped);
  progress.end();
  SLIPWAY_TRY(made.model,
              model_of(configuration, dataset, request, std::move(ready.builder), ready.fitted.value, fragment));
  return made;
}

Result<std::vector<model::Model>> fit_nested_models(const Configuration& configuration, const Dataset& dataset,
                                                    std::span<const std::uint32_t> rows, const ModelRequest& request,
                                                    std::span<const learners::Settings> points, const Threads& threads,
                                                    Progress& progress) {
  SLIPWAY_TRY(const ReadyRows ready, ready_rows(configuration, dataset, rows, request, threads, progress));
  SLIPWAY_TRY(const auto nested,
              request.learner->fit_nested(ready.data(), request.settings, points, request.seed, threads, progress));
  std::vector<model::Model> models;
  for (const learners::Settings& point : points) {
    SLIPWAY_TRY(const learners::Fragment fragment, nested->extract(point));
    SLIPWAY_TRY(models.emplace_back(),
                model_of(configuration, dataset, request, ready.builder, ready.fitted.value, fragment));
  }
  return models;
}

Result<Trained> train(const Configuration& configuration, const Dataset& dataset, const std::filesystem::path& keep,
                      const Threads& threads, Progress& progress) {
  return Trainer(configuration, dataset, keep, threads, progress).run();
}

std::string search_csv(const json& search) {
  const auto quoted = [](const std::string& text) {
    if (text.find_first_of(",\"\n") == std::string::npos) return text;
    std::string out = "\"";
    for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + "\"";
  };
  const auto number = [](const json& value) { return value.is_number() ? value.dump() : std::string(); };
  const json& candidates = search.at("candidates");
  std::set<std::string> options;
  std::size_t folds = 0;
  for (const json& candidate : candidates) {
    folds = std::max(folds, candidate.at("scores").size());
    for (const auto& [name, value] : candidate.at("settings").items()) options.insert(name);
  }
  const bool halving = !candidates.empty() && candidates.at(0).contains("rung");
  std::string text = halving ? "rank,rung,resource,mean,standard_deviation" : "rank,mean,standard_deviation";
  for (std::size_t fold = 1; fold <= folds; ++fold) text += fmt::format(",fold_{}", fold);
  for (const std::string& option : options) text += "," + quoted(option);
  text += "\n";
  for (const json& candidate : candidates) {
    text += candidate.at("rank").dump();
    if (halving) text += "," + number(candidate.at("rung")) + "," + number(candidate.at("resource"));
    text += "," + number(candidate.at("mean")) + "," + number(candidate.at("standard_deviation"));
    for (const json& score : candidate.at("scores")) text += "," + number(score);
    for (const std::string& option : options) text += "," + quoted(candidate.at("settings").value(option, ""));
    text += "\n";
  }
  return text;
}

}  // namespace slipway::pipeline
