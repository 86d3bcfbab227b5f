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
// How a number per class becomes one: macro is the unweighted mean over the classes that occur among labels or
// predictions, weighted their mean by the weight of their rows, micro counts all classes' decisions together.
enum class Average : std::uint8_t { macro, micro, weighted };
double precision(const ConfusionMatrix& matrix, Average average);
double recall(const ConfusionMatrix& matrix, Average average);
double f_beta(const ConfusionMatrix& matrix, double beta, Average average);
// Cohen's kappa (Cohen 1960): agreement beyond chance. An error where chance alone agrees always (one class only).
Result<double> cohen_kappa(const ConfusionMatrix& matrix);
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

// Several classes: the average over the classes of "this class against the rest"; micro takes all cells of the table as
// one binary problem. A class without rows is an error for ROC AUC and counts 0 for average precision.
Result<double> roc_auc_one_vs_rest(Labels labels, const ScoreTable& scores, Weights weights = {},
                                   Average average = Average::macro);
Result<double> average_precision_one_vs_rest(Labels labels, const ScoreTable& scores, Weights weights = {},
                                             Average average = Average::macro);
// Mean over all pairs of classes of the AUC between the two, each ranked by either's column (Hand and Till 2001);
// weighted: by the pair's share of the rows. Not for weighted rows, as in scikit-learn.
Result<double> roc_auc_one_vs_one(Labels labels, const ScoreTable& scores, Average average = Average::macro);

// Points of the curves, without interpolation between cuts.
// Highest recall among the cuts with a false positive rate of at most `rate`; a cut above every score counts (0).
Result<double> recall_at_false_positive_rate(const Ranking& ranking, double rate);
// Lowest false positive rate among the cuts with at least this recall.
Result<double> false_positive_rate_at_recall(const Ranking& ranking, double recall);
// Highest precision among the cuts with at least this recall, highest recall among those with at least this precision
// (0 where there is none). An error without a positive row.
Result<double> precision_at_recall(const Ranking& ranking, double recall);
Result<double> recall_at_precision(const Ranking& ranking, double precision);
// Share of positives among the `count` rows (by weight) of the highest scores. Rows tied at the border count in
// proportion: the mean over all orders of the tied. Fewer rows than `count`: of all rows.
Result<double> precision_at(const Ranking& ranking, double count);
// Share of the rows whose class is among their `most` highest columns; of equal columns the later is higher, as in
// scikit-learn. Two columns with most = 1: column 1 > 0.5.
Result<double> top_accuracy(Labels labels, const ScoreTable& scores, std::size_t most, Weights weights = {});
// Card precision of the Fraud Detection Handbook: of each day's `cards` highest-ranked cards (by their highest score of
// that day; of equal ones the smaller number) the share with a positive row that day, of `cards` however many there
// were; mean over the days. A card that was found is left out of later days. `days` and `card_numbers`: one per row,
// negative = unknown, left out.
Result<double> card_precision(Labels labels, Scores scores, std::span<const std::int32_t> days,
                              std::span<const std::int32_t> card_numbers, std::size_t cards);

// ---- probabilities ----

// Mean of -log(probability of the true class), probabilities clipped to [e, 1 - e], e = 2^-52. Rows are taken as they
// are, not renormalised.
Result<double> log_loss(Labels labels, const ScoreTable& scores, Weights weights = {});
// Two columns: mean of (y - p1)^2. More: mean of the sum over classes of (y_c - p_c)^2, in [0, 2].
Result<double> brier(Labels labels, const ScoreTable& scores, Weights weights = {});
// The same for the probability of the positive class alone.
Result<double> log_loss(Labels labels, Scores positive, Weights weights = {});
Result<double> brier(Labels labels, Scores positive, Weights weights = {});

// Rows of neighbouring scores: what was predicted and what came true.
struct ReliabilityBin {
  double rows = 0;       // weight
  double predicted = 0;  // mean score
  double observed = 0;   // share of positives
};
// Equal-mass bins by ascending score, cut at the quantiles of the scores as scikit-learn's calibration_curve does with
// strategy='quantile': tied scores share a bin, so there may be fewer than `bins`. With weights, quantiles are of them.
Result<std::vector<ReliabilityBin>> reliability(Labels labels, Scores positive, Weights weights = {}, int bins = 10);
// Expected calibration error: mean of |observed - predicted| over the bins, by their rows.
double expected_calibration_error(std::span<const ReliabilityBin> bins);

// ---- regression ----

Result<double> mean_absolute_error(std::span<const float> targets, Scores predictions, Weights weights = {});
Result<double> root_mean_squared_error(std::span<const float> targets, Scores predictions, Weights weights = {});
// Coefficient of determination; for constant targets 1 if all predictions are exact, else 0. Needs two rows.
Result<double> r2(std::span<const float> targets, Scores predictions, Weights weights = {});
// Mean of |target - prediction| / max(|target|, 2^-52): enormous where a target is 0.
Result<double> mean_absolute_percentage_error(std::span<const float> targets, Scores predictions, Weights weights = {});
// Pinball loss at a quantile in (0, 1): half the mean absolute error at 0.5.
Result<double> quantile_loss(std::span<const float> targets, Scores predictions, double quantile, Weights weights = {});
// Mean Tweedie deviance: power 0 the squared error, 1 Poisson (targets >= 0, predictions > 0), 2 gamma (both > 0),
// between them the compound Poisson. Other powers and values outside the domain are errors.
Result<double> tweedie_deviance(std::span<const float> targets, Scores predictions, double power, Weights weights = {});

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
  // Binary: day and card of each row, for card_precision; empty where unknown.
  std::span<const std::int32_t> days = {};
  std::span<const std::int32_t> cards = {};
};

struct Metric {
  std::string_view name;           // "average_precision"
  std::string_view documentation;  // one line
  bool higher_is_better = true;
  bool binary = false, multiclass = false, regression = false;  // tasks that it applies to
  bool applies_to(TaskKind task) const;
  // Call through metrics::evaluate, which checks.
  Result<double> (*evaluate)(const Outcome& outcome, double parameter) = nullptr;
  double parameter = 0;  // the number in its name, if it has one
};

// Every metric, in the order of the documentation. For several classes roc_auc, average_precision, precision, recall
// and f1 are means over the classes.
std::span<const Metric> catalogue();
// The metrics with a number in their name, as "recall_at_fpr_<rate>": any number in their range may be asked for.
struct MetricFamily {
  std::string_view prefix, suffix;  // of the name, around the number
  std::string_view parameter;       // what the number is: "rate"
  double minimum = 0, maximum = 1;  // both allowed
  bool whole = false;               // whole numbers only
  Metric metric;                    // without its number
};
std::span<const MetricFamily> families();
// An unknown name is an error that suggests the nearest. scikit-learn's scorer names are understood too
// ("neg_log_loss", "neg_root_mean_squared_error", "f1_macro", ...). A metric with a number in its name is made when it
// is first asked for and stays for the life of the program. Safe from any thread.
Result<const Metric*> find_metric(std::string_view name);
// The metric that search and reports use unless told otherwise.
std::string_view default_metric(TaskKind task);

// The metric's value; an error if it does not apply to the task or its input is bad.
Result<double> evaluate(const Metric& metric, const Outcome& outcome);

}  // namespace slipway::metrics
