// How a model learns from round to round, and what that says: too few rounds, too many, or steps that are too long.
#pragma once
#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace slipway::evaluate {

// A model of so many rounds (trees): its loss (lower is better) and the metric on rows that it was fitted on and on
// others.
struct RoundPoint {
  double rounds = 0;
  double train_loss = 0;
  double validation_loss = 0;
  double train_metric = 0;
  double validation_metric = 0;
};

struct RoundsVerdict {
  // diverges: the loss of the training rows rises, or is no number; overfits: that of the validation rows rises;
  // improves: it still falls at the end; settled: neither; undefined: fewer than three points.
  std::string verdict;
  std::string text;        // one or two sentences, with what to do about it
  double best_rounds = 0;  // where the loss of the validation rows is lowest
};

// `points` ascend in rounds. Changes count against what was gained: G is the first validation loss minus the lowest.
// A rise above the lowest by more than 5 % of G is overfitting, a fall by more than 2 % of G over the last quarter of
// the rounds is one that goes on; a training loss at the end above its lowest by more than 5 % of its own gain
// diverges.
RoundsVerdict judge_rounds(std::span<const RoundPoint> points);

nlohmann::json to_json(std::span<const RoundPoint> points, const RoundsVerdict& verdict);

}  // namespace slipway::evaluate
