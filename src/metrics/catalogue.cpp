// The metrics by name.
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/metrics/metrics.hpp>

#include "checks.hpp"

namespace slipway::metrics {
namespace {

template <class OfMatrix>
Result<double> of_matrix(const Outcome& outcome, const OfMatrix& value) {
  SLIPWAY_CHECK(detail::check_table(outcome.scores));
  const std::vector<std::int32_t> predictions = predicted_classes(outcome.scores, outcome.threshold);
  SLIPWAY_TRY(const ConfusionMatrix matrix,
              confusion_matrix(outcome.labels, predictions, outcome.scores.classes, outcome.weights));
  return value(matrix);
}

// Of the positive class of two, or the mean over several classes.
Result<double> f_measure(const Outcome& outcome, double beta) {
  return of_matrix(outcome, [&](const ConfusionMatrix& m) {
    return outcome.task == TaskKind::binary ? f_beta(m, beta) : f_beta(m, beta, Average::macro);
  });
}

template <class OfRanking>
Result<double> of_ranking(const Outcome& outcome, const OfRanking& value) {
  SLIPWAY_TRY(const Ranking ranking, rank(outcome.labels, outcome.scores.column(1), outcome.weights));
  return value(ranking);
}

using Parameter = double;

constexpr Metric metrics[] = {
    {"average_precision", "area under the precision-recall steps; for several classes the mean over classes", true,
     true, true, false,
     [](const Outcome& o, Parameter) {
       return o.task == TaskKind::binary ? average_precision(o.labels, o.scores.column(1), o.weights)
                                         : average_precision_one_vs_rest(o.labels, o.scores, o.weights);
     }},
    {"roc_auc", "area under the ROC curve, ties count half; for several classes the mean of one against the rest", true,
     true, true, false,
     [](const Outcome& o, Parameter) {
       return o.task == TaskKind::binary ? roc_auc(o.labels, o.scores.column(1), o.weights)
                                         : roc_auc_one_vs_rest(o.labels, o.scores, o.weights);
     }},
    {"log_loss", "mean of minus the logarithm of the true class's probability", false, true, true, false,
     [](const Outcome& o, Parameter) { return log_loss(o.labels, o.scores, o.weights); }},
    {"brier", "mean squared difference between probabilities and truth", false, true, true, false,
     [](const Outcome& o, Parameter) { return brier(o.labels, o.scores, o.weights); }},
    {"ece", "expected calibration error over 10 bins of equal mass", false, true, false, false,
     [](const Outcome& o, Parameter) -> Result<double> {
       SLIPWAY_TRY(const auto bins, reliability(o.labels, o.scores.column(1), o.weights));
       return expected_calibration_error(bins);
     }},
    {"f1", "harmonic mean of precision and recall of the positive class; for several classes the mean over classes",
     true, true, true, false, [](const Outcome& o, Parameter) { return f_measure(o, 1); }},
    {"precision", "share of the predicted positives that are; for several classes the mean over classes", true, true,
     true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [&](const ConfusionMatrix& m) {
         return o.task == TaskKind::binary ? precision(m) : precision(m, Average::macro);
       });
     }},
    {"recall", "share of the positives that are found; for several classes the mean over classes", true, true, true,
     false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [&](const ConfusionMatrix& m) {
         return o.task == TaskKind::binary ? recall(m) : recall(m, Average::macro);
       });
     }},
    {"f1_macro", "mean of F1 over the classes, of two as of several", true, true, true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [](const ConfusionMatrix& m) { return f_beta(m, 1, Average::macro); });
     }},
    {"precision_macro", "mean of precision over the classes, of two as of several", true, true, true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [](const ConfusionMatrix& m) { return precision(m, Average::macro); });
     }},
    {"recall_macro", "mean of recall over the classes, of two as of several", true, true, true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [](const ConfusionMatrix& m) { return recall(m, Average::macro); });
     }},
    {"f1_weighted", "mean of F1 over the classes, by their rows", true, true, true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [](const ConfusionMatrix& m) { return f_beta(m, 1, Average::weighted); });
     }},
    {"precision_weighted", "mean of precision over the classes, by their rows", true, true, true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [](const ConfusionMatrix& m) { return precision(m, Average::weighted); });
     }},
    {"recall_weighted", "mean of recall over the classes, by their rows", true, true, true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [](const ConfusionMatrix& m) { return recall(m, Average::weighted); });
     }},
    {"f1_micro", "F1 of all classes' decisions together: the accuracy", true, false, true, false,
     [](const Outcome& o, Parameter) {
       return of_matrix(o, [](const ConfusionMatrix& m) { return f_beta(m, 1, Average::micro); });
     }},
    {"accuracy", "share of the rows whose class is right", true, true, true, false,
     [](const Outcome& o, Parameter) { return of_matrix(o, accuracy); }},
    {"balanced_accuracy", "mean recall over the classes", true, true, true, false,
     [](const Outcome& o, Parameter) { return of_matrix(o, balanced_accuracy); }},
    {"matthews", "Matthews correlation of truth and predicted class", true, true, true, false,
     [](const Outcome& o, Parameter) { return of_matrix(o, matthews); }},
    {"kappa", "Cohen's kappa: agreement of truth and predicted class beyond chance", true, true, true, false,
     [](const Outcome& o, Parameter) { return of_matrix(o, cohen_kappa); }},
    {"roc_auc_weighted", "area under the ROC curve of one class against the rest, mean by the classes' rows", true,
     false, true, false,
     [](const Outcome& o, Parameter) { return roc_auc_one_vs_rest(o.labels, o.scores, o.weights, Average::weighted); }},
    {"roc_auc_micro", "area under the ROC curve of all classes' scores as one binary problem", true, false, true, false,
     [](const Outcome& o, Parameter) { return roc_auc_one_vs_rest(o.labels, o.scores, o.weights, Average::micro); }},
    {"roc_auc_ovo", "area under the ROC curve of every pair of classes, mean over the pairs (rows unweighted)", true,
     false, true, false, [](const Outcome& o, Parameter) { return roc_auc_one_vs_one(o.labels, o.scores); }},
    {"roc_auc_ovo_weighted", "the same, mean by the pairs' rows", true, false, true, false,
     [](const Outcome& o, Parameter) { return roc_auc_one_vs_one(o.labels, o.scores, Average::weighted); }},
    {"average_precision_weighted", "average precision of one class against the rest, mean by the classes' rows", true,
     false, true, false,
     [](const Outcome& o, Parameter) {
       return average_precision_one_vs_rest(o.labels, o.scores, o.weights, Average::weighted);
     }},
    {"average_precision_micro", "average precision of all classes' scores as one binary problem", true, false, true,
     false,
     [](const Outcome& o, Parameter) {
       return average_precision_one_vs_rest(o.labels, o.scores, o.weights, Average::micro);
     }},
    {"rmse", "root of the mean squared error", false, false, false, true,
     [](const Outcome& o, Parameter) { return root_mean_squared_error(o.targets, o.scores.column(0), o.weights); }},
    {"mae", "mean absolute error", false, false, false, true,
     [](const Outcome& o, Parameter) { return mean_absolute_error(o.targets, o.scores.column(0), o.weights); }},
    {"r2", "coefficient of determination", true, false, false, true,
     [](const Outcome& o, Parameter) { return r2(o.targets, o.scores.column(0), o.weights); }},
    {"mape", "mean absolute error relative to the target; without bound where a target is 0", false, false, false, true,
     [](const Outcome& o, Parameter) {
       return mean_absolute_percentage_error(o.targets, o.scores.column(0), o.weights);
     }},
    {"poisson_deviance", "mean Poisson deviance; for targets of at least 0 and predictions above 0", false, false,
     false, true,
     [](const Outcome& o, Parameter) { return tweedie_deviance(o.targets, o.scores.column(0), 1, o.weights); }},
    {"gamma_deviance", "mean gamma deviance; for targets and predictions above 0", false, false, false, true,
     [](const Outcome& o, Parameter) { return tweedie_deviance(o.targets, o.scores.column(0), 2, o.weights); }},
};

constexpr MetricFamily parametric[] = {
    {"f",
     "",
     "beta",
     0.01,
     100,
     false,
     {"f<beta>", "F of any beta: recall counts beta times as much as precision", true, true, true, false, f_measure}},
    {"recall_at_fpr_",
     "",
     "rate",
     0,
     1,
     false,
     {"recall_at_fpr_<rate>", "highest recall with at most this false positive rate", true, true, false, false,
      [](const Outcome& o, Parameter rate) {
        return of_ranking(o, [&](const Ranking& r) { return recall_at_false_positive_rate(r, rate); });
      }}},
    {"fpr_at_recall_",
     "",
     "recall",
     0,
     1,
     false,
     {"fpr_at_recall_<recall>", "lowest false positive rate with at least this recall", false, true, false, false,
      [](const Outcome& o, Parameter recall) {
        return of_ranking(o, [&](const Ranking& r) { return false_positive_rate_at_recall(r, recall); });
      }}},
    {"precision_at_recall_",
     "",
     "recall",
     0,
     1,
     false,
     {"precision_at_recall_<recall>", "highest precision with at least this recall", true, true, false, false,
      [](const Outcome& o, Parameter recall) {
        return of_ranking(o, [&](const Ranking& r) { return precision_at_recall(r, recall); });
      }}},
    {"recall_at_precision_",
     "",
     "precision",
     0,
     1,
     false,
     {"recall_at_precision_<precision>", "highest recall with at least this precision", true, true, false, false,
      [](const Outcome& o, Parameter precision) {
        return of_ranking(o, [&](const Ranking& r) { return recall_at_precision(r, precision); });
      }}},
    {"precision_at_",
     "",
     "count",
     1,
     1e9,
     true,
     {"precision_at_<count>", "share of positives among this many rows of the highest scores", true, true, false, false,
      [](const Outcome& o, Parameter count) {
        return of_ranking(o, [&](const Ranking& r) { return precision_at(r, count); });
      }}},
    {"card_precision_at_",
     "",
     "count",
     1,
     1e9,
     true,
     {"card_precision_at_<count>",
      "share of truly positive among this many highest-ranked cards (schema.group) a day, "
      "mean over the days",
      true, true, false, false,
      [](const Outcome& o, Parameter count) {
        return card_precision(o.labels, o.scores.column(1), o.days, o.cards, static_cast<std::size_t>(count));
      }}},
    {"top_",
     "_accuracy",
     "count",
     1,
     1e6,
     true,
     {"top_<count>_accuracy", "share of the rows whose class is among this many highest scores", true, false, true,
      false,
      [](const Outcome& o, Parameter count) {
        return top_accuracy(o.labels, o.scores, static_cast<std::size_t>(count), o.weights);
      }}},
    {"quantile_loss_",
     "",
     "quantile",
     0.0001,
     0.9999,
     false,
     {"quantile_loss_<quantile>", "pinball loss at a quantile", false, false, false, true,
      [](const Outcome& o, Parameter quantile) {
        return quantile_loss(o.targets, o.scores.column(0), quantile, o.weights);
      }}},
    {"tweedie_deviance_",
     "",
     "power",
     1,
     2,
     false,
     {"tweedie_deviance_<power>", "mean Tweedie deviance of a power from 1 (Poisson) to 2 (gamma)", false, false, false,
      true,
      [](const Outcome& o, Parameter power) {
        return tweedie_deviance(o.targets, o.scores.column(0), power, o.weights);
      }}},
};

// The metrics of families that were asked for. They stay where they are.
struct MadeMetric {
  std::string name;
  Metric metric;
};
const Metric* made_metric(std::string_view name, const MetricFamily& family, double parameter) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<MadeMetric>, std::less<>> made;
  const std::lock_guard lock(mutex);
  auto found = made.find(name);
  if (found == made.end()) {
    auto fresh = std::make_unique<MadeMetric>(MadeMetric{std::string(name), family.metric});
    fresh->metric.name = fresh->name;
    fresh->metric.parameter = parameter;
    found = made.emplace(std::string(name), std::move(fresh)).first;
  }
  return &found->second->metric;
}

// The number of a name that has the form of a family's, or nothing.
std::optional<std::string_view> number_in(std::string_view name, const MetricFamily& family) {
  if (!name.starts_with(family.prefix) || !name.ends_with(family.suffix)) return std::nullopt;
  if (name.size() <= family.prefix.size() + family.suffix.size()) return std::nullopt;
  const std::string_view inside =
      name.substr(family.prefix.size(), name.size() - family.prefix.size() - family.suffix.size());
  if (inside.find_first_not_of("0123456789.e-") != std::string_view::npos || !parse_number(inside)) return std::nullopt;
  return inside;
}

// scikit-learn's names for what stands above.
constexpr std::pair<std::string_view, std::string_view> other_names[] = {
    {"neg_log_loss", "log_loss"},
    {"neg_brier_score", "brier"},
    {"brier_score", "brier"},
    {"brier_score_loss", "brier"},
    {"neg_root_mean_squared_error", "rmse"},
    {"root_mean_squared_error", "rmse"},
    {"neg_mean_absolute_error", "mae"},
    {"mean_absolute_error", "mae"},
    {"roc_auc_ovr", "roc_auc"},
    {"matthews_corrcoef", "matthews"},
    {"cohen_kappa", "kappa"},
    {"roc_auc_ovr_weighted", "roc_auc_weighted"},
    {"neg_mean_absolute_percentage_error", "mape"},
    {"mean_absolute_percentage_error", "mape"},
    {"neg_mean_poisson_deviance", "poisson_deviance"},
    {"neg_mean_gamma_deviance", "gamma_deviance"},
    {"top_k_accuracy", "top_2_accuracy"},
};

constexpr std::string_view task_names[] = {"binary", "multi-class", "regression"};

}  // namespace

bool Metric::applies_to(TaskKind task) const {
  return task == TaskKind::binary ? binary : task == TaskKind::multiclass ? multiclass : regression;
}

std::span<const Metric> catalogue() { return metrics; }

std::span<const MetricFamily> families() { return parametric; }

Result<const Metric*> find_metric(std::string_view name) {
  std::string_view sought = name;
  for (const auto& [other, own] : other_names)
    if (other == name) sought = own;
  std::vector<std::string> names;
  for (const Metric& metric : metrics) {
    if (metric.name == sought) return &metric;
    names.emplace_back(metric.name);
  }
  for (const MetricFamily& family : parametric) {
    names.emplace_back(family.metric.name);
    const auto number = number_in(sought, family);
    if (!number) continue;
    const double parameter = *parse_number(*number);
    if (!(parameter >= family.minimum && parameter <= family.maximum) ||
        (family.whole && parameter != std::floor(parameter)))
      return invalid_input(fmt::format("metric '{}': the {} {} is not a {} from {} to {}", name, family.parameter,
                                       *number, family.whole ? "whole number" : "number", family.minimum,
                                       family.maximum));
    return made_metric(sought, family, parameter);
  }
  return not_found(fmt::format("there is no metric '{}'{}; known: {}", name, suggestion(name, names),
                               list_names(names, names.size())));
}

std::string_view default_metric(TaskKind task) {
  return task == TaskKind::binary ? "average_precision" : task == TaskKind::multiclass ? "log_loss" : "rmse";
}

Result<double> evaluate(const Metric& metric, const Outcome& outcome) {
  if (!metric.applies_to(outcome.task))
    return invalid_input(fmt::format("metric '{}' does not apply to a {} task", metric.name,
                                     task_names[static_cast<std::size_t>(outcome.task)]));
  const std::size_t needed = outcome.task == TaskKind::regression ? 1 : 2;
  const bool fits =
      outcome.task == TaskKind::multiclass ? outcome.scores.classes >= needed : outcome.scores.classes == needed;
  if (!fits)
    return invalid_input(fmt::format("metric '{}' of a {} task was given {} columns of scores", metric.name,
                                     task_names[static_cast<std::size_t>(outcome.task)], outcome.scores.classes));
  return metric.evaluate(outcome, metric.parameter).with_context(metric.name);
}

}  // namespace slipway::metrics
