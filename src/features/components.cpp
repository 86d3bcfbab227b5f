#include "components.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace slipway::features {

Result<Components> fit_components(const model::Block& block, double wanted, bool whiten) {
  const std::size_t rows = block.rows, width = block.width;
  const std::size_t most = std::min(rows, width);
  if (wanted >= 1 && wanted > static_cast<double>(most))
    return invalid_input(fmt::format("{} components of {} columns and {} rows", wanted, width, rows));
  Components found;
  found.mean.resize(width);
  for (std::size_t c = 0; c < width; ++c) {
    double sum = 0;
    for (const float value : block.column(c)) {
      if (!std::isfinite(value)) return invalid_input("a value is missing or infinite; set impute");
      sum += value;
    }
    found.mean[c] = sum / static_cast<double>(rows);
  }
  const auto size = static_cast<Eigen::Index>(width);
  Eigen::MatrixXd covariance(size, size);
  for (std::size_t i = 0; i < width; ++i)
    for (std::size_t j = i; j < width; ++j) {
      const auto x = block.column(i), y = block.column(j);
      double sum = 0;
      for (std::size_t r = 0; r < rows; ++r) sum += (x[r] - found.mean[i]) * (y[r] - found.mean[j]);
      const double value = rows > 1 ? sum / static_cast<double>(rows - 1) : 0;
      covariance(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = value;
      covariance(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i)) = value;
    }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  if (solver.info() != Eigen::Success) return invalid_input("the covariance matrix has no decomposition");
  double total = 0;
  for (Eigen::Index i = 0; i < size; ++i) total += std::max(0.0, solver.eigenvalues()[i]);
  std::size_t count = static_cast<std::size_t>(wanted);
  if (wanted < 1) {
    double together = 0;
    for (count = 0; count < most && !(together > wanted * total);)
      together += std::max(0.0, solver.eigenvalues()[size - 1 - static_cast<Eigen::Index>(count++)]);
    count = std::max<std::size_t>(count, 1);
  }
  found.count = count;
  found.weights.resize(width * count);
  for (std::size_t k = 0; k < count; ++k) {
    const Eigen::Index at = size - 1 - static_cast<Eigen::Index>(k);
    const double variance = std::max(0.0, solver.eigenvalues()[at]);
    found.shares.push_back(total > 0 ? variance / total : 0);
    const auto vector = solver.eigenvectors().col(at);
    Eigen::Index largest = 0;
    for (Eigen::Index i = 1; i < size; ++i)
      if (std::fabs(vector[i]) > std::fabs(vector[largest]) * (1 + 1e-9)) largest = i;
    double factor = vector[largest] < 0 ? -1 : 1;
    if (whiten && variance > 0) factor /= std::sqrt(variance);
    for (std::size_t i = 0; i < width; ++i)
      found.weights[i * count + k] = factor * vector[static_cast<Eigen::Index>(i)];
  }
  return found;
}

}  // namespace slipway::features
