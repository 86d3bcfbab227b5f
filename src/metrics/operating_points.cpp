// What a ranking gives at a fixed rate, recall, precision or number of alerts.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <slipway/metrics/metrics.hpp>

#include "checks.hpp"

namespace slipway::metrics {
namespace {

Status check_share(double share, std::string_view what) {
  if (share >= 0 && share <= 1) return {};
  return invalid_input(fmt::format("{} {}: expected a share from 0 to 1", what, share));
}

Status check_positives(const Ranking& ranking) {
  if (ranking.positives > 0) return {};
  return invalid_input("recall needs a positive row: there is none");
}

Status check_negatives(const Ranking& ranking) {
  if (ranking.negatives > 0) return {};
  return invalid_input("the false positive rate needs a negative row: there is none");
}

}  // namespace

Result<double> recall_at_false_positive_rate(const Ranking& ranking, double rate) {
  SLIPWAY_CHECK(check_share(rate, "false positive rate"));
  SLIPWAY_CHECK(check_positives(ranking));
  SLIPWAY_CHECK(check_negatives(ranking));
  double best = 0;
  for (const ThresholdCounts& cut : ranking.cuts) {
    if (cut.false_positives / ranking.negatives > rate) break;
    best = cut.true_positives / ranking.positives;
  }
  return best;
}

Result<double> false_positive_rate_at_recall(const Ranking& ranking, double recall) {
  SLIPWAY_CHECK(check_share(recall, "recall"));
  SLIPWAY_CHECK(check_positives(ranking));
  SLIPWAY_CHECK(check_negatives(ranking));
  if (recall == 0) return 0.0;
  for (const ThresholdCounts& cut : ranking.cuts)
    if (cut.true_positives / ranking.positives >= recall) return cut.false_positives / ranking.negatives;
  return 1.0;
}

Result<double> precision_at_recall(const Ranking& ranking, double recall) {
  SLIPWAY_CHECK(check_share(recall, "recall"));
  SLIPWAY_CHECK(check_positives(ranking));
  double best = 0;
  for (const ThresholdCounts& cut : ranking.cuts)
    if (cut.true_positives / ranking.positives >= recall)
      best = std::max(best, cut.true_positives / (cut.true_positives + cut.false_positives));
  return best;
}

Result<double> recall_at_precision(const Ranking& ranking, double precision) {
  SLIPWAY_CHECK(check_share(precision, "precision"));
  SLIPWAY_CHECK(check_positives(ranking));
  double best = 0;
  for (const ThresholdCounts& cut : ranking.cuts)
    if (cut.true_positives / (cut.true_positives + cut.false_positives) >= precision)
      best = cut.true_positives / ranking.positives;
  return best;
}

Result<double> precision_at(const Ranking& ranking, double count) {
  if (!(count > 0)) return invalid_input(fmt::format("precision of the first {} rows: expected more than 0", count));
  double last_true = 0, last_false = 0;
  for (const ThresholdCounts& cut : ranking.cuts) {
    const double before = last_true + last_false;
    const double here = cut.true_positives + cut.false_positives;
    if (here >= count)
      return (last_true + (cut.true_positives - last_true) * (count - before) / (here - before)) / count;
    last_true = cut.true_positives;
    last_false = cut.false_positives;
  }
  return last_true / (last_true + last_false);
}

Result<double> card_precision(Labels labels, Scores scores, std::span<const std::int32_t> days,
                              std::span<const std::int32_t> card_numbers, std::size_t cards) {
  SLIPWAY_CHECK(detail::check_length(labels.size(), scores.size(), "scores"));
  SLIPWAY_CHECK(detail::check_labels(labels, 2, "label"));
  SLIPWAY_CHECK(detail::check_numbers(scores, "score", true));
  SLIPWAY_CHECK(detail::check_length(labels.size(), days.size(), "days"));
  SLIPWAY_CHECK(detail::check_length(labels.size(), card_numbers.size(), "card numbers"));
  if (cards == 0) return invalid_input("card precision of 0 cards a day: expected at least 1");
  struct Card {
    float score = 0;
    bool positive = false;
  };
  std::map<std::int32_t, std::map<std::int32_t, Card>> by_day;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if (days[row] < 0 || card_numbers[row] < 0) continue;
    const auto [place, fresh] = by_day[days[row]].try_emplace(card_numbers[row], Card{scores[row], labels[row] == 1});
    if (fresh) continue;
    place->second.score = std::max(place->second.score, scores[row]);
    place->second.positive |= labels[row] == 1;
  }
  if (by_day.empty()) return invalid_input("card precision needs a row with a day and a card");
  std::set<std::int32_t> found;
  double sum = 0;
  for (const auto& [day, of_day] : by_day) {
    std::vector<std::pair<float, std::int32_t>> order;  // (minus the score, card)
    for (const auto& [number, card] : of_day)
      if (!found.contains(number)) order.emplace_back(-card.score, number);
    std::sort(order.begin(), order.end());
    if (order.size() > cards) order.resize(cards);
    std::size_t hits = 0;
    for (const auto& [score, number] : order)
      if (of_day.at(number).positive) {
        ++hits;
        found.insert(number);
      }
    sum += static_cast<double>(hits) / static_cast<double>(cards);
  }
  return sum / static_cast<double>(by_day.size());
}

}  // namespace slipway::metrics
