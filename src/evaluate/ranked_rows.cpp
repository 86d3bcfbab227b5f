#include "ranked_rows.hpp"

#include <algorithm>
#include <numeric>

namespace slipway::evaluate {

RankedRows::RankedRows(metrics::Labels labels, metrics::Scores scores) : order_(scores.size()) {
  std::iota(order_.begin(), order_.end(), 0);
  std::stable_sort(order_.begin(), order_.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  for (std::size_t i = 0; i < order_.size(); ++i) {
    last_.push_back(i + 1 == order_.size() || scores[order_[i + 1]] != scores[order_[i]]);
    positive_.push_back(labels[order_[i]] == 1);
  }
}

RankedRows::Areas RankedRows::areas(std::span<const float> weights) const {
  double positives = 0, negatives = 0, before_positives = 0, before_negatives = 0, area = 0, precision = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    (positive_[i] ? positives : negatives) += weights[order_[i]];
    if (!last_[i]) continue;
    area += (negatives - before_negatives) * (positives + before_positives) / 2;
    if (positives > before_positives) precision += (positives - before_positives) * positives / (positives + negatives);
    before_positives = positives;
    before_negatives = negatives;
  }
  Areas areas;
  if (positives > 0 && negatives > 0) areas.roc_auc = area / (positives * negatives);
  if (positives > 0) areas.average_precision = precision / positives;
  return areas;
}

}  // namespace slipway::evaluate
