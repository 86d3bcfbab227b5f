// Learners made of learners. What each yields is one fragment: the members' operators, and operators that join them.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners::ensemble {

// All take members as `random_forest` or `{random_forest: {n_estimators: 100}}`; a member's option may be set from
// outside as `random_forest.n_estimators`, a second member of the same learner being `random_forest_2`. The member
// `linear` is logistic regression for classes and linear regression for numbers. Any classifier among them may have
// `calibrate: platt` (calibration.hpp). Each member has a seed of its own. Memory: that of one member's fit (bagging:
// one per thread), a copy of the rows it learns from, and the fragments.

// "bagging": the mean of one learner's fits on samples of the rows, and if wanted of the columns (Breiman 1996). Rows
// drawn k times count k times as much.
Learner bagging();
// "voting": the weighted mean of the members' probabilities or predictions.
Learner voting();
// "stacking": a final learner over the members' probabilities (of two classes the second's) or predictions. It is
// fitted on predictions for rows that the predicting member was not fitted on, by cross-validation; the members
// themselves on all rows (Wolpert 1992). A table too small for folds gives the members' mean.
Learner stacking();

}  // namespace slipway::learners::ensemble
