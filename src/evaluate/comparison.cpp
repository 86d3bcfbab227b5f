#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/evaluate/comparison.hpp>

#include "ranked_rows.hpp"

namespace slipway::evaluate {
namespace {

// Per row the loss of each model, for measures that are means of losses.
std::vector<double> losses(const metrics::Outcome& outcome, std::string_view name) {
  std::vector<double> values(outcome.scores.rows);
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (outcome.task == metrics::TaskKind::regression) {
      const double error = double(outcome.scores.at(row, 0)) - outcome.targets[row];
      values[row] = name == "mae" ? std::abs(error) : error * error;
      continue;
    }
    const auto label = static_cast<std::size_t>(outcome.labels[row]);
    if (name == "log_loss") {
      constexpr double least = std::numeric_limits<double>::epsilon();
      values[row] = -std::log(std::clamp<double>(outcome.scores.at(row, label), least, 1 - least));
    } else if (outcome.task == metrics::TaskKind::binary) {
      values[row] = std::pow(double(outcome.scores.at(row, 1)) - (label == 1 ? 1 : 0), 2);
    } else {
      for (std::size_t c = 0; c < outcome.scores.classes; ++c)
        values[row] += std::pow(double(outcome.scores.at(row, c)) - (c == label ? 1 : 0), 2);
    }
  }
  return values;
}

class Comparer {
 public:
  Comparer(const metrics::Outcome& first, const metrics::Outcome& second, const ComparisonOptions& options,
           const Threads& threads)
      : first_(first), second_(second), options_(options), threads_(threads) {}

  Result<ModelComparison> run() {
    SLIPWAY_CHECK(check());
    out_.rows = first_.scores.rows;
    SLIPWAY_CHECK(measure());
    if (first_.task == metrics::TaskKind::regression) {
      paired_mean("mae");
      out_.judged_by = "mae";
    } else {
      paired_mean("log_loss");
      paired_mean("brier");
      SLIPWAY_CHECK(compare_labels());
      out_.judged_by = "log_loss";
      if (first_.task == metrics::TaskKind::binary) SLIPWAY_CHECK(compare_rankings());
    }
    judge();
    return std::move(out_);
  }

 private:
  Status check() const {
    if (first_.task != second_.task) return invalid_input("two models of different tasks cannot be compared");
    if (first_.scores.rows != second_.scores.rows || first_.scores.classes != second_.scores.classes)
      return invalid_input(fmt::format("the models to compare scored {} and {} rows, {} and {} columns",
                                       first_.scores.rows, second_.scores.rows, first_.scores.classes,
                                       second_.scores.classes));
    if (!std::equal(first_.labels.begin(), first_.labels.end(), second_.labels.begin(), second_.labels.end()) ||
        !std::equal(first_.targets.begin(), first_.targets.end(), second_.targets.begin(), second_.targets.end()))
      return invalid_input("the models to compare were given different truths for the same rows");
    if (!options_.groups.empty() && options_.groups.size() != first_.scores.rows)
      return invalid_input(fmt::format("{} groups for {} rows", options_.groups.size(), first_.scores.rows));
    return {};
  }

  Status measure() {
    for (const metrics::Metric& metric : metrics::catalogue()) {
      if (!metric.applies_to(first_.task)) continue;
      const auto a = metrics::evaluate(metric, first_);
      const auto b = metrics::evaluate(metric, second_);
      if (!a.ok() || !b.ok() || !std::isfinite(*a) || !std::isfinite(*b)) continue;
      PairedMeasure measure;
      measure.name = metric.name;
      measure.first = *a;
      measure.second = *b;
      measure.difference = *b - *a;
      measure.higher_is_better = metric.higher_is_better;
      out_.measures.push_back(std::move(measure));
    }
    if (!out_.measures.empty()) return {};
    return invalid_input("the models to compare have no measure that is defined on these rows");
  }

  PairedMeasure* find(std::string_view name) {
    for (PairedMeasure& measure : out_.measures)
      if (measure.name == name) return &measure;
    return nullptr;
  }

  void set(std::string_view name, Interval interval, double p_value, std::string method) {
    if (PairedMeasure* measure = find(name)) {
      measure->interval = interval;
      measure->p_value = p_value;
      measure->method = std::move(method);
    }
  }

  // The mean of paired differences, by the normal distribution; over groups where there are any.
  void paired_mean(std::string_view name) {
    const std::vector<double> a = losses(first_, name), b = losses(second_, name);
    const double rows = static_cast<double>(a.size());
    double mean = 0;
    for (std::size_t i = 0; i < a.size(); ++i) mean += (b[i] - a[i]) / rows;
    std::vector<double> sums(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) sums[group_of(i)] += b[i] - a[i] - mean;
    double variance = 0;
    for (double sum : sums) variance += sum * sum;
    const double error = std::sqrt(variance) / rows;
    const double p = error > 0 ? std::erfc(std::abs(mean) / error / std::sqrt(2.0)) : (mean == 0 ? 1.0 : 0.0);
    set(name, {mean - normal_quantile_975 * error, mean + normal_quantile_975 * error}, p, "normal");
  }

  std::size_t group_of(std::size_t row) const {
    if (options_.groups.empty() || options_.groups[row] < 0) return row;
    return first_row_of_[static_cast<std::size_t>(options_.groups[row])];
  }

  Status compare_labels() {
    const auto a = metrics::predicted_classes(first_.scores, first_.threshold);
    const auto b = metrics::predicted_classes(second_.scores, second_.threshold);
    SLIPWAY_TRY(const McNemar found, mcnemar(first_.labels, a, b));
    out_.labels = found;
    if (PairedMeasure* measure = find("accuracy")) {
      const double rows = static_cast<double>(out_.rows);
      const double only_first = static_cast<double>(found.only_first_right);
      const double only_second = static_cast<double>(found.only_second_right);
      const double error =
          std::sqrt(std::max(0.0, only_first + only_second - std::pow(only_second - only_first, 2) / rows)) / rows;
      set("accuracy",
          {measure->difference - normal_quantile_975 * error, measure->difference + normal_quantile_975 * error},
          found.p_value, "McNemar");
    }
    return {};
  }

  Status compare_rankings() {
    const auto areas = compare_auc(first_.labels, first_.scores.column(1), second_.scores.column(1));
    if (!areas.ok()) return {};  // one class only: there is no ranking to compare
    out_.judged_by = "roc_auc";
    // DeLong's difference is first - second.
    set("roc_auc", {-areas->interval.high, -areas->interval.low}, areas->p_value, "DeLong");
    bootstrap();
    return {};
  }

  // Rows (or groups) drawn with Poisson weights, the same for both models.
  void bootstrap() {
    const std::size_t rows = out_.rows;
    const auto replicates = static_cast<std::size_t>(
        std::clamp(3e7 / static_cast<double>(rows), 200.0, std::max(200.0, double(options_.replicates))));
    const RankedRows first(first_.labels, first_.scores.column(1)), second(second_.labels, second_.scores.column(1));
    const auto a = metrics::predicted_classes(first_.scores, first_.threshold);
    const auto b = metrics::predicted_classes(second_.scores, second_.threshold);
    static constexpr std::pair<const char*, double (*)(const metrics::ConfusionMatrix&)> of_labels[] = {
        {"f1", [](const metrics::ConfusionMatrix& m) { return metrics::f1(m); }},
        {"precision", [](const metrics::ConfusionMatrix& m) { return metrics::precision(m); }},
        {"recall", [](const metrics::ConfusionMatrix& m) { return metrics::recall(m); }},
        {"balanced_accuracy", [](const metrics::ConfusionMatrix& m) { return metrics::balanced_accuracy(m); }},
        {"matthews", [](const metrics::ConfusionMatrix& m) { return metrics::matthews(m); }}};
    constexpr std::size_t measures = 2 + std::size(of_labels);
    std::vector<std::array<double, measures>> drawn(replicates);
    threads_.for_each(replicates, [&](std::size_t replicate) {
      std::vector<float> weights(rows);
      for (std::size_t row = 0; row < rows; ++row) {
        Random random(random_key({options_.seed, 0x706169, replicate, group_of(row)}));
        weights[row] = static_cast<float>(random.poisson(1));
      }
      const auto of_first = first.areas(weights), of_second = second.areas(weights);
      auto& values = drawn[replicate];
      values[0] = of_second.average_precision - of_first.average_precision;
      values[1] = of_second.roc_auc && of_first.roc_auc ? *of_second.roc_auc - *of_first.roc_auc : 0;
      const auto matrix = [&](const std::vector<std::int32_t>& predicted) {
        metrics::ConfusionMatrix m{2, std::vector<double>(4), std::vector<bool>(2, true)};
        for (std::size_t row = 0; row < rows; ++row)
          m.weights[static_cast<std::size_t>(first_.labels[row] * 2 + predicted[row])] += weights[row];
        return m;
      };
      const auto m1 = matrix(a), m2 = matrix(b);
      for (std::size_t k = 0; k < std::size(of_labels); ++k)
        values[2 + k] = of_labels[k].second(m2) - of_labels[k].second(m1);
    });
    const auto take = [&](const char* name, std::size_t k) {
      std::vector<double> values;
      double at_most_0 = 0, at_least_0 = 0;
      for (const auto& one : drawn) {
        values.push_back(one[k]);
        at_most_0 += one[k] <= 0;
        at_least_0 += one[k] >= 0;
      }
      std::sort(values.begin(), values.end());
      const auto at = [&](double share) {
        return values[static_cast<std::size_t>(std::lround(share * static_cast<double>(values.size() - 1)))];
      };
      // A p-value of a bootstrap is never below one in its replicates.
      const double p = std::min(1.0, 2 * (std::min(at_most_0, at_least_0) + 1) / (static_cast<double>(replicates) + 1));
      set(name, {at(0.025), at(0.975)}, p, "bootstrap");
    };
    take("average_precision", 0);
    // DeLong takes every row for itself.
    if (!options_.groups.empty()) take("roc_auc", 1);
    for (std::size_t k = 0; k < std::size(of_labels); ++k) take(of_labels[k].first, 2 + k);
  }

  void judge() {
    const PairedMeasure* measure = find(out_.judged_by);
    if (measure == nullptr || !measure->interval) {
      out_.verdict = "no_difference";
      out_.text = "The two cannot be told apart on these rows.";
      return;
    }
    const bool excludes_0 = measure->interval->low > 0 || measure->interval->high < 0;
    const bool better = (measure->difference > 0) == measure->higher_is_better;
    out_.verdict = !excludes_0 ? "no_difference" : better ? "better" : "worse";
    out_.text = fmt::format("{} {:.4g} → {:.4g} (difference {:+.4g}, 95 %: {:+.4g} to {:+.4g}, p = {:.3g}, {}): {}.",
                            measure->name, measure->first, measure->second, measure->difference, measure->interval->low,
                            measure->interval->high, *measure->p_value, measure->method,
                            !excludes_0 ? "no difference beyond chance"
                            : better    ? "the second is better"
                                        : "the second is worse");
  }

 public:
  // Numbers each group by its first row.
  void number_groups() {
    for (std::size_t row = 0; row < options_.groups.size(); ++row) {
      if (options_.groups[row] < 0) continue;
      const auto group = static_cast<std::size_t>(options_.groups[row]);
      if (group >= first_row_of_.size()) first_row_of_.resize(group + 1, SIZE_MAX);
      first_row_of_[group] = std::min(first_row_of_[group], row);
    }
  }

 private:
  const metrics::Outcome& first_;
  const metrics::Outcome& second_;
  const ComparisonOptions& options_;
  const Threads& threads_;
  std::vector<std::size_t> first_row_of_;
  ModelComparison out_;
};

}  // namespace

Result<ModelComparison> compare_models(const metrics::Outcome& first, const metrics::Outcome& second,
                                       const ComparisonOptions& options, const Threads& threads) {
  Comparer comparer(first, second, options, threads);
  comparer.number_groups();
  return comparer.run().with_context("comparing");
}

nlohmann::json to_json(const ModelComparison& comparison) {
  nlohmann::json json = {{"rows", comparison.rows},
                         {"verdict", comparison.verdict},
                         {"judged_by", comparison.judged_by},
                         {"text", comparison.text}};
  json["measures"] = nlohmann::json::array();
  for (const PairedMeasure& measure : comparison.measures) {
    nlohmann::json entry = {{"name", measure.name},
                            {"first", measure.first},
                            {"second", measure.second},
                            {"difference", measure.difference},
                            {"higher_is_better", measure.higher_is_better}};
    if (measure.interval) entry["interval"] = {measure.interval->low, measure.interval->high};
    if (measure.p_value) entry["p_value"] = *measure.p_value;
    if (!measure.method.empty()) entry["method"] = measure.method;
    json["measures"].push_back(std::move(entry));
  }
  if (comparison.labels)
    json["labels"] = {{"only_first_right", comparison.labels->only_first_right},
                      {"only_second_right", comparison.labels->only_second_right},
                      {"p_value", comparison.labels->p_value}};
  return json;
}

}  // namespace slipway::evaluate
