// Gradient-boosted trees (Friedman 2001; second order as in XGBoost, Chen and Guestrin 2016).
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners::boosting {

// "gradient_boosting". Binary: log loss; several classes: softmax; regression: squared, absolute, quantile or Poisson
// loss. The model is a sum of trees over a constant margin, then a link. Missing values are split natively.
// n_estimators nests: a fit of many rounds contains those of fewer, early stopping included.
Learner gradient_boosting();

}  // namespace slipway::learners::boosting
