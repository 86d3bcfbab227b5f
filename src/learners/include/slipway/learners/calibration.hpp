// Probabilities that mean what they say: any classifier, calibrated on rows of its own.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners {

// `base` followed by a calibrator: the same name, `base`'s options, and
//   calibration           platt: sigmoid(a f + b), a and b by maximum likelihood with targets moved towards 1/2
//                         (Platt 1999; Lin, Lin and Weng 2007); isotonic: the best non-decreasing function of f (pool
//                         adjacent violators), interpolated between its points and flat outside;
//   calibration_folds     f of each training row comes from a fit without its fold; the model that is kept is fitted on
//                         all rows (scikit-learn's CalibratedClassifierCV with ensemble=False);
//   calibration_fraction  instead: the calibrator is fitted on this share of the rows, the classifier on the others.
// f is the margin where the classifier has one (boosting, logistic regression), else the probability. Several classes:
// each against the rest, then divided by their sum; equal shares where all are 0. Where `base` nests, so does this, as
// exactly. Regression is an error. With too few rows to hold any back the classifier stays as it is, with a note.
Learner calibrated(const Learner& base);

// What `calibrate:` says, as settings of `calibrated`: `platt`, or {method: isotonic, folds: 5} or {method: platt,
// fraction: 0.2}. Errors name the place.
Result<Settings> calibration_settings(const params::Value& value);

// How `calibrate:` is documented.
std::vector<params::Description> calibration_descriptions();

}  // namespace slipway::learners
