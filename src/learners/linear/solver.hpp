// Minimises a Problem.
#pragma once
#include <vector>

#include <slipway/base/progress.hpp>

#include "linear/problem.hpp"

namespace slipway::learners::linear {

struct SolverSettings {
  int max_iter = 1000;
  double tol = 1e-8;  // stop when no coefficient moves by more than this share of the largest (or of 1)
};

struct Solution {
  std::vector<double> w;
  int iterations = 0;
  bool converged = false;
};

// Coefficients up to which the Hessian is made and solved.
inline constexpr std::size_t most_for_newton = 512;

// Newton's method while the Hessian is small (up to most_for_newton coefficients), with coordinate descent on the
// quadratic model where there is an L1 penalty (Friedman, Hastie and Tibshirani 2010); L-BFGS beyond, in its
// orthant-wise form for L1 (Andrew and Gao 2007). Starts at `start`. Deterministic for any number of threads. Stops
// where it is once `progress` is cancelled.
Solution minimise(const Problem& problem, std::vector<double> start, const SolverSettings& settings,
                  const Threads& threads, const Progress& progress = silent_progress());

// The two ways, for tests.
Solution minimise_by_newton(const Problem& problem, std::vector<double> start, const SolverSettings& settings,
                            const Threads& threads, const Progress& progress = silent_progress());
Solution minimise_by_lbfgs(const Problem& problem, std::vector<double> start, const SolverSettings& settings,
                           const Threads& threads, const Progress& progress = silent_progress());

}  // namespace slipway::learners::linear
