#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/evaluate/evaluation.hpp>

#include "curves.hpp"
#include "ranked_rows.hpp"

namespace slipway::evaluate {

namespace {

constexpr std::size_t most_points = 200;
constexpr int histogram_bins = 50;

// mean +- 1.96 standard errors of per-row losses; of weighted rows by the linearised variance of a ratio of sums
// (Cochran, "Sampling techniques", 1977, section 6.4).
class MeanInterval {
 public:
  void add(double value, double weight) {
    if (!(weight > 0)) return;
    values_.emplace_back(value, weight);
    total_ += weight;
    sum_ += weight * value;
  }
  std::optional<Interval> interval() const {
    if (values_.size() < 2) return std::nullopt;
    const double mean = sum_ / total_, count = static_cast<double>(values_.size());
    double squares = 0;
    for (const auto& [value, weight] : values_) squares += weight * weight * (value - mean) * (value - mean);
    const double half = normal_quantile_975 * std::sqrt(squares * count / (count - 1)) / total_;
    return Interval{std::max(0.0, mean - half), mean + half};
  }

 private:
  std::vector<std::pair<double, double>> values_;  // value, weight
  double total_ = 0, sum_ = 0;
};

class Evaluator {
 public:
  Evaluator(const metrics::Outcome& outcome, std::span<const std::string> classes, const EvaluationOptions& options,
            const Threads& threads)
      : outcome_(outcome), options_(options), threads_(threads) {
    out_.task = outcome.task;
    out_.rows = outcome.scores.rows;
    out_.threshold = outcome.threshold;
    out_.classes.assign(classes.begin(), classes.end());
  }

  Result<Evaluation> run() {
    SLIPWAY_CHECK(check());
    measure_catalogue();
    if (outcome_.task == metrics::TaskKind::regression) {
      add_regression();
    } else {
      SLIPWAY_CHECK(add_classes());
      if (outcome_.task == metrics::TaskKind::binary) SLIPWAY_CHECK(add_binary());
    }
    return std::move(out_);
  }

 private:
  bool weighted() const { return !outcome_.weights.empty(); }
  double weight(std::size_t row) const { return weighted() ? outcome_.weights[row] : 1.0; }
  metrics::Scores positive() const { return outcome_.scores.column(1); }

  Status check() const {
    const bool regression = outcome_.task == metrics::TaskKind::regression;
    if (out_.rows == 0) return invalid_input("an evaluation needs at least one row");
    const std::size_t wanted = outcome_.task == metrics::TaskKind::binary ? 2
                               : regression                               ? 0
                                                                          : outcome_.scores.classes;
    if (out_.classes.size() != wanted || outcome_.scores.classes != (regression ? 1 : wanted) ||
        outcome_.scores.values.size() != out_.rows * outcome_.scores.classes)
      return invalid_input(fmt::format("an evaluation got {} class names with {} columns of scores",
                                       out_.classes.size(), outcome_.scores.classes));
    // One metric that every such outcome has, for the metrics' own checks of rows, labels, scores and weights.
    const auto metric = metrics::find_metric(regression ? "mae" : "log_loss");
    if (!metric.ok()) return metric.error();
    const auto value = metrics::evaluate(**metric, outcome_);
    if (!value.ok()) return value.error();
    return {};
  }

  void add(std::string_view name, double value, std::optional<Interval> interval = {}) {
    out_.measures.push_back({std::string(name), value, interval});
  }
  void set_interval(std::string_view name, std::optional<Interval> interval) {
    for (Measure& measure : out_.measures)
      if (measure.name == name) measure.interval = interval;
  }
  static std::optional<Interval> up_to_one(std::optional<Interval> interval) {
    if (interval) interval->high = std::min(1.0, interval->high);
    return interval;
  }
  void add_baseline(std::string_view name, double value) { out_.baseline.push_back({std::string(name), value, {}}); }

  void measure_catalogue() {
    for (const metrics::Metric& metric : metrics::catalogue())
      if (metric.applies_to(outcome_.task)) measure(metric);
    std::vector<std::string_view> further;
    if (outcome_.task == metrics::TaskKind::binary) {
      further = {"f2", "recall_at_fpr_0.01", "fpr_at_recall_0.9"};
      if (out_.rows > 100) further.push_back("precision_at_100");
      if (!outcome_.days.empty() && !outcome_.cards.empty()) further.push_back("card_precision_at_100");
    } else if (outcome_.task == metrics::TaskKind::multiclass && out_.classes.size() > 2) {
      further = {"top_2_accuracy"};
    }
    for (std::string_view name : further)
      if (const auto metric = metrics::find_metric(name); metric.ok()) measure(**metric);
  }

  void measure(const metrics::Metric& metric) {
    const auto value = metrics::evaluate(metric, outcome_);
    if (value.ok() && std::isfinite(*value)) return add(metric.name, *value);
    // A deviance is for targets of one kind; that others have none is no news.
    if (!metric.name.ends_with("_deviance"))
      out_.notes.push_back(fmt::format("{} is undefined on these rows: {}", metric.name,
                                       value.ok() ? "not finite" : value.error().message()));
  }

  Status add_classes() {
    const std::vector<std::int32_t> predicted = metrics::predicted_classes(outcome_.scores, outcome_.threshold);
    SLIPWAY_TRY(matrix_, metrics::confusion_matrix(outcome_.labels, predicted, out_.classes.size(), outcome_.weights));
    out_.confusion = matrix_.weights;
    MeanInterval log_loss, brier, correct;
    constexpr double least = std::numeric_limits<double>::epsilon();
    for (std::size_t row = 0; row < out_.rows; ++row) {
      const auto label = static_cast<std::size_t>(outcome_.labels[row]);
      log_loss.add(-std::log(std::clamp<double>(outcome_.scores.at(row, label), least, 1 - least)), weight(row));
      correct.add(predicted[row] == outcome_.labels[row] ? 1 : 0, weight(row));
      double squares = 0;
      for (std::size_t c = 0; c < out_.classes.size(); ++c)
        squares += std::pow(double(outcome_.scores.at(row, c)) - (c == label ? 1 : 0), 2);
      brier.add(outcome_.task == metrics::TaskKind::binary
                    ? std::pow(double(outcome_.scores.at(row, 1)) - (label == 1 ? 1 : 0), 2)
                    : squares,
                weight(row));
    }
    set_interval("accuracy", weighted() ? up_to_one(correct.interval()) : wilson(matrix_.correct(), matrix_.total()));
    set_interval("log_loss", log_loss.interval());
    set_interval("brier", brier.interval());

    double entropy = 0, squares = 0, most = 0;
    for (std::size_t c = 0; c < out_.classes.size(); ++c) {
      ClassQuality quality{out_.classes[c],
                           matrix_.truth(c),
                           metrics::precision(matrix_, c),
                           metrics::recall(matrix_, c),
                           metrics::f1(matrix_, c),
                           {}};
      std::vector<std::int32_t> is_class(out_.rows);
      for (std::size_t row = 0; row < out_.rows; ++row)
        is_class[row] = outcome_.labels[row] == static_cast<std::int32_t>(c);
      if (const auto auc = metrics::roc_auc(is_class, outcome_.scores.column(c), outcome_.weights); auc.ok())
        quality.roc_auc = *auc;
      out_.by_class.push_back(std::move(quality));
      const double share = matrix_.truth(c) / matrix_.total();
      if (share > 0) entropy -= share * std::log(share);
      squares += share * share;
      most = std::max(most, share);
    }
    add_baseline("accuracy", most);
    add_baseline("log_loss", entropy);
    if (outcome_.task == metrics::TaskKind::multiclass) add_baseline("brier", 1 - squares);
    add_baseline("roc_auc", 0.5);
    return {};
  }

  Status add_binary() {
    SLIPWAY_TRY(const metrics::Ranking ranking, metrics::rank(outcome_.labels, positive(), outcome_.weights));
    const bool both = ranking.positives > 0 && ranking.negatives > 0;
    out_.positives = ranking.positives;
    out_.prevalence = ranking.positives / (ranking.positives + ranking.negatives);
    add("prevalence", out_.prevalence);
    if (!weighted()) {
      set_interval("prevalence", wilson(out_.positives, ranking.positives + ranking.negatives));
      set_interval("precision", wilson(matrix_.at(1, 1), matrix_.predicted(1)));
      set_interval("recall", wilson(matrix_.at(1, 1), matrix_.truth(1)));
    }
    if (both && !weighted()) {
      SLIPWAY_TRY(const AucEstimate auc, delong(outcome_.labels, positive()));
      set_interval("roc_auc", auc.interval);
      if (options_.bootstrap >= 2) {
        SLIPWAY_TRY(const Interval average_precision,
                    average_precision_interval(ranking, options_.bootstrap, options_.seed, threads_));
        set_interval("average_precision", average_precision);
        const auto of_matrix = [&](std::string_view name, double (*statistic)(const metrics::ConfusionMatrix&)) {
          set_interval(name, confusion_interval(matrix_, statistic, options_.bootstrap, options_.seed));
        };
        of_matrix("f1", [](const metrics::ConfusionMatrix& m) { return metrics::f1(m); });
        of_matrix("balanced_accuracy", [](const metrics::ConfusionMatrix& m) { return metrics::balanced_accuracy(m); });
        of_matrix("matthews", [](const metrics::ConfusionMatrix& m) { return metrics::matthews(m); });
      }
    }
    if (both && (weighted() || !options_.groups.empty()) && options_.bootstrap >= 2) add_grouped_intervals();
    if (both) {
      out_.roc = roc_points(ranking, most_points);
      out_.precision_recall = precision_recall_points(ranking, most_points);
    } else {
      out_.notes.push_back(
          fmt::format("all rows are of class '{}': there are no curves", out_.classes[out_.positives > 0]));
    }
    SLIPWAY_TRY(out_.calibration, calibration_bins(outcome_.labels, positive(), outcome_.weights,
                                                   std::max(1, options_.calibration_bins)));
    add_score_histogram();
    add_baseline("brier", out_.prevalence * (1 - out_.prevalence));
    add_baseline("average_precision", out_.prevalence);
    // Every row called positive.
    add_baseline("precision", out_.prevalence);
    add_baseline("f1", 2 * out_.prevalence / (1 + out_.prevalence));
    return {};
  }

  // Poisson counts by group: the rows of a group are drawn together. Weighted rows count their weight each time.
  void add_grouped_intervals() {
    std::vector<std::int32_t> numbers(out_.rows);
    std::map<std::int32_t, std::int32_t> known;
    std::int32_t count = 0;
    for (std::size_t row = 0; row < out_.rows; ++row) {
      const std::int32_t group = options_.groups.empty() ? -1 : options_.groups[row];
      if (group < 0) {
        numbers[row] = count++;
      } else {
        const auto [place, fresh] = known.try_emplace(group, count);
        if (fresh) ++count;
        numbers[row] = place->second;
      }
    }
    const bool grouped = static_cast<std::size_t>(count) < out_.rows;
    if ((!grouped && !weighted()) || count < 2) return;
    const auto replicates = static_cast<std::size_t>(std::clamp(
        2e8 / static_cast<double>(out_.rows), 200.0, std::max(200.0, static_cast<double>(options_.bootstrap))));
    const auto predicted = metrics::predicted_classes(outcome_.scores, outcome_.threshold);
    const RankedRows ranked(outcome_.labels, positive());
    std::vector<double> log_losses(out_.rows), squares(out_.rows);
    constexpr double least = std::numeric_limits<double>::epsilon();
    for (std::size_t row = 0; row < out_.rows; ++row) {
      const auto label = static_cast<std::size_t>(outcome_.labels[row]);
      log_losses[row] = -std::log(std::clamp<double>(outcome_.scores.at(row, label), least, 1 - least));
      squares[row] = std::pow(double(positive()[row]) - (label == 1 ? 1 : 0), 2);
    }
    static constexpr const char* names[] = {"average_precision", "roc_auc",  "log_loss", "brier",
                                            "precision",         "recall",   "f1",       "accuracy",
                                            "balanced_accuracy", "matthews", "kappa",    "prevalence"};
    std::vector<std::array<double, std::size(names)>> drawn(replicates);
    threads_.for_each(replicates, [&](std::size_t replicate) {
      std::vector<float> by_group(static_cast<std::size_t>(count)), weights(out_.rows);
      Random random(random_key({options_.seed, 0x67726f, replicate}));
      for (float& weight : by_group) weight = static_cast<float>(random.poisson(1));
      metrics::ConfusionMatrix matrix{2, std::vector<double>(4), std::vector<bool>(2, true)};
      double total = 0, log_loss = 0, brier = 0;
      for (std::size_t row = 0; row < out_.rows; ++row) {
        const auto drawn_weight = static_cast<float>(weight(row)) * by_group[static_cast<std::size_t>(numbers[row])];
        const double weight = weights[row] = drawn_weight;
        matrix.weights[static_cast<std::size_t>(outcome_.labels[row] * 2 + predicted[row])] += weight;
        total += weight;
        log_loss += weight * log_losses[row];
        brier += weight * squares[row];
      }
      const auto areas = ranked.areas(weights);
      const auto kappa = metrics::cohen_kappa(matrix);
      const auto mean = [&](double sum) { return total > 0 ? sum / total : 0; };
      drawn[replicate] = {areas.average_precision,
                          areas.roc_auc.value_or(0.5),
                          mean(log_loss),
                          mean(brier),
                          metrics::precision(matrix),
                          metrics::recall(matrix),
                          metrics::f1(matrix),
                          metrics::accuracy(matrix),
                          metrics::balanced_accuracy(matrix),
                          metrics::matthews(matrix),
                          kappa.ok() ? *kappa : 0,
                          mean(matrix.truth(1))};
    });
    for (std::size_t k = 0; k < std::size(names); ++k) {
      std::vector<double> values;
      for (const auto& one : drawn) values.push_back(one[k]);
      set_interval(names[k], percentile_interval(std::move(values)));
    }
    out_.notes.push_back(
        grouped ? fmt::format("intervals allow for {} groups of rows, drawn whole {} times", count, replicates)
                : fmt::format("intervals are of {} draws of the weighted rows", replicates));
  }

  void add_score_histogram() {
    for (int i = 0; i <= histogram_bins; ++i) out_.scores.edges.push_back(static_cast<double>(i) / histogram_bins);
    for (std::int32_t c = 0; c < 2; ++c) {
      std::vector<float> scores, weights;
      for (std::size_t row = 0; row < out_.rows; ++row) {
        if (outcome_.labels[row] != c) continue;
        scores.push_back(positive()[row]);
        if (weighted()) weights.push_back(outcome_.weights[row]);
      }
      out_.scores.series.push_back(out_.classes[static_cast<std::size_t>(c)]);
      out_.scores.counts.push_back(count_bins(scores, weights, 0, 1, histogram_bins));
    }
  }

  void add_regression() {
    const metrics::Scores predictions = outcome_.scores.column(0);
    std::vector<float> residuals(out_.rows);
    MeanInterval absolute, squared;
    double total = 0, mean = 0;
    std::size_t zeros = 0;
    for (std::size_t row = 0; row < out_.rows; ++row) {
      const double target = outcome_.targets[row];
      const double residual = predictions[row] - target;
      residuals[row] = static_cast<float>(residual);
      absolute.add(std::abs(residual), weight(row));
      squared.add(residual * residual, weight(row));
      total += weight(row);
      mean += weight(row) * target;
      zeros += target == 0;
    }
    mean /= total;
    set_interval("mae", absolute.interval());
    if (auto interval = squared.interval())
      set_interval("rmse", Interval{std::sqrt(interval->low), std::sqrt(interval->high)});
    if (zeros > 0) {
      std::erase_if(out_.measures, [](const Measure& measure) { return measure.name == "mape"; });
      out_.notes.push_back(fmt::format("mape has no bound: the target of {} rows is 0", zeros));
    }

    std::vector<float> sorted(outcome_.targets.begin(), outcome_.targets.end());
    std::nth_element(sorted.begin(), sorted.begin() + std::ptrdiff_t(sorted.size() / 2), sorted.end());
    const double median = sorted[sorted.size() / 2];
    double squares = 0, from_median = 0;
    for (std::size_t row = 0; row < out_.rows; ++row) {
      squares += weight(row) * std::pow(outcome_.targets[row] - mean, 2);
      from_median += weight(row) * std::abs(outcome_.targets[row] - median);
    }
    add_baseline("rmse", std::sqrt(squares / total));
    add_baseline("mae", from_median / total);
    add_baseline("r2", 0);

    sorted = residuals;
    std::sort(sorted.begin(), sorted.end());
    const auto at = [&](double share) {
      return double(sorted[static_cast<std::size_t>(share * double(sorted.size() - 1))]);
    };
    const double low = at(0.005), high = at(0.995);
    for (int i = 0; i <= histogram_bins; ++i) out_.residuals.edges.push_back(low + (high - low) * i / histogram_bins);
    out_.residuals.series = {"residual"};
    out_.residuals.counts = {count_bins(residuals, outcome_.weights, low, high, histogram_bins)};
  }

  const metrics::Outcome& outcome_;
  const EvaluationOptions& options_;
  const Threads& threads_;
  metrics::ConfusionMatrix matrix_;
  Evaluation out_;
};

}  // namespace

const Measure* Evaluation::find(std::string_view name) const {
  for (const Measure& measure : measures)
    if (measure.name == name) return &measure;
  return nullptr;
}

Result<Evaluation> evaluate(const metrics::Outcome& outcome, std::span<const std::string> classes,
                            const EvaluationOptions& options, const Threads& threads) {
  return Evaluator(outcome, classes, options, threads).run().with_context("evaluating");
}

}  // namespace slipway::evaluate
