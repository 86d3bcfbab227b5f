#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/evaluate/thresholds.hpp>

namespace slipway::evaluate {

namespace {

// What a cut predicts, as shares and weights.
struct Cut {
  double true_positives = 0, false_positives = 0, positives = 0, negatives = 0;
  double false_negatives() const { return positives - true_positives; }
  double true_negatives() const { return negatives - false_positives; }
  double precision() const {
    const double predicted = true_positives + false_positives;
    return predicted > 0 ? true_positives / predicted : 0;
  }
  double recall() const { return true_positives / positives; }
  double f_beta(double beta) const {
    const double b2 = beta * beta;
    return (1 + b2) * true_positives / ((1 + b2) * true_positives + b2 * false_negatives() + false_positives);
  }
};

double value_of(const Cut& cut, std::string_view metric) {
  if (metric == "f2") return cut.f_beta(2);
  if (metric == "f0.5") return cut.f_beta(0.5);
  if (metric == "balanced_accuracy") return (cut.recall() + cut.true_negatives() / cut.negatives) / 2;
  if (metric == "accuracy") return (cut.true_positives + cut.true_negatives()) / (cut.positives + cut.negatives);
  if (metric == "matthews") {
    const double predicted = cut.true_positives + cut.false_positives;
    const double rest = cut.positives + cut.negatives - predicted;
    const double scale = std::sqrt(predicted * rest * cut.positives * cut.negatives);
    return scale > 0 ? (cut.true_positives * cut.true_negatives() - cut.false_positives * cut.false_negatives()) / scale
                     : 0;
  }
  return cut.f_beta(1);
}

}  // namespace

Result<std::string> describe_policy(const ThresholdPolicy& policy) {
  std::vector<std::string> rules;
  if (!policy.maximise.empty()) rules.push_back("maximise " + policy.maximise);
  if (policy.precision) rules.push_back("precision >= " + format_number(*policy.precision));
  if (policy.recall) rules.push_back("recall >= " + format_number(*policy.recall));
  if (policy.fixed) rules.push_back("fixed " + format_number(*policy.fixed));
  if (policy.cost_ratio) rules.push_back("minimise cost at ratio " + format_number(*policy.cost_ratio));
  if (rules.size() > 1) return invalid_input("the threshold takes one rule; these were given: " + list_names(rules));
  return rules.empty() ? "maximise f1" : rules[0];
}

Result<ThresholdChoice> choose_threshold(metrics::Labels labels, metrics::Scores scores, const ThresholdPolicy& policy,
                                         metrics::Weights weights) {
  ThresholdChoice choice;
  SLIPWAY_TRY(choice.policy, describe_policy(policy));
  const std::string metric = policy.maximise.empty() ? "f1" : policy.maximise;
  if (policy.fixed) choice.threshold = static_cast<float>(*policy.fixed);
  if (policy.fixed && labels.empty()) return choice;
  SLIPWAY_TRY(const metrics::Ranking ranking, metrics::rank(labels, scores, weights));
  if (!policy.fixed && (!(ranking.positives > 0) || !(ranking.negatives > 0)))
    return invalid_input(fmt::format("a threshold cannot be chosen: there is no {} row",
                                     ranking.positives > 0 ? "negative" : "positive"));
  const auto cut_at = [&](std::size_t i) {
    return Cut{ranking.cuts[i].true_positives, ranking.cuts[i].false_positives, ranking.positives, ranking.negatives};
  };
  const auto describe = [&](const Cut& cut) {
    choice.precision = cut.precision();
    choice.recall = cut.positives > 0 ? cut.recall() : 0;
    choice.f1 = cut.positives > 0 ? cut.f_beta(1) : 0;
  };
  if (policy.fixed) {
    Cut cut{0, 0, ranking.positives, ranking.negatives};
    for (std::size_t i = 0; i < ranking.cuts.size() && ranking.cuts[i].threshold >= choice.threshold; ++i)
      cut = cut_at(i);
    describe(cut);
    return choice;
  }

  // Larger is better, by the first number, then by the second; the first cut (the highest threshold) wins ties.
  using Value = std::pair<double, double>;
  const std::function<Value(const Cut&)> value = [&](const Cut& cut) -> Value {
    if (policy.precision) {
      return cut.precision() >= *policy.precision ? Value{2, cut.recall()} : Value{cut.precision(), cut.recall()};
    }
    if (policy.recall) return cut.recall() >= *policy.recall ? Value{2, cut.precision()} : Value{cut.recall(), 0};
    if (policy.cost_ratio) return {-(*policy.cost_ratio * cut.false_negatives() + cut.false_positives), 0};
    return {value_of(cut, metric), 0};
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < ranking.cuts.size(); ++i)
    if (value(cut_at(i)) > value(cut_at(best))) best = i;
  choice.threshold = ranking.cuts[best].threshold;
  describe(cut_at(best));
  if (policy.precision && choice.precision < *policy.precision)
    choice.note =
        fmt::format("no threshold reaches precision {}; the best reaches {:.4g}", *policy.precision, choice.precision);
  // Predicting nothing may be the cheapest, and no score is above the highest.
  if (policy.cost_ratio && value(cut_at(best)).first < -*policy.cost_ratio * ranking.positives) {
    choice.threshold = std::nextafter(ranking.cuts[0].threshold, std::numeric_limits<float>::infinity());
    describe({0, 0, ranking.positives, ranking.negatives});
    choice.note = "at this cost ratio it is cheapest to raise no alarm at all";
  }
  return choice;
}

}  // namespace slipway::evaluate
