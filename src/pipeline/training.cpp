#include "training.hpp"

#include <cmath>
#include <set>

#include <fmt/format.h>

#include <slipway/evaluate/thresholds.hpp>
#include <slipway/features/features.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/model/model.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/pipeline/build_identity.hpp>
#include <slipway/search/search.hpp>

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
    trained.search_seconds = watch.seconds();
    folds_.clear();

    const learners::Settings best = search::all_settings(problem_, result.best_candidate());
    SLIPWAY_TRY(const model::Model model, fit_final(best, threshold, trained.fit_seconds));
    trained.search["dropped_features"] = json::array();
    for (const auto& [name, why] : dropped_)
      trained.search["dropped_features"].push_back({{"feature", name}, {"why", why}});
    SLIPWAY_TRY(trained.onnx, package::write_onnx(model).with_context("writing model.onnx"));
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
    SLIPWAY_CHECK(fit_fold_features(configuration_, dataset_, fold).with_context(fmt::format("fold {}", index + 1)));
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
    std::vector<std::int32_t> labels;
    std::vector<float> scores;
    for (std::size_t f = 0; f < folds_.size(); ++f) {
      const auto& fold = folds_[f].validation_targets.labels;
      labels.insert(labels.end(), fold.begin(), fold.end());
      scores.insert(scores.end(), result.best_scores[f].begin(), result.best_scores[f].end());
    }
    return evaluate::choose_threshold(labels, scores, policy).with_context("evaluate: threshold");
  }

  Result<model::Model> fit_final(const learners::Settings& settings, const evaluate::ThresholdChoice& threshold,
                                 double& seconds) {
    const RowTargets targets = targets_of(dataset_.target, dataset_.split.train);
    const int classes = static_cast<int>(dataset_.target.classes.size());
    SLIPWAY_TRY(const std::vector<std::int32_t> groups, training_groups(configuration_, dataset_));
    model::ModelBuilder builder(configuration_.name);
    SLIPWAY_TRY(auto fitted,
                features::fit(builder, dataset_.plan, dataset_.prepared.table, dataset_.split.train,
                              {problem_.task, classes, targets.labels, targets.values}, configuration_.seed));
    dropped_ = std::move(fitted.dropped);
    learners::TrainingData data;
    data.features = &fitted.training;
    data.task = problem_.task;
    data.classes = problem_.classes;
    data.labels = targets.labels;
    data.targets = targets.values;
    data.groups = groups;
    data.nominal = fitted.nominal;
    data.weights = targets.weights;
    progress_.begin("fit " + configuration_.learner, 0);
    Stopwatch watch;
    SLIPWAY_TRY(const learners::Fragment fragment,
                problem_.learner->fit(data, settings, configuration_.seed, threads_, progress_).with_context("fit"));
    seconds = watch.seconds();
    progress_.end();
    const model::ValueId scores = learners::append(builder, fragment, fitted.value);
    builder.set_task(problem_.task, configuration_.schema.target, dataset_.target.classes);
    if (problem_.task == model::Task::regression) {
      builder.set_outputs(scores, scores);
    } else {
      model::Decide decide{};
      decide.input = scores;
      decide.threshold = threshold.threshold;
      builder.set_outputs(scores, builder.add(decide, "label", {"label"}));
    }
    builder.set_metadata("created by", "Slipway " + std::string(build_version()));
    builder.set_metadata("data digest", dataset_.prepared.data_digest);
    builder.set_metadata("learner", configuration_.learner);
    return std::move(builder).build();
  }

  const Configuration& configuration_;
  const Dataset& dataset_;
  const Threads& threads_;
  Progress& progress_;
  learners::Learner learner_;
  search::Problem problem_;
  search::SearchOptions options_;
  std::vector<Fold> folds_;
  std::vector<features::DroppedFeature> dropped_;
};

}  // namespace

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
