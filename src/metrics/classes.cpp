// Metrics of predicted classes.
#include <slipway/metrics/metrics.hpp>

#include "checks.hpp"

namespace slipway::metrics {

double ConfusionMatrix::truth(std::size_t index) const {
  double sum = 0;
  for (std::size_t other = 0; other < classes; ++other) sum += at(index, other);
  return sum;
}
double ConfusionMatrix::predicted(std::size_t index) const {
  double sum = 0;
  for (std::size_t other = 0; other < classes; ++other) sum += at(other, index);
  return sum;
}
double ConfusionMatrix::correct() const {
  double sum = 0;
  for (std::size_t index = 0; index < classes; ++index) sum += at(index, index);
  return sum;
}
double ConfusionMatrix::total() const {
  double sum = 0;
  for (double weight : weights) sum += weight;
  return sum;
}

Result<ConfusionMatrix> confusion_matrix(Labels labels, Labels predictions, std::size_t classes, Weights weights) {
  SLIPWAY_CHECK(detail::check_length(labels.size(), predictions.size(), "predictions"));
  SLIPWAY_CHECK(detail::check_weights(labels.size(), weights));
  SLIPWAY_CHECK(detail::check_labels(labels, classes, "label"));
  SLIPWAY_CHECK(detail::check_labels(predictions, classes, "prediction"));
  ConfusionMatrix matrix{classes, std::vector<double>(classes * classes), std::vector<bool>(classes)};
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto truth = static_cast<std::size_t>(labels[row]);
    const auto predicted = static_cast<std::size_t>(predictions[row]);
    matrix.weights[truth * classes + predicted] += detail::weight_of(weights, row);
    matrix.present[truth] = matrix.present[predicted] = true;
  }
  return matrix;
}

std::vector<std::int32_t> predicted_classes(const ScoreTable& scores, float threshold) {
  std::vector<std::int32_t> predictions(scores.rows, 0);
  if (scores.classes == 2) {
    const Scores positive = scores.column(1);
    for (std::size_t row = 0; row < scores.rows; ++row) predictions[row] = positive[row] >= threshold ? 1 : 0;
    return predictions;
  }
  for (std::size_t row = 0; row < scores.rows; ++row)
    for (std::size_t index = 1; index < scores.classes; ++index)
      if (scores.at(row, index) > scores.at(row, static_cast<std::size_t>(predictions[row])))
        predictions[row] = static_cast<std::int32_t>(index);
  return predictions;
}

namespace {

double ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Mean of `value` over the classes that `counts` holds to be there.
template <class Value, class Counts>
double mean_over_classes(const ConfusionMatrix& matrix, const Value& value, const Counts& counts) {
  double sum = 0;
  double classes = 0;
  for (std::size_t index = 0; index < matrix.classes; ++index) {
    if (!counts(index)) continue;
    sum += value(index);
    classes += 1;
  }
  return ratio(sum, classes);
}

}  // namespace

double accuracy(const ConfusionMatrix& matrix) { return ratio(matrix.correct(), matrix.total()); }

double balanced_accuracy(const ConfusionMatrix& matrix) {
  return mean_over_classes(
      matrix, [&](std::size_t index) { return recall(matrix, index); },
      [&](std::size_t index) { return matrix.truth(index) > 0; });
}

double precision(const ConfusionMatrix& matrix, std::size_t index) {
  return ratio(matrix.at(index, index), matrix.predicted(index));
}

double recall(const ConfusionMatrix& matrix, std::size_t index) {
  return ratio(matrix.at(index, index), matrix.truth(index));
}

double f_beta(const ConfusionMatrix& matrix, double beta, std::size_t index) {
  const double square = beta * beta;
  return ratio((1 + square) * matrix.at(index, index), square * matrix.truth(index) + matrix.predicted(index));
}

double f1(const ConfusionMatrix& matrix, std::size_t index) { return f_beta(matrix, 1, index); }

namespace {

// `share(part, whole)` of one class or of all, from the diagonal and what it is compared with.
template <class Value, class Micro>
double averaged(const ConfusionMatrix& matrix, Average average, const Value& value, const Micro& micro) {
  if (average == Average::micro) return micro();
  if (average == Average::macro)
    return mean_over_classes(matrix, value, [&](std::size_t c) { return matrix.present[c]; });
  double sum = 0;
  for (std::size_t index = 0; index < matrix.classes; ++index) sum += matrix.truth(index) * value(index);
  return ratio(sum, matrix.total());
}

}  // namespace

// Every row has one class and one prediction, so that micro precision, recall and F are all the accuracy.
double precision(const ConfusionMatrix& matrix, Average average) {
  return averaged(
      matrix, average, [&](std::size_t index) { return precision(matrix, index); }, [&] { return accuracy(matrix); });
}
double recall(const ConfusionMatrix& matrix, Average average) {
  return averaged(
      matrix, average, [&](std::size_t index) { return recall(matrix, index); }, [&] { return accuracy(matrix); });
}
double f_beta(const ConfusionMatrix& matrix, double beta, Average average) {
  return averaged(
      matrix, average, [&](std::size_t index) { return f_beta(matrix, beta, index); },
      [&] { return accuracy(matrix); });
}

Result<double> cohen_kappa(const ConfusionMatrix& matrix) {
  const double total = matrix.total();
  double chance = 0;
  for (std::size_t index = 0; index < matrix.classes; ++index) chance += matrix.truth(index) * matrix.predicted(index);
  chance /= total;
  if (!(total - chance > 0)) return invalid_input("kappa is not defined where truth and prediction are one class only");
  return 1 - (total - matrix.correct()) / (total - chance);
}

double matthews(const ConfusionMatrix& matrix) {
  const double total = matrix.total();
  double both = 0;
  double truths = 0;
  double predictions = 0;
  for (std::size_t index = 0; index < matrix.classes; ++index) {
    const double truth = matrix.truth(index);
    const double predicted = matrix.predicted(index);
    both += truth * predicted;
    truths += truth * truth;
    predictions += predicted * predicted;
  }
  const double spread = (total * total - truths) * (total * total - predictions);
  return spread > 0 ? (matrix.correct() * total - both) / std::sqrt(spread) : 0;
}

}  // namespace slipway::metrics
