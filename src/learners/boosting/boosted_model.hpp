// What boosting learns, and its forms as operators and as scores of its stages.
#pragma once
#include <cstdint>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/learners/learner.hpp>

#include "boosting/loss.hpp"
#include "boosting/partition.hpp"
#include "tree/bins.hpp"

namespace slipway::learners::boosting {

struct BoostedTree {
  std::vector<Split> splits;  // features are columns of the data
  std::vector<float> values;  // by leaf
  std::vector<float> covers;  // by leaf: training weight
};

struct BoostedModel {
  tree::Bins bins;
  model::Task task = model::Task::binary;
  Loss loss;
  std::vector<float> base;                // margins before the first tree
  std::vector<BoostedTree> trees;         // round by round, within a round output by output
  std::vector<double> validation_losses;  // after each round, with early stopping; else empty
  int early_stopping_rounds = 0;

  std::size_t rounds() const { return trees.size() / base.size(); }
  // The rounds that a fit of n_estimators rounds keeps: all there are up to that, or with early stopping the best of
  // those before it would have stopped.
  std::size_t rounds_kept(std::size_t n_estimators) const;
};

// Operators of the first `rounds` rounds: a sum of trees over the base, then the link.
Fragment fragment_of(const BoostedModel& model, std::size_t rounds);

// Scores of several stages in one pass over the trees; bit-identical to predict(fragment_of(model, rounds[k])).
Result<std::vector<model::Block>> staged_scores(const BoostedModel& model, std::span<const std::size_t> rounds,
                                                const model::Block& features, const Threads& threads);

}  // namespace slipway::learners::boosting
