#include "linear/problem.hpp"

#include <slipway/compute/dispatch.hpp>

namespace slipway::learners::linear {
namespace {

constexpr std::size_t block = 256;  // rows whose standardised values are at hand at a time
constexpr std::size_t lanes = 32;   // partial sums side by side

SLIPWAY_MULTIVERSION void standardise(const float* __restrict x, std::size_t rows, double mean, double scale,
                                      double* __restrict z) {
  for (std::size_t i = 0; i < rows; ++i) z[i] = (static_cast<double>(x[i]) - mean) * scale;
}

SLIPWAY_MULTIVERSION void add_scaled(const double* __restrict z, double factor, double* __restrict sum) {
  for (std::size_t i = 0; i < block; ++i) sum[i] += z[i] * factor;
}

SLIPWAY_MULTIVERSION void multiply(const double* __restrict a, const double* __restrict b, double* __restrict product) {
  for (std::size_t i = 0; i < block; ++i) product[i] = a[i] * b[i];
}

SLIPWAY_MULTIVERSION double dot(const double* __restrict a, const double* __restrict b) {
  double sums[lanes] = {};
  for (std::size_t i = 0; i < block; i += lanes)
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (std::size_t half = lanes / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  return sums[0];
}

// One block's work space: standardised columns (the last one is 1), padded with zeros.
struct Workspace {
  explicit Workspace(const Problem& problem)
      : z(problem.width() * block), margin(problem.outputs * block), first(problem.outputs * block), weighted(block) {}
  std::vector<double> z, margin, first, weighted;
};

class Accumulator {
 public:
  Accumulator(const Problem& problem, std::span<const double> w, bool with_hessian)
      : problem_(problem), w_(w), space_(problem) {
    result.gradient.assign(problem.size(), 0.0);
    if (with_hessian) result.hessian.assign(problem.size() * problem.size(), 0.0);
  }

  void add(std::size_t begin, std::size_t end) {
    const std::size_t width = problem_.width();
    const std::size_t count = end - begin;
    for (std::size_t j = 0; j + 1 < width; ++j) {
      double* z = column(j);
      standardise(problem_.features->column(j).data() + begin, count, problem_.scales[j].mean, problem_.scales[j].scale,
                  z);
      std::fill(z + count, z + block, 0.0);
    }
    std::fill_n(column(width - 1), count, problem_.intercept ? 1.0 : 0.0);
    std::fill(column(width - 1) + count, column(width - 1) + block, 0.0);
    for (std::size_t k = 0; k < problem_.outputs; ++k) {
      std::fill_n(margin(k), block, 0.0);
      for (std::size_t j = 0; j < width; ++j) add_scaled(column(j), w_[k * width + j], margin(k));
    }
    differentiate(begin, count);
    for (std::size_t k = 0; k < problem_.outputs; ++k)
      for (std::size_t j = 0; j < width; ++j) result.gradient[k * width + j] += dot(column(j), first(k));
    if (!result.hessian.empty()) add_hessian(begin, count);
  }

  Evaluation result;

 private:
  double* column(std::size_t j) { return space_.z.data() + j * block; }
  double* margin(std::size_t k) { return space_.margin.data() + k * block; }
  double* first(std::size_t k) { return space_.first.data() + k * block; }

  // Loss values, first derivatives, and for classes their probabilities in place of the margins.
  void differentiate(std::size_t begin, std::size_t count) {
    std::fill(space_.first.begin(), space_.first.end(), 0.0);
    for (std::size_t i = 0; i < count; ++i) {
      const double y = problem_.targets[begin + i];
      const double weight = problem_.weights[begin + i];
      const double s = margin(0)[i];
      switch (problem_.family) {
        case Family::gaussian:
          result.value += weight * (s - y) * (s - y) / 2;
          first(0)[i] = weight * (s - y);
          break;
        case Family::logistic: {
          const double e = std::exp(-std::abs(s));
          const double p = s >= 0 ? 1 / (1 + e) : e / (1 + e);
          result.value += weight * (std::max(s, 0.0) + std::log1p(e) - y * s);
          first(0)[i] = weight * (p - y);
          margin(0)[i] = p;
          break;
        }
        case Family::softmax: {
          const auto truth = static_cast<std::size_t>(y);
          double largest = s;
          for (std::size_t k = 1; k < problem_.outputs; ++k) largest = std::max(largest, margin(k)[i]);
          double sum = 0;
          for (std::size_t k = 0; k < problem_.outputs; ++k) sum += std::exp(margin(k)[i] - largest);
          result.value += weight * (largest + std::log(sum) - margin(truth)[i]);
          for (std::size_t k = 0; k < problem_.outputs; ++k) {
            const double p = std::exp(margin(k)[i] - largest) / sum;
            margin(k)[i] = p;
            first(k)[i] = weight * (p - (k == truth ? 1.0 : 0.0));
          }
          break;
        }
      }
    }
  }

  // Second derivative of a row's loss by margins k and l, times the row's weight, into space_.first (no longer needed).
  void add_hessian(std::size_t begin, std::size_t count) {
    const std::size_t width = problem_.width();
    const std::size_t size = problem_.size();
    double* second = space_.first.data();
    for (std::size_t k = 0; k < problem_.outputs; ++k) {
      for (std::size_t l = 0; l <= k; ++l) {
        std::fill_n(second, block, 0.0);
        for (std::size_t i = 0; i < count; ++i) {
          const double weight = problem_.weights[begin + i];
          const double p = margin(k)[i];
          second[i] = problem_.family == Family::gaussian ? weight
                      : k == l                            ? weight * p * (1 - p)
                                                          : -weight * p * margin(l)[i];
        }
        for (std::size_t a = 0; a < width; ++a) {
          multiply(column(a), second, space_.weighted.data());
          const std::size_t last = k == l ? a + 1 : width;
          double* row = result.hessian.data() + (k * width + a) * size + l * width;
          for (std::size_t b = 0; b < last; ++b) row[b] += dot(space_.weighted.data(), column(b));
        }
      }
    }
  }

  const Problem& problem_;
  std::span<const double> w_;
  Workspace space_;
};

}  // namespace

bool Problem::has_l1() const {
  return std::any_of(l1.begin(), l1.end(), [](double penalty) { return penalty > 0; });
}
double Problem::l1_of(std::size_t coefficient) const {
  const std::size_t column = coefficient % width();
  return column + 1 == width() ? 0.0 : l1[column];
}
double Problem::l2_of(std::size_t coefficient) const {
  const std::size_t column = coefficient % width();
  return column + 1 == width() ? 0.0 : l2[column];
}

std::vector<ColumnScale> column_scales(const model::Block& features, std::span<const float> weights, bool centred,
                                       const Threads& threads) {
  std::vector<ColumnScale> scales(features.width);
  threads.for_each(features.width, [&](std::size_t j) {
    const std::span<const float> x = features.column(j);
    const auto weight = [&](std::size_t row) { return weights.empty() ? 1.0 : static_cast<double>(weights[row]); };
    double sum = 0;
    double all = 0;
    for (std::size_t row = 0; row < x.size(); ++row) {
      sum += weight(row) * x[row];
      all += weight(row);
    }
    const double mean = centred ? sum / all : 0.0;
    double squares = 0;
    for (std::size_t row = 0; row < x.size(); ++row) squares += weight(row) * (x[row] - mean) * (x[row] - mean);
    const double deviation = std::sqrt(squares / all);
    // What is constant but for rounding carries nothing.
    scales[j] = {mean, deviation > 1e-12 * std::abs(mean) && deviation > 1e-300 ? 1 / deviation : 0.0};
  });
  return scales;
}

std::size_t evaluation_chunks(std::size_t rows, std::size_t coefficients) {
  // As many as the memory for their sums allows.
  const std::size_t most = std::clamp<std::size_t>((std::size_t{1} << 23) / (coefficients * coefficients), 4, 64);
  return std::min(most, (rows + 4 * block - 1) / (4 * block));
}

std::size_t evaluation_bytes(std::size_t rows, std::size_t columns, std::size_t outputs, bool with_hessian,
                             std::size_t threads) {
  const std::size_t coefficients = outputs * (columns + 1);
  const std::size_t chunks = evaluation_chunks(rows, coefficients);
  const std::size_t sums = coefficients * (with_hessian ? coefficients + 1 : 1);
  const std::size_t workspace = (columns + 1 + 2 * outputs + 1) * block;
  return sizeof(double) * ((chunks + 2) * sums + std::min(threads, chunks) * workspace);
}

Evaluation evaluate(const Problem& problem, std::span<const double> w, bool with_hessian, const Threads& threads) {
  const std::size_t rows = problem.features->rows;
  const std::size_t size = problem.size();
  const std::size_t chunks = evaluation_chunks(rows, size);
  std::vector<Evaluation> parts(chunks);
  threads.for_each(chunks, [&](std::size_t chunk) {
    Accumulator accumulator(problem, w, with_hessian);
    const std::size_t end = (chunk + 1) * rows / chunks;
    for (std::size_t begin = chunk * rows / chunks; begin < end; begin += block)
      accumulator.add(begin, std::min(end, begin + block));
    parts[chunk] = std::move(accumulator.result);
  });
  Evaluation all = std::move(parts[0]);
  for (std::size_t chunk = 1; chunk < chunks; ++chunk) {
    all.value += parts[chunk].value;
    for (std::size_t i = 0; i < size; ++i) all.gradient[i] += parts[chunk].gradient[i];
    for (std::size_t i = 0; i < all.hessian.size(); ++i) all.hessian[i] += parts[chunk].hessian[i];
  }
  if (with_hessian)
    for (std::size_t a = 0; a < size; ++a)
      for (std::size_t b = 0; b < a; ++b) all.hessian[b * size + a] = all.hessian[a * size + b];
  for (std::size_t i = 0; i < size; ++i) {
    const double l2 = problem.l2_of(i);
    all.value += l2 * w[i] * w[i] / 2;
    all.gradient[i] += l2 * w[i];
    if (with_hessian) all.hessian[i * size + i] += l2;
  }
  return all;
}

double l1_penalty(const Problem& problem, std::span<const double> w) {
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) sum += problem.l1_of(i) * std::abs(w[i]);
  return sum;
}

}  // namespace slipway::learners::linear
