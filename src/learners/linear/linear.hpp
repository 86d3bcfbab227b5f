// Generalised linear models: logistic and linear regression with L1, L2 or both penalties.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners::linear {

// "logistic_regression": two classes (sigmoid) or more (softmax). Minimises, over coefficients w without the intercept,
//   C * sum of weight * log loss + penalty,   penalty = |w|^2 / 2 (l2), |w|_1 (l1),
//   l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2 (elastic_net), 0 (none): scikit-learn's C and l1_ratio.
// "linear_regression": sums over rows of weight * (y - prediction)^2, and alpha as in scikit-learn's
//   none: LinearRegression; l2: Ridge, sum + alpha |w|^2; l1: Lasso, sum / (2 total weight) + alpha |w|_1;
//   elastic_net: ElasticNet, sum / (2 total weight) + alpha (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2).
//
// With `standardise` (the default) the penalty is on the coefficients of standardised features, as with a
// StandardScaler in front; without, on those of the features as they are. The model is one Dense operator on the
// features as they are, and a link. Among equally good coefficients those nearest to 0 are found. Missing values are an
// error: features impute them.
//
// C and alpha nest: one fit gives a whole regularisation path, each point exactly as if fitted alone.
Learner logistic_regression();
Learner linear_regression();

}  // namespace slipway::learners::linear
