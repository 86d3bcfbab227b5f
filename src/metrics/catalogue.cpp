// The metrics by name.
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

constexpr Metric metrics[] = {
    {"average_precision", "area under the precision-recall steps; for several classes the mean over classes", true,
     true, true, false,
     [](const Outcome& o) {
       return o.task == TaskKind::binary ? average_precision(o.labels, o.scores.column(1), o.weights)
                                         : average_precision_one_vs_rest(o.labels, o.scores, o.weights);
     }},
    {"roc_auc", "area under the ROC curve, ties count half; for several classes the mean of one against the rest", true,
     true, true, false,
     [](const Outcome& o) {
       return o.task == TaskKind::binary ? roc_auc(o.labels, o.scores.column(1), o.weights)
                                         : roc_auc_one_vs_rest(o.labels, o.scores, o.weights);
     }},
    {"log_loss", "mean of minus the logarithm of the true class's probability", false, true, true, false,
     [](const Outcome& o) { return log_loss(o.labels, o.scores, o.weights); }},
    {"brier", "mean squared difference between probabilities and truth", false, true, true, false,
     [](const Outcome& o) { return brier(o.labels, o.scores, o.weights); }},
    {"f1", "harmonic mean of precision and recall of the positive class; for several classes the mean over classes",
     true, true, true, false,
     [](const Outcome& o) {
       return of_matrix(o, [&](const ConfusionMatrix& m) { return o.task == TaskKind::binary ? f1(m) : macro_f1(m); });
     }},
    {"precision", "share of the predicted positives that are; for several classes the mean over classes", true, true,
     true, false,
     [](const Outcome& o) {
       return of_matrix(
           o, [&](const ConfusionMatrix& m) { return o.task == TaskKind::binary ? precision(m) : macro_precision(m); });
     }},
    {"recall", "share of the positives that are found; for several classes the mean over classes", true, true, true,
     false,
     [](const Outcome& o) {
       return of_matrix(
           o, [&](const ConfusionMatrix& m) { return o.task == TaskKind::binary ? recall(m) : macro_recall(m); });
     }},
    {"f1_macro", "mean of F1 over the classes, of two as of several", true, true, true, false,
     [](const Outcome& o) { return of_matrix(o, macro_f1); }},
    {"precision_macro", "mean of precision over the classes, of two as of several", true, true, true, false,
     [](const Outcome& o) { return of_matrix(o, macro_precision); }},
    {"recall_macro", "mean of recall over the classes, of two as of several", true, true, true, false,
     [](const Outcome& o) { return of_matrix(o, macro_recall); }},
    {"accuracy", "share of the rows whose class is right", true, true, true, false,
     [](const Outcome& o) { return of_matrix(o, accuracy); }},
    {"balanced_accuracy", "mean recall over the classes", true, true, true, false,
     [](const Outcome& o) { return of_matrix(o, balanced_accuracy); }},
    {"matthews", "Matthews correlation of truth and predicted class", true, true, true, false,
     [](const Outcome& o) { return of_matrix(o, matthews); }},
    {"rmse", "root of the mean squared error", false, false, false, true,
     [](const Outcome& o) { return root_mean_squared_error(o.targets, o.scores.column(0), o.weights); }},
    {"mae", "mean absolute error", false, false, false, true,
     [](const Outcome& o) { return mean_absolute_error(o.targets, o.scores.column(0), o.weights); }},
    {"r2", "coefficient of determination", true, false, false, true,
     [](const Outcome& o) { return r2(o.targets, o.scores.column(0), o.weights); }},
};

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
};

constexpr std::string_view task_names[] = {"binary", "multi-class", "regression"};

}  // namespace

bool Metric::applies_to(TaskKind task) const {
  return task == TaskKind::binary ? binary : task == TaskKind::multiclass ? multiclass : regression;
}

std::span<const Metric> catalogue() { return metrics; }

Result<const Metric*> find_metric(std::string_view name) {
  std::string_view sought = name;
  for (const auto& [other, own] : other_names)
    if (other == name) sought = own;
  std::vector<std::string> names;
  for (const Metric& metric : metrics) {
    if (metric.name == sought) return &metric;
    names.emplace_back(metric.name);
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
  return metric.evaluate(outcome).with_context(metric.name);
}

}  // namespace slipway::metrics
