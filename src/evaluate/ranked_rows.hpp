// ROC AUC and average precision of the same rows under many weights: sorted once, then a pass each.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include <slipway/metrics/metrics.hpp>

namespace slipway::evaluate {

class RankedRows {
 public:
  RankedRows(metrics::Labels labels, metrics::Scores scores);
  struct Areas {
    std::optional<double> roc_auc;  // empty without weight of both classes
    double average_precision = 0;
  };
  // weights: one per row, in the rows' own order.
  Areas areas(std::span<const float> weights) const;

 private:
  std::vector<std::uint32_t> order_;  // rows by descending score
  std::vector<bool> last_;            // of its run of equal scores
  std::vector<bool> positive_;        // in that order
};

}  // namespace slipway::evaluate
