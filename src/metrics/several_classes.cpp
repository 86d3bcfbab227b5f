// Rankings of several classes: one against the rest, one against one, the highest columns.
#include <numeric>

#include <fmt/format.h>

#include <slipway/metrics/metrics.hpp>

#include "checks.hpp"

namespace slipway::metrics {
namespace {

Status check(Labels labels, const ScoreTable& scores) {
  SLIPWAY_CHECK(detail::check_length(labels.size(), scores.rows, "rows of scores"));
  SLIPWAY_CHECK(detail::check_table(scores));
  if (scores.classes == 0) return invalid_input("no classes: one against the rest needs at least two");
  return detail::check_labels(labels, scores.classes, "label");
}

// 1 where the label is the class.
std::vector<std::int32_t> is_class(Labels labels, std::size_t index) {
  std::vector<std::int32_t> found(labels.size());
  for (std::size_t row = 0; row < labels.size(); ++row)
    found[row] = labels[row] == static_cast<std::int32_t>(index) ? 1 : 0;
  return found;
}

template <class One>
Result<double> one_vs_rest(Labels labels, const ScoreTable& scores, Weights weights, Average average, const One& one) {
  SLIPWAY_CHECK(check(labels, scores));
  if (average == Average::micro) {
    std::vector<std::int32_t> all;
    std::vector<float> repeated;
    for (std::size_t index = 0; index < scores.classes; ++index) {
      const auto found = is_class(labels, index);
      all.insert(all.end(), found.begin(), found.end());
      repeated.insert(repeated.end(), weights.begin(), weights.end());
    }
    return one(Labels(all), scores.values, Weights(repeated));
  }
  double sum = 0, total = 0;
  for (std::size_t index = 0; index < scores.classes; ++index) {
    const auto found = is_class(labels, index);
    SLIPWAY_TRY(const double value, one(Labels(found), scores.column(index), weights)
                                        .with_context(fmt::format("class {} against the rest", index)));
    double weight = 1;
    if (average == Average::weighted) {
      weight = 0;
      for (std::size_t row = 0; row < found.size(); ++row)
        if (found[row] == 1) weight += detail::weight_of(weights, row);
    }
    sum += weight * value;
    total += weight;
  }
  return sum / total;
}

}  // namespace

Result<double> roc_auc_one_vs_rest(Labels labels, const ScoreTable& scores, Weights weights, Average average) {
  return one_vs_rest(labels, scores, weights, average,
                     [](Labels truth, Scores column, Weights weight) { return roc_auc(truth, column, weight); });
}

Result<double> average_precision_one_vs_rest(Labels labels, const ScoreTable& scores, Weights weights,
                                             Average average) {
  return one_vs_rest(labels, scores, weights, average, [](Labels truth, Scores column, Weights weight) {
    return average_precision(truth, column, weight);
  });
}

Result<double> roc_auc_one_vs_one(Labels labels, const ScoreTable& scores, Average average) {
  SLIPWAY_CHECK(check(labels, scores));
  if (average == Average::micro) return invalid_input("one against one is averaged macro or weighted, not micro");
  double sum = 0, total = 0;
  std::vector<std::int32_t> truth;
  std::vector<float> first, second;
  for (std::size_t a = 0; a < scores.classes; ++a)
    for (std::size_t b = a + 1; b < scores.classes; ++b) {
      truth.clear();
      first.clear();
      second.clear();
      for (std::size_t row = 0; row < labels.size(); ++row) {
        const auto label = static_cast<std::size_t>(labels[row]);
        if (label != a && label != b) continue;
        truth.push_back(label == a ? 1 : 0);
        first.push_back(scores.at(row, a));
        second.push_back(scores.at(row, b));
      }
      const std::string pair = fmt::format("class {} against class {}", a, b);
      if (truth.empty()) return invalid_input(pair + ": there is no row of either");
      SLIPWAY_TRY(const double of_first, roc_auc(truth, first).with_context(pair));
      for (std::int32_t& value : truth) value = 1 - value;
      SLIPWAY_TRY(const double of_second, roc_auc(truth, second).with_context(pair));
      const double weight =
          average == Average::weighted ? static_cast<double>(truth.size()) / static_cast<double>(labels.size()) : 1;
      sum += weight * (of_first + of_second) / 2;
      total += weight;
    }
  if (total == 0) return invalid_input("one class: one against one needs two");
  return sum / total;
}

Result<double> top_accuracy(Labels labels, const ScoreTable& scores, std::size_t most, Weights weights) {
  SLIPWAY_CHECK(check(labels, scores));
  SLIPWAY_CHECK(detail::check_weights(labels.size(), weights));
  if (most == 0) return invalid_input("the highest 0 columns hold no class: expected at least 1");
  double hits = 0, total = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const auto label = static_cast<std::size_t>(labels[row]);
    std::size_t above = 0;
    if (scores.classes == 2 && most == 1) {
      above = (scores.at(row, 1) > 0.5F) == (label == 1) ? 0 : 1;
    } else {
      const float own = scores.at(row, label);
      for (std::size_t index = 0; index < scores.classes; ++index)
        above += scores.at(row, index) > own || (scores.at(row, index) == own && index > label);
    }
    const double weight = detail::weight_of(weights, row);
    hits += above < most ? weight : 0;
    total += weight;
  }
  return hits / total;
}

}  // namespace slipway::metrics
