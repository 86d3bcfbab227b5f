// Why a model errs: too simple, too flexible for its rows, or at the noise of the data; and what to try.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/result.hpp>
#include <slipway/evaluate/intervals.hpp>
#include <slipway/metrics/metrics.hpp>

namespace slipway::evaluate {

// The squared error of models fitted on resamples of the training rows, over rows that none of them saw (Geman and
// others 1992): error = bias and noise + variance. Of a class it is that of the probability (several classes: summed
// over the classes).
struct ErrorDecomposition {
  std::size_t models = 0;
  double error = 0;           // mean over models and rows
  double variance = 0;        // mean over rows of the (unbiased) variance between models
  double bias_and_noise = 0;  // error - variance
  // Classes: the noise that the mean prediction itself claims, the mean of the sum of p (1 - p); true if it is
  // calibrated. The rest of bias_and_noise is squared bias.
  std::optional<double> noise;
  std::optional<double> bias;
  // Classes: mean share of models whose label is not the most frequent one.
  std::optional<double> disagreement;
};
// predictions[m] are the scores of model m as in metrics::ScoreTable, all for the rows of `truth`, whose own scores are
// not read. At least two models.
Result<ErrorDecomposition> decompose_error(const metrics::Outcome& truth,
                                           std::span<const std::vector<float>> predictions);

// One point of a learning curve.
struct LearningPoint {
  double rows = 0;
  double train = 0;       // the metric on the rows it was fitted on
  double validation = 0;  // and on rows it was not
};

// What the verdict is drawn from: one metric on several rows, and of simpler models.
struct FitEvidence {
  std::string metric;
  bool higher_is_better = true;
  double ideal = 1;  // the metric's best value: 1, or 0 for losses
  std::optional<double> train, validation, test;
  double validation_error = 0;  // standard error of `validation` over the folds
  std::optional<Interval> test_interval;
  std::optional<double> dummy, linear;  // on the test rows
  std::vector<LearningPoint> curve;     // ascending in rows
};
struct FitVerdict {
  // no_signal, suspicious (too good), underfits, overfits, noise_limited, fits, undefined
  std::string verdict;
  std::string text;                 // one sentence
  std::vector<std::string> advice;  // what to try, best first
};
// Everything is judged as skill: 0 is the constant prediction, 1 the ideal.
FitVerdict judge_fit(const FitEvidence& evidence);

nlohmann::json to_json(const ErrorDecomposition& decomposition);
nlohmann::json to_json(const FitVerdict& verdict);

}  // namespace slipway::evaluate
