// Quality of scores against labels: pure functions over views, with scikit-learn's conventions (ties, clipping,
// undefined cases), in double precision. Nothing is kept, nothing is shared: safe from any thread.
//
// Everywhere: labels are class indices in [0, classes), for a binary task 1 is the positive class; scores are float32
// and finite; weights are >= 0, one per row, or empty for all 1. Views of unequal length, no rows, a weight sum of 0,
// NaN scores and labels out of range are errors (invalid_input) that name the first bad row.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::metrics {

using Labels = std::span<const std::int32_t>;
using Scores = std::span<const float>;
using Weights = std::span<const float>;

// n rows of scores of k classes, stored column by column as in model::Block: value(row, c) = values[c * rows + row].
struct ScoreTable {
  std::size_t rows = 0;
  std::size_t classes = 0;
  std::span<const float> values;
  Scores column(std::size_t index) const { return values.subspan(index * rows, rows); }
  float at(std::size_t row, std::size_t column_index) const { return values[column_index * rows + row]; }
};

// ---- predicted classes ----

// Weight of the rows of each true class (row) that were predicted as each class (column).
struct ConfusionMatrix {
  std::size_t classes = 0;
  std::vector<double> weights;  // classes x classes, row-major: weights[truth * classes + predicted]
  std::vector<bool> present;    // the class occurs among the labels or the predictions
  double at(std::size_t truth, std::size_t predicted) const { return weights[truth * classes + predicted]; }
  double truth(std::size_t index) const;      // weight of the rows of that class
  double predicted(std::size_t index) const;  // weight of the rows predicted as that class
  double correct() const;                     // weight on the diagonal
  double total() const;
};
Result<ConfusionMatrix> confusion_matrix(Labels labels, Labels predictions, std::size_t classes, Weights weights = {});

// Predicted classes as model::Decide gives them: binary (two columns): 1 where column 1 >= threshold; more: the largest
// column, the first on ties.
std::vector<std::int32_t> predicted_classes(const ScoreTable& scores, float threshold = 0.5F);

double accuracy(const ConfusionMatrix& matrix);
// Mean recall over the classes that occur among the labels.
double balanced_accuracy(const ConfusionMatrix& matrix);
// Of one class; 0 where undefined (nothing predicted as it, no row of it).
double precision(const ConfusionMatrix& matrix, std::size_t index = 1);
double recall(const ConfusionMatrix& matrix, std::size_t index = 1);
double f1(const ConfusionMatrix& matrix, std::size_t index = 1);
double f_beta(const ConfusionMatrix& matrix, double beta, std::size_t index = 1);
// Unweighted means over the classes that occur among labels or predictions.
double macro_precision(const ConfusionMatrix& matrix);
double macro_recall(const ConfusionMatrix& matrix);
double macro_f1(const ConfusionMatrix& matrix);
// Matthews correlation in [-1, 1], for any number of classes (Gorodkin 2004); 0 where undefined.
double matthews(const ConfusionMatrix& matrix);

// ---- ranking of a binary score ----

// What is predicted positive at one cut: the rows with score >= threshold.
struct ThresholdCounts {
  float threshold = 0;
  double true_positives = 0;   // weight
  double false_positives = 0;  // weight
};
struct Ranking {
  std::vector<ThresholdCounts> cuts;  // one per distinct score, descending; rows of weight 0 are left out
  double positives = 0;               // weight of all rows of class 1
  double negatives = 0;
};
Result<Ranking> rank(Labels labels, Scores scores, Weights weights = {});

// Area under the ROC curve; ties count half. Labels of a single class are an error.
Result<double> roc_auc(Labels labels, Scores scores, Weights weights = {});
// Sum of (R[i] - R[i-1]) * P[i] over the distinct scores, descending. 0 if there is no positive.
Result<double> average_precision(Labels labels, Scores scores, Weights weights = {});
Result<double> roc_auc(const Ranking& ranking);
double average_precision(const Ranking& ranking);

// Receiver operating characteristic; first point (0, 0) at threshold +infinity, last point (1, 1).
struct RocCurve {
  std::vector<double> false_positive_rate, true_positive_rate;
  std::vector<float> thresholds;  // descending
};
// With drop_intermediate, points on a straight line between their neighbours are left out, as scikit-learn does.
// Labels of a single class are an error.
Result<RocCurve> roc_curve(Labels labels, Scores scores, Weights weights = {}, bool drop_intermediate = true);

// As scikit-learn's precision_recall_curve: one point per distinct score, thresholds ascending, and a last point with
// precision 1 and recall 0 that has no threshold. Without any positive, recall is 1 throughout.
struct PrecisionRecallCurve {
  std::vector<double> precision, recall;  // one longer than thresholds
  std::vector<float> thresholds;
};
Result<PrecisionRecallCurve> precision_recall_curve(Labels labels, Scores scores, Weights weights = {});

// Several classes: mean over the classes of "this class against the rest". A class without rows is an error for ROC AUC
// and counts 0 for average precision.
Result<double> roc_auc_one_vs_rest(Labels labels, const ScoreTable& scores, Weights weights = {});
Result<double> average_precision_one_vs_rest(Labels labels, const ScoreTable& scores, Weights weights = {});

// ---- probabilities ----

// Mean of -log(probability of the true class), probabilities clipped to [e, 1 - e], e = 2^-52. Rows are taken as they
// are, not renormalised.
Result<double> log_loss(Labels labels, const ScoreTable& scores, Weights weights = {});
// Two columns: mean of (y - p1)^2. More: mean of the sum over classes of (y_c - p_c)^2, in [0, 2].
Result<double> brier(Labels labels, const ScoreTable& scores, Weights weights = {});
// The same for the probability of the positive class alone.
Result<double> log_loss(Labels labels, Scores positive, Weights weights = {});
Result<double> brier(Labels labels, Scores positive, Weights weights = {});

// ---- regression ----

Result<double> mean_absolute_error(std::span<const float> targets, Scores predictions, Weights weights = {});
Result<double> root_mean_squared_error(std::span<const float> targets, Scores predictions, Weights weights = {});
// Coefficient of determination; for constant targets 1 if all predictions are exact, else 0. Needs two rows.
Result<double> r2(std::span<const float> targets, Scores predictions, Weights weights = {});

// ---- by name ----

enum class TaskKind : std::uint8_t { binary, multiclass, regression };

// What a model said about rows whose truth is known.
struct Outcome {
  TaskKind task = TaskKind::binary;
  Labels labels;                   // classification
  std::span<const float> targets;  // regression
  Weights weights;
  ScoreTable scores;       // n x classes probabilities, or n x 1 predictions
  float threshold = 0.5F;  // binary: of the metrics that need predicted classes
};

struct Metric {
  std::string_view name;           // "average_precision"
  std::string_view documentation;  // one line
  bool higher_is_better = true;
  bool binary = false, multiclass = false, regression = false;  // tasks that it applies to
  bool applies_to(TaskKind task) const;
  Result<double> (*evaluate)(const Outcome& outcome) = nullptr;  // call through metrics::evaluate, which checks
};

// Every metric, in the order of the documentation. For several classes roc_auc, average_precision, precision, recall
// and f1 are means over the classes.
std::span<const Metric> catalogue();
// An unknown name is an error that suggests the nearest. scikit-learn's scorer names are understood too
// ("neg_log_loss", "neg_root_mean_squared_error", "f1_macro", ...).
Result<const Metric*> find_metric(std::string_view name);
// The metric that search and reports use unless told otherwise.
std::string_view default_metric(TaskKind task);

// The metric's value; an error if it does not apply to the task or its input is bad.
Result<double> evaluate(const Metric& metric, const Outcome& outcome);

}  // namespace slipway::metrics
