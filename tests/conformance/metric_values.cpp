// Metrics and intervals of many cases at once, for comparison with other libraries: one JSON case per line of standard
// input, one JSON answer per line of standard output.
//
//   {"task": "binary", "labels": [0, 1], "scores": [[0.9, 0.2], [0.1, 0.8]], "weights": [], "metrics": ["roc_auc"]}
//   -> {"roc_auc": 1.0}          null where the library says that the metric is undefined
//
// `scores` has one list per column. A binary case may ask for "delong", "compare" (with "other", a second score),
// "mcnemar" (with "other"), "reliability", and any for "wilson" (with "successes" and "trials").
#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/evaluate/intervals.hpp>
#include <slipway/metrics/metrics.hpp>

namespace {

using nlohmann::json;
using namespace slipway;

json estimate_json(const evaluate::AucEstimate& estimate) {
  return {estimate.auc, estimate.variance, estimate.interval.low, estimate.interval.high};
}

json answer(const json& request) {
  const auto labels = request.value("labels", std::vector<std::int32_t>{});
  const auto targets = request.value("targets", std::vector<float>{});
  const auto weights = request.value("weights", std::vector<float>{});
  const auto days = request.value("days", std::vector<std::int32_t>{});
  const auto cards = request.value("cards", std::vector<std::int32_t>{});
  const auto other = request.value("other", std::vector<float>{});
  std::vector<float> values;
  std::size_t columns = 0;
  for (const json& column : request.value("scores", json::array())) {
    for (const json& value : column) values.push_back(value.get<float>());
    ++columns;
  }
  metrics::Outcome outcome;
  const std::string task = request.value("task", "binary");
  outcome.task = task == "binary"       ? metrics::TaskKind::binary
                 : task == "regression" ? metrics::TaskKind::regression
                                        : metrics::TaskKind::multiclass;
  outcome.labels = labels;
  outcome.targets = targets;
  outcome.weights = weights;
  outcome.days = days;
  outcome.cards = cards;
  outcome.scores = {columns == 0 ? 0 : values.size() / columns, columns, values};
  outcome.threshold = request.value("threshold", 0.5F);
  const auto predicted = [&](metrics::Scores scores) {
    std::vector<std::int32_t> classes;
    for (float score : scores) classes.push_back(score >= outcome.threshold ? 1 : 0);
    return classes;
  };
  json document = json::object();
  for (const json& entry : request.at("metrics")) {
    const std::string name = entry;
    json& value = document[name];
    if (name == "delong") {
      const auto found = evaluate::delong(labels, outcome.scores.column(1));
      if (found.ok()) value = estimate_json(*found);
    } else if (name == "compare") {
      const auto found = evaluate::compare_auc(labels, outcome.scores.column(1), other);
      if (found.ok()) value = {found->difference, found->standard_error, found->p_value};
    } else if (name == "mcnemar") {
      const auto found = evaluate::mcnemar(labels, predicted(outcome.scores.column(1)), predicted(other));
      if (found.ok()) value = {found->only_first_right, found->only_second_right, found->p_value};
    } else if (name == "reliability") {
      const auto found = metrics::reliability(labels, outcome.scores.column(1), weights);
      if (!found.ok()) continue;
      value = json::array();
      for (const auto& bin : *found) value.push_back({bin.rows, bin.predicted, bin.observed});
    } else if (name == "wilson") {
      const auto found = evaluate::wilson(request.at("successes"), request.at("trials"));
      value = {found.low, found.high};
    } else {
      const auto metric = metrics::find_metric(name);
      if (!metric.ok()) return {{"error", metric.error().message()}};
      if (const auto found = metrics::evaluate(**metric, outcome); found.ok()) value = *found;
    }
  }
  return document;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) std::cout << answer(json::parse(line)).dump() << "\n";
  return 0;
}
