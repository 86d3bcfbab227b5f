#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

Result<std::string> describe_policy(const ThresholdPolicy& policy, bool has_costs) {
  std::vector<std::string> rules;
  if (!policy.maximise.empty()) rules.push_back("maximise " + policy.maximise);
  if (!policy.minimise.empty()) rules.push_back("minimise " + policy.minimise);
  if (policy.precision) rules.push_back("precision >= " + format_number(*policy.precision));
  if (policy.recall) rules.push_back("recall >= " + format_number(*policy.recall));
  if (policy.fixed) rules.push_back("fixed " + format_number(*policy.fixed));
  if (policy.cost_ratio) rules.push_back("minimise cost at ratio " + format_number(*policy.cost_ratio));
  if (policy.alerts_per_day) rules.push_back("at most " + format_number(*policy.alerts_per_day) + " alerts a day");
  if (rules.size() > 1) return invalid_input("the threshold takes one rule; these were given: " + list_names(rules));
  if (rules.empty()) return std::string(has_costs ? "minimise cost" : "maximise f1");
  return rules[0];
}

namespace {

// Rows by descending score.
std::vector<std::uint32_t> descending(metrics::Scores scores) {
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  return order;
}

// The total cost at every cut of the ranking, and at index 0 that of calling nothing positive.
std::vector<double> costs_by_cut(metrics::Labels labels, metrics::Scores scores, metrics::Weights weights,
                                 const Costs& costs) {
  const auto weight = [&](std::size_t row) { return weights.empty() ? 1.0 : static_cast<double>(weights[row]); };
  double total = 0;
  for (std::size_t row = 0; row < labels.size(); ++row)
    total += weight(row) * (labels[row] == 1 ? costs.false_negative.at(row) : costs.true_negative.at(row));
  std::vector<double> totals = {total};
  const std::vector<std::uint32_t> order = descending(scores);
  bool open = false;  // rows of weight 0 make no cut
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t row = order[i];
    open |= weight(row) > 0;
    total += weight(row) * (labels[row] == 1 ? costs.true_positive.at(row) - costs.false_negative.at(row)
                                             : costs.false_positive.at(row) - costs.true_negative.at(row));
    if (i + 1 < order.size() && scores[order[i + 1]] == scores[row]) continue;
    if (open) totals.push_back(total);
    open = false;
  }
  return totals;
}

Status check_costs(const Costs& costs, std::size_t rows) {
  for (const Cost* cost : {&costs.true_positive, &costs.false_positive, &costs.false_negative, &costs.true_negative}) {
    if (!cost->per_row.empty() && cost->per_row.size() != rows)
      return invalid_input(fmt::format("{} costs were given for {} rows", cost->per_row.size(), rows));
    for (std::size_t row = 0; row < cost->per_row.size(); ++row)
      if (!std::isfinite(cost->per_row[row]))
        return invalid_input(fmt::format("costs: row {} has none (its value is missing or not finite)", row));
  }
  return {};
}

float above(float score) { return std::nextafter(score, std::numeric_limits<float>::infinity()); }

}  // namespace

double Costs::total(metrics::Labels labels, metrics::Scores scores, float threshold, metrics::Weights weights) const {
  double sum = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const bool alert = scores[row] >= threshold;
    const Cost& cost =
        labels[row] == 1 ? (alert ? true_positive : false_negative) : (alert ? false_positive : true_negative);
    sum += (weights.empty() ? 1.0 : static_cast<double>(weights[row])) * cost.at(row);
  }
  return sum;
}

Result<ThresholdChoice> choose_threshold(metrics::Labels labels, metrics::Scores scores, const ThresholdPolicy& policy,
                                         metrics::Weights weights, const ThresholdContext& context) {
  ThresholdChoice choice;
  SLIPWAY_TRY(choice.policy, describe_policy(policy, context.costs != nullptr));
  const bool by_cost = choice.policy == "minimise cost";
  if (by_cost && context.costs == nullptr)
    return invalid_input("minimise: cost needs evaluate.costs, what each kind of decision costs");
  if (policy.alerts_per_day && !(context.rows_per_day > 0))
    return invalid_input("alerts_per_day needs schema.time, to know how many rows come in a day");
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
  std::vector<double> totals;
  if (by_cost) {
    SLIPWAY_CHECK(check_costs(*context.costs, labels.size()));
    totals = costs_by_cut(labels, scores, weights, *context.costs);
  }
  // Alerts that these rows may raise: their share of a day's capacity.
  const double most_alerts =
      policy.alerts_per_day ? *policy.alerts_per_day / context.rows_per_day * (ranking.positives + ranking.negatives)
                            : 0;

  // Larger is better, by the first number, then by the second; the first cut (the highest threshold) wins ties.
  using Value = std::pair<double, double>;
  const auto value = [&](std::size_t i) -> Value {
    const Cut cut = cut_at(i);
    if (by_cost) return {-totals[i + 1], 0};
    if (policy.alerts_per_day) {
      const double alerts = cut.true_positives + cut.false_positives;
      return alerts <= most_alerts * (1 + 1e-12) ? Value{1, alerts} : Value{0, -alerts};
    }
    if (policy.precision)
      return cut.precision() >= *policy.precision ? Value{2, cut.recall()} : Value{cut.precision(), cut.recall()};
    if (policy.recall) return cut.recall() >= *policy.recall ? Value{2, cut.precision()} : Value{cut.recall(), 0};
    if (policy.cost_ratio) return {-(*policy.cost_ratio * cut.false_negatives() + cut.false_positives), 0};
    return {value_of(cut, metric), 0};
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < ranking.cuts.size(); ++i)
    if (value(i) > value(best)) best = i;
  choice.threshold = ranking.cuts[best].threshold;
  describe(cut_at(best));
  if (policy.precision && choice.precision < *policy.precision)
    choice.note =
        fmt::format("no threshold reaches precision {}; the best reaches {:.4g}", *policy.precision, choice.precision);
  // Predicting nothing may be the cheapest (or all that the capacity allows), and no score is above the highest.
  const bool nothing = (policy.cost_ratio && value(best).first < -*policy.cost_ratio * ranking.positives) ||
                       (by_cost && value(best).first < -totals[0]);
  const bool too_many = policy.alerts_per_day && value(best).first < 1;
  if (nothing || too_many) {
    choice.threshold = above(ranking.cuts[0].threshold);
    describe({0, 0, ranking.positives, ranking.negatives});
    choice.note = too_many  ? "the rows of the highest score alone are more than the alerts a day allow: none is raised"
                  : by_cost ? "at these costs it is cheapest to raise no alarm at all"
                            : "at this cost ratio it is cheapest to raise no alarm at all";
  }
  return choice;
}

namespace {

OperatingPoint point_of(const Cut& cut, double threshold, const ThresholdContext& context, std::optional<double> cost) {
  OperatingPoint point;
  point.threshold = threshold;
  point.true_positives = cut.true_positives;
  point.false_positives = cut.false_positives;
  point.alerts = cut.true_positives + cut.false_positives;
  point.precision = cut.precision();
  if (cut.positives > 0) point.recall = cut.recall();
  if (cut.positives > 0) point.f1 = cut.f_beta(1);
  if (cut.negatives > 0) point.false_positive_rate = cut.false_positives / cut.negatives;
  if (context.rows_per_day > 0)
    point.alerts_per_day = point.alerts / (cut.positives + cut.negatives) * context.rows_per_day;
  point.cost = cost;
  return point;
}

}  // namespace

OperatingPoint operating_point(metrics::Labels labels, metrics::Scores scores, float threshold,
                               const ThresholdContext& context, metrics::Weights weights) {
  Cut cut;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const bool positive = labels[row] == 1;
    const double weight = weights.empty() ? 1.0 : static_cast<double>(weights[row]);
    (positive ? cut.positives : cut.negatives) += weight;
    if (scores[row] >= threshold) (positive ? cut.true_positives : cut.false_positives) += weight;
  }
  std::optional<double> cost;
  if (context.costs != nullptr) cost = context.costs->total(labels, scores, threshold, weights);
  return point_of(cut, threshold, context, cost);
}

Result<std::vector<OperatingPoint>> operating_points(metrics::Labels labels, metrics::Scores scores,
                                                     const ThresholdContext& context, metrics::Weights weights,
                                                     std::size_t most) {
  SLIPWAY_TRY(const metrics::Ranking ranking, metrics::rank(labels, scores, weights));
  std::vector<OperatingPoint> points;
  if (!(ranking.positives > 0) || !(ranking.negatives > 0)) return points;
  std::vector<double> totals;
  std::size_t cheapest = ranking.cuts.size();
  if (context.costs != nullptr) {
    SLIPWAY_CHECK(check_costs(*context.costs, labels.size()));
    totals = costs_by_cut(labels, scores, weights, *context.costs);
    const auto best = std::min_element(totals.begin() + 1, totals.end());
    cheapest = static_cast<std::size_t>(best - totals.begin()) - 1;
  }
  const double rows = ranking.positives + ranking.negatives;
  const double step = std::log(std::max(rows, 2.0)) / static_cast<double>(std::max<std::size_t>(most, 2) - 1);
  double next = 1;
  for (std::size_t i = 0; i < ranking.cuts.size(); ++i) {
    const metrics::ThresholdCounts& cut = ranking.cuts[i];
    const double alerts = cut.true_positives + cut.false_positives;
    if (alerts < next && i != cheapest && i + 1 < ranking.cuts.size()) continue;
    while (next <= alerts) next = std::max(next + 1, next * std::exp(step));
    points.push_back(point_of({cut.true_positives, cut.false_positives, ranking.positives, ranking.negatives},
                              cut.threshold, context,
                              totals.empty() ? std::nullopt : std::optional<double>(totals[i + 1])));
  }
  return points;
}

nlohmann::json to_json(const OperatingPoint& point) {
  nlohmann::json json = {{"threshold", point.threshold},
                         {"alerts", point.alerts},
                         {"true_positives", point.true_positives},
                         {"false_positives", point.false_positives},
                         {"precision", point.precision},
                         {"recall", point.recall},
                         {"false_positive_rate", point.false_positive_rate},
                         {"f1", point.f1}};
  if (point.alerts_per_day) json["alerts_per_day"] = *point.alerts_per_day;
  if (point.cost) json["cost"] = *point.cost;
  return json;
}

}  // namespace slipway::evaluate
