#include "linear/solver.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <deque>

namespace slipway::learners::linear {
namespace {

using Vector = std::vector<double>;

double largest(const Vector& values) {
  double most = 0;
  for (double value : values) most = std::max(most, std::abs(value));
  return most;
}

double product(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double soft_threshold(double x, double limit) { return x > limit ? x - limit : x < -limit ? x + limit : 0.0; }

// Step that minimises the quadratic model without L1. A touch of ridge makes a singular Hessian (collinear columns,
// softmax) harmless: the gradient has no part where it acts.
Vector newton_step(const Evaluation& at) {
  const auto size = static_cast<Eigen::Index>(at.gradient.size());
  Eigen::MatrixXd hessian = Eigen::Map<const Eigen::MatrixXd>(at.hessian.data(), size, size);
  const double ridge = std::max(hessian.diagonal().maxCoeff() * 1e-10, 1e-300);
  hessian.diagonal().array() += ridge;
  const Eigen::VectorXd step = -hessian.ldlt().solve(Eigen::Map<const Eigen::VectorXd>(at.gradient.data(), size));
  return {step.data(), step.data() + size};
}

// The same with L1, by cyclic coordinate descent.
Vector penalised_step(const Problem& problem, const Evaluation& at, const Vector& w, double tol) {
  const std::size_t size = w.size();
  Vector u = w;
  Vector slope = at.gradient;  // of the model at u
  for (int sweep = 0; sweep < 2000; ++sweep) {
    double moved = 0;
    for (std::size_t j = 0; j < size; ++j) {
      const double* row = at.hessian.data() + j * size;
      const double curvature = row[j];
      if (!(curvature > 0)) continue;
      const double fresh = soft_threshold(curvature * u[j] - slope[j], problem.l1_of(j)) / curvature;
      const double change = fresh - u[j];
      if (change == 0) continue;
      u[j] = fresh;
      for (std::size_t i = 0; i < size; ++i) slope[i] += row[i] * change;
      moved = std::max(moved, std::abs(change));
    }
    if (moved <= 0.1 * tol * std::max(1.0, largest(u))) break;
  }
  for (std::size_t j = 0; j < size; ++j) u[j] -= w[j];
  return u;
}

// The derivative of the whole function that points towards the steepest descent where |w| has none.
Vector pseudo_gradient(const Problem& problem, const Vector& gradient, const Vector& w) {
  Vector result = gradient;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double l1 = problem.l1_of(i);
    if (l1 == 0) continue;
    if (w[i] != 0) {
      result[i] += w[i] > 0 ? l1 : -l1;
    } else {
      result[i] = soft_threshold(gradient[i], l1);
    }
  }
  return result;
}

// Limited-memory BFGS: the last steps and changes of the gradient stand for the Hessian (Nocedal 1980).
class History {
 public:
  void add(Vector step, Vector change) {
    const double curvature = product(step, change);
    if (!(curvature > 1e-12 * product(change, change))) return;
    if (pairs_.size() == 10) pairs_.pop_front();
    pairs_.push_back({std::move(step), std::move(change), curvature});
  }
  Vector direction(const Vector& gradient) const {
    Vector d = gradient;
    Vector alpha(pairs_.size());
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      const Pair& pair = pairs_[k];
      alpha[k] = product(pair.step, d) / pair.curvature;
      for (std::size_t i = 0; i < d.size(); ++i) d[i] -= alpha[k] * pair.change[i];
    }
    if (!pairs_.empty()) {
      const double scale = pairs_.back().curvature / product(pairs_.back().change, pairs_.back().change);
      for (double& one : d) one *= scale;
    }
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const Pair& pair = pairs_[k];
      const double beta = product(pair.change, d) / pair.curvature;
      for (std::size_t i = 0; i < d.size(); ++i) d[i] += (alpha[k] - beta) * pair.step[i];
    }
    for (double& one : d) one = -one;
    return d;
  }
  bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }

 private:
  struct Pair {
    Vector step, change;
    double curvature;
  };
  std::deque<Pair> pairs_;
};

}  // namespace

Solution minimise_by_newton(const Problem& problem, std::vector<double> start, const SolverSettings& settings,
                            const Threads& threads, const Progress& progress) {
  Solution solution;
  solution.w = std::move(start);
  Vector& w = solution.w;
  const bool l1 = problem.has_l1();
  const bool constant_hessian = problem.family == Family::gaussian;
  Evaluation at = evaluate(problem, w, true, threads);
  double value = at.value + l1_penalty(problem, w);
  while (solution.iterations < settings.max_iter && !solution.converged && !progress.cancelled()) {
    ++solution.iterations;
    const Vector step = l1 ? penalised_step(problem, at, w, settings.tol) : newton_step(at);
    const double size = largest(step);
    if (!std::isfinite(size)) break;
    // What the linear part promises; the step is shortened until a share of that is kept.
    const auto moved = [&](double share) {
      Vector to = w;
      for (std::size_t i = 0; i < to.size(); ++i) to[i] += share * step[i];
      return to;
    };
    const double promised = product(at.gradient, step) + l1_penalty(problem, moved(1)) - l1_penalty(problem, w);
    bool accepted = false;
    for (double share = 1; share > 1e-6 && !accepted; share /= 2) {
      Vector to = moved(share);
      Evaluation there = evaluate(problem, to, !constant_hessian, threads);
      const double fresh = there.value + l1_penalty(problem, to);
      // Close to the minimum, rounding is all that is left of the difference.
      if (!(fresh <= value + 1e-4 * share * promised + 1e-12 * std::abs(value))) continue;
      accepted = true;
      solution.converged = share * size <= settings.tol * std::max(1.0, largest(to));
      w = std::move(to);
      value = fresh;
      if (constant_hessian) there.hessian = std::move(at.hessian);
      at = std::move(there);
    }
    if (!accepted) {
      solution.converged = true;  // no step lowers the value any more
    }
  }
  return solution;
}

Solution minimise_by_lbfgs(const Problem& problem, std::vector<double> start, const SolverSettings& settings,
                           const Threads& threads, const Progress& progress) {
  Solution solution;
  solution.w = std::move(start);
  Vector& w = solution.w;
  History history;
  Evaluation at = evaluate(problem, w, false, threads);
  double value = at.value + l1_penalty(problem, w);
  const bool l1 = problem.has_l1();
  while (solution.iterations < settings.max_iter && !solution.converged && !progress.cancelled()) {
    ++solution.iterations;
    const Vector steepest = pseudo_gradient(problem, at.gradient, w);
    if (largest(steepest) == 0) {
      solution.converged = true;
      break;
    }
    Vector d = history.direction(steepest);
    if (l1)  // stay within the directions that descend
      for (std::size_t i = 0; i < d.size(); ++i)
        if (problem.l1_of(i) > 0 && d[i] * steepest[i] >= 0) d[i] = 0;
    if (!(product(d, steepest) < 0)) {
      if (history.empty()) break;
      history.clear();
      continue;
    }
    double share = history.empty() ? 1 / std::max(1.0, std::sqrt(product(steepest, steepest))) : 1.0;
    bool accepted = false;
    for (int tries = 0; tries < 40 && !accepted; ++tries, share /= 2) {
      Vector to = w;
      for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] += share * d[i];
        if (problem.l1_of(i) == 0) continue;
        const double side = w[i] != 0 ? w[i] : -steepest[i];
        if (to[i] * side <= 0) to[i] = 0;  // no coefficient changes its sign within a step
      }
      Evaluation there = evaluate(problem, to, false, threads);
      const double fresh = there.value + l1_penalty(problem, to);
      double promised = 0;
      for (std::size_t i = 0; i < w.size(); ++i) promised += steepest[i] * (to[i] - w[i]);
      if (!(fresh <= value + 1e-4 * promised)) continue;
      accepted = true;
      Vector step(w.size());
      Vector change(w.size());
      for (std::size_t i = 0; i < w.size(); ++i) {
        step[i] = to[i] - w[i];
        change[i] = there.gradient[i] - at.gradient[i];
      }
      solution.converged = largest(step) <= settings.tol * std::max(1.0, largest(to));
      history.add(std::move(step), std::move(change));
      w = std::move(to);
      value = fresh;
      at = std::move(there);
    }
    if (!accepted) {
      if (history.empty()) {
        solution.converged = true;
        break;
      }
      history.clear();
    }
  }
  return solution;
}

Solution minimise(const Problem& problem, std::vector<double> start, const SolverSettings& settings,
                  const Threads& threads, const Progress& progress) {
  return problem.size() <= most_for_newton ? minimise_by_newton(problem, std::move(start), settings, threads, progress)
                                           : minimise_by_lbfgs(problem, std::move(start), settings, threads, progress);
}

}  // namespace slipway::learners::linear
