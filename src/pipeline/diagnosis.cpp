#include "diagnosis.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>
#include <slipway/evaluate/bias_variance.hpp>
#include <slipway/evaluate/evaluation.hpp>
#include <slipway/evaluate/training_curve.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/pipeline/scoring.hpp>

#include "folds.hpp"
#include "training.hpp"

namespace slipway::pipeline {
namespace {

using nlohmann::json;
using Rows = std::vector<std::uint32_t>;

constexpr std::size_t most_train_rows = 200'000;  // scored for the measures of the training rows
constexpr std::size_t most_held_out = 20'000;
constexpr std::size_t linear_rows = 50'000;
constexpr std::size_t most_watched_rows = 100'000;  // that the curve over rounds is fitted on
constexpr int round_points = 24;                    // of that curve, and the first round

class Diagnostician {
 public:
  Diagnostician(const Configuration& configuration, const ServableModel& servable, const Dataset& dataset,
                const json& search, json& evaluation, const Threads& threads, Progress& progress)
      : configuration_(configuration),
        servable_(servable),
        dataset_(dataset),
        search_(search),
        evaluation_(evaluation),
        threads_(threads),
        progress_(progress) {}

  Status run() {
    task_ = task_kind(servable_.model.task);
    choose_metric();
    SLIPWAY_CHECK(side_by_side());
    if (configuration_.evaluate.linear_baseline) SLIPWAY_CHECK(add_linear());
    SLIPWAY_CHECK(resample());
    judge();
    return {};
  }

 private:
  // The first of these rows in a random order: sets of different sizes nest.
  Rows draw(const Rows& rows, std::size_t most, std::uint64_t purpose) const {
    if (rows.size() <= most) return rows;
    Rows drawn = rows;
    Random random(random_key({configuration_.seed, 0x64696167, purpose}));
    shuffle(drawn.data(), drawn.size(), random);
    drawn.resize(most);
    return drawn;
  }

  // The search's metric, or the task's default where no constant prediction can be compared by it.
  void choose_metric() {
    const std::string wanted = search_.value("metric", "");
    for (const std::string& name : {wanted, std::string(metrics::default_metric(task_)), std::string("log_loss")})
      if (const auto found = metrics::find_metric(name); found.ok() && (*found)->applies_to(task_)) {
        metric_ = *found;
        if (evaluation_.at("baseline").contains(metric_->name)) return;
      }
  }

  // Measures of a model on some rows, without intervals.
  Result<evaluate::Evaluation> measure(const engine::Predictor& predictor, const Rows& rows, float threshold) const {
    SLIPWAY_TRY(const auto prediction, predictor.predict_table(dataset_.prepared.table.take(rows), threads_));
    const RowTargets truth = targets_of(dataset_.target, rows);
    auto outcome = outcome_of(servable_.model.task, prediction.scores, truth.labels, truth.values, threshold);
    outcome.weights = truth.weights;
    return evaluate::evaluate(outcome, servable_.model.classes, {.bootstrap = 0}, threads_);
  }

  Status side_by_side() {
    json& parts = evaluation_["parts"];
    const Rows rows = draw(dataset_.split.train, most_train_rows, 1);
    SLIPWAY_TRY(const auto train, measure(servable_.predictor, rows, threshold_of(servable_.model)));
    const json measured = evaluate::to_json(train);
    parts["train"] = {{"rows", rows.size()}, {"metrics", measured.at("metrics")}};
    if (search_.contains("validation")) {
      const json& validation = search_["validation"];
      parts["validation"] = {{"rows", validation.at("rows")},
                             {"folds", validation.at("folds")},
                             {"metrics", validation.at("metrics")},
                             {"intervals", validation.at("intervals")},
                             {"spread", validation.at("spread")}};
    }
    parts["test"] = {{"rows", evaluation_.at("rows")},
                     {"metrics", evaluation_.at("metrics")},
                     {"intervals", evaluation_.at("intervals")}};
    return {};
  }

  Status add_linear() {
    const bool regression = task_ == metrics::TaskKind::regression;
    const std::string name = regression ? "linear_regression" : "logistic_regression";
    const auto learner = learners::find_learner(name);
    if (!learner.ok()) return {};
    const Rows rows = draw(dataset_.split.train, linear_rows, 2);
    ModelRequest request{*learner, {}, configuration_.seed, 0.5F, true};
    const auto fitted = fit_model(configuration_, dataset_, rows, request, threads_, progress_);
    // A comparison that cannot be made is no reason to lose the evaluation.
    if (!fitted.ok()) return skip("linear", fitted.error());
    SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(fitted->model));
    const auto evaluation = measure(predictor, dataset_.split.test, 0.5F);
    if (!evaluation.ok()) return skip("linear", evaluation.error());
    evaluation_["linear"] = {
        {"learner", name}, {"training_rows", rows.size()}, {"metrics", evaluate::to_json(*evaluation).at("metrics")}};
    return {};
  }

  Status skip(const char* what, const Error& error) {
    if (error.code() == ErrorCode::internal || error.code() == ErrorCode::cancelled) return error;
    evaluation_["notes"].push_back(fmt::format("{} model: {}", what, error.message()));
    return {};
  }

  // Learning curve and decomposition, on the rows of the first fold and without it.
  Status resample() {
    const EvaluatePlan& plan = configuration_.evaluate;
    if (plan.learning_curve == 0 && plan.resamples < 2 && !plan.rounds) return {};
    SLIPWAY_TRY(learner_, learner_of(configuration_));
    request_.learner = &learner_;
    for (const auto& [name, value] : search_.at("best").items()) {
      // Lists and maps stand there as canonical text.
      const std::string text = value.get<std::string>();
      if (!text.starts_with("[") && !text.starts_with("{")) {
        request_.settings.emplace_back(name, params::scalar(text));
        continue;
      }
      SLIPWAY_TRY(auto parsed, params::parse_yaml(text, "search.json"));
      request_.settings.emplace_back(name, std::move(parsed));
    }
    request_.threshold = threshold_of(servable_.model);
    SLIPWAY_TRY(const auto folds, divide_into_folds(configuration_, dataset_));
    const Rows held_out = draw(folds[0].validation_rows, most_held_out, 3);
    if (plan.rounds)
      if (const Status status = watch_rounds(folds[0].train_rows, held_out); !status.ok())
        SLIPWAY_CHECK(skip("watched", status.error()));
    if (plan.learning_curve > 0)
      if (const Status status = add_curve(folds[0].train_rows, held_out); !status.ok())
        SLIPWAY_CHECK(skip("learning curve's", status.error()));
    if (plan.resamples >= 2)
      if (const Status status = decompose(folds[0].train_rows, held_out); !status.ok())
        SLIPWAY_CHECK(skip("resampled", status.error()));
    return {};
  }

  Result<engine::Predictor> fit(const Rows& rows) {
    request_.seed = configuration_.seed;
    SLIPWAY_TRY(const auto fitted, fit_model(configuration_, dataset_, rows, request_, threads_, progress_));
    return engine::Predictor::compile(fitted.model);
  }

  // The rounds that the chosen settings ask for; none: the learner has none, or one fit does not contain shorter ones.
  std::optional<int> rounds_wanted() const {
    constexpr std::string_view option = "n_estimators";
    const auto& nesting = learner_.nesting_options;
    if (std::find(nesting.begin(), nesting.end(), option) == nesting.end()) return std::nullopt;
    std::string text;
    for (const auto& description : learner_.options)
      if (description.name == option) text = description.default_value;
    for (const auto& [name, value] : request_.settings)
      if (name == option) text = value.text;
    const auto number = parse_number(text);
    return number && *number >= 3 ? std::optional(static_cast<int>(*number)) : std::nullopt;
  }

  // Loss and metric after each of some rounds, on rows that were learnt from and on others, out of one fit.
  Status watch_rounds(const Rows& rows, const Rows& held_out) {
    const std::optional<int> wanted = rounds_wanted();
    if (!wanted) return {};
    const Rows learnt = draw(rows, most_watched_rows, 5);
    if (!every_class(learnt)) return {};
    const Rows seen = draw(learnt, most_held_out, 6);
    std::vector<int> rounds = {1};
    for (int k = 1; k <= round_points; ++k)
      if (const int round = (*wanted * k + round_points - 1) / round_points; round > rounds.back())
        rounds.push_back(round);
    std::vector<learners::Settings> points;
    for (int round : rounds) points.push_back({{"n_estimators", params::scalar(std::to_string(round))}});
    request_.seed = configuration_.seed;
    SLIPWAY_TRY(const auto models,
                fit_nested_models(configuration_, dataset_, learnt, request_, points, threads_, progress_));
    const std::string loss = task_ == metrics::TaskKind::regression ? "rmse" : "log_loss";
    const std::string metric(metric_->name);
    std::vector<evaluate::RoundPoint> curve;
    for (std::size_t k = 0; k < models.size(); ++k) {
      if (progress_.cancelled()) return stopped_by_user();
      SLIPWAY_TRY(const auto predictor, engine::Predictor::compile(models[k]));
      SLIPWAY_TRY(const auto train, measure(predictor, seen, request_.threshold));
      SLIPWAY_TRY(const auto validation, measure(predictor, held_out, request_.threshold));
      const auto* train_loss = train.find(loss);
      const auto* validation_loss = validation.find(loss);
      const auto* train_metric = train.find(metric);
      const auto* validation_metric = validation.find(metric);
      if (train_loss == nullptr || validation_loss == nullptr || train_metric == nullptr ||
          validation_metric == nullptr)
        return {};
      curve.push_back({static_cast<double>(rounds[k]), train_loss->value, validation_loss->value, train_metric->value,
                       validation_metric->value});
    }
    json document = evaluate::to_json(curve, evaluate::judge_rounds(curve));
    document.update(
        {{"loss", loss}, {"metric", metric}, {"training_rows", learnt.size()}, {"held_out_rows", held_out.size()}});
    evaluation_["fit"]["rounds"] = std::move(document);
    return {};
  }

  Status add_curve(const Rows& rows, const Rows& held_out) {
    const EvaluatePlan& plan = configuration_.evaluate;
    const std::size_t largest = std::min(rows.size(), static_cast<std::size_t>(plan.learning_curve_rows));
    json curve = json::array();
    for (int step = plan.learning_curve - 1; step >= 0; --step) {
      const std::size_t size = largest >> step;
      if (size < 50) continue;
      const Rows part = draw(rows, size, 4);
      if (!every_class(part)) continue;
      SLIPWAY_TRY(const auto predictor, fit(part));
      SLIPWAY_TRY(const auto train, measure(predictor, part, request_.threshold));
      SLIPWAY_TRY(const auto validation, measure(predictor, held_out, request_.threshold));
      const auto* of_train = train.find(metric_->name);
      const auto* of_validation = validation.find(metric_->name);
      if (of_train == nullptr || of_validation == nullptr) continue;
      curve.push_back({{"rows", size}, {"train", of_train->value}, {"validation", of_validation->value}});
    }
    // The full size was fitted by the cross-validation.
    if (rows.size() > largest && search_.contains("validation")) {
      const json& spread = search_["validation"].at("spread");
      const json& train = evaluation_["parts"]["train"]["metrics"];
      if (spread.contains(metric_->name) && train.contains(metric_->name))
        curve.push_back({{"rows", rows.size()},
                         {"train", train.at(std::string(metric_->name))},
                         {"validation", spread.at(std::string(metric_->name)).at("mean")}});
    }
    evaluation_["fit"]["learning_curve"] = {
        {"metric", metric_->name}, {"held_out_rows", held_out.size()}, {"points", curve}};
    return {};
  }

  bool every_class(const Rows& rows) const {
    if (task_ == metrics::TaskKind::regression) return true;
    std::vector<bool> seen(dataset_.target.classes.size());
    for (std::uint32_t row : rows) seen[static_cast<std::size_t>(dataset_.target.labels[row])] = true;
    return std::find(seen.begin(), seen.end(), false) == seen.end();
  }

  Status decompose(const Rows& rows, const Rows& held_out) {
    const EvaluatePlan& plan = configuration_.evaluate;
    const std::size_t size = std::min(rows.size(), static_cast<std::size_t>(plan.resample_rows));
    const RowTargets truth = targets_of(dataset_.target, held_out);
    const table::Table table = dataset_.prepared.table.take(held_out);
    std::vector<std::vector<float>> predictions;
    for (int m = 0; m < plan.resamples; ++m) {
      Rows sample(size);
      Random random(random_key({configuration_.seed, 0x626f6f74, static_cast<std::uint64_t>(m)}));
      for (std::uint32_t& row : sample) row = rows[random.below(rows.size())];
      if (!every_class(sample)) continue;
      SLIPWAY_TRY(const auto predictor, fit(sample));
      SLIPWAY_TRY(auto prediction, predictor.predict_table(table, threads_));
      predictions.push_back(std::move(prediction.scores.values));
    }
    if (predictions.size() < 2)
      return invalid_input(fmt::format("{} rows drawn from the training rows do not hold every class", size));
    metrics::Outcome outcome;
    outcome.task = task_;
    outcome.labels = truth.labels;
    outcome.targets = truth.values;
    outcome.threshold = request_.threshold;
    SLIPWAY_TRY(const auto found, evaluate::decompose_error(outcome, predictions));
    json document = evaluate::to_json(found);
    document["rows"] = size;
    document["held_out_rows"] = held_out.size();
    evaluation_["fit"]["decomposition"] = document;
    return {};
  }

  void judge() {
    const std::string name(metric_->name);
    evaluate::FitEvidence evidence;
    evidence.metric = name;
    evidence.higher_is_better = metric_->higher_is_better;
    evidence.ideal = metric_->higher_is_better ? 1 : 0;
    const auto read = [&](const json& metrics) -> std::optional<double> {
      return metrics.contains(name) && metrics[name].is_number() ? std::optional(metrics[name].get<double>())
                                                                 : std::nullopt;
    };
    const json& parts = evaluation_["parts"];
    evidence.train = read(parts["train"]["metrics"]);
    evidence.test = read(evaluation_.at("metrics"));
    if (parts.contains("validation")) {
      const json& spread = parts["validation"]["spread"];
      if (spread.contains(name)) {
        evidence.validation = spread[name]["mean"].get<double>();
        const double folds = parts["validation"]["folds"].get<double>();
        evidence.validation_error = spread[name]["standard_deviation"].get<double>() / std::sqrt(folds);
        // One validation part has no spread: its interval tells instead (1.96 standard errors to each side).
        const json& intervals = parts["validation"]["intervals"];
        if (folds == 1 && intervals.contains(name))
          evidence.validation_error = (intervals[name][1].get<double>() - intervals[name][0].get<double>()) / 3.92;
      }
    } else {
      evidence.validation = evidence.test;
    }
    if (const json& intervals = evaluation_.at("intervals"); intervals.contains(name))
      evidence.test_interval = evaluate::Interval{intervals[name][0].get<double>(), intervals[name][1].get<double>()};
    evidence.dummy = read(evaluation_.at("baseline"));
    if (evaluation_.contains("linear")) evidence.linear = read(evaluation_["linear"]["metrics"]);
    if (evaluation_.contains("fit") && evaluation_["fit"].contains("learning_curve"))
      for (const json& point : evaluation_["fit"]["learning_curve"]["points"])
        evidence.curve.push_back(
            {point["rows"].get<double>(), point["train"].get<double>(), point["validation"].get<double>()});
    json verdict = evaluate::to_json(evaluate::judge_fit(evidence));
    verdict["metric"] = name;
    evaluation_["fit"].update(verdict);
  }

  const Configuration& configuration_;
  const ServableModel& servable_;
  const Dataset& dataset_;
  const json& search_;
  json& evaluation_;
  const Threads& threads_;
  Progress& progress_;
  metrics::TaskKind task_ = metrics::TaskKind::binary;
  const metrics::Metric* metric_ = nullptr;
  learners::Learner learner_;
  ModelRequest request_;
};

}  // namespace

Status diagnose(const Configuration& configuration, const ServableModel& servable, const Dataset& dataset,
                const json& search, json& evaluation, const Threads& threads, Progress& progress) {
  return Diagnostician(configuration, servable, dataset, search, evaluation, threads, progress)
      .run()
      .with_context("diagnosing the fit");
}

}  // namespace slipway::pipeline
