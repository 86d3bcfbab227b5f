// The function that a linear model minimises, with its derivatives, over standardised features in double precision.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::learners::linear {

enum class Family : std::uint8_t { gaussian, logistic, softmax };

// How a column becomes a standardised one: (x - mean) * scale. A constant column has scale 0.
struct ColumnScale {
  double mean = 0;
  double scale = 1;
};
// By column, from weighted moments (empty weights = all 1): to mean 0 and deviation 1, or, if not centred, to a mean
// square of 1. Sums run in a fixed order.
std::vector<ColumnScale> column_scales(const model::Block& features, std::span<const float> weights, bool centred,
                                       const Threads& threads);

// F(w) = sum over rows of weight * loss(margins, target) + sum of l1 |w| + l2 w^2 / 2, where margin k is the product of
// the standardised row, followed by a 1, with w[k * width .. (k + 1) * width).
struct Problem {
  Family family = Family::gaussian;
  std::size_t outputs = 1;
  const model::Block* features = nullptr;
  std::vector<ColumnScale> scales;
  std::vector<double> targets;  // number, 0 or 1, or class index
  std::vector<double> weights;  // of the rows
  bool intercept = true;        // else the last coefficient of each output stays 0
  std::vector<double> l1, l2;   // by column of the features; the intercept is free

  std::size_t width() const { return features->width + 1; }  // coefficients per output
  std::size_t size() const { return outputs * width(); }
  bool has_l1() const;
  double l1_of(std::size_t coefficient) const;
  double l2_of(std::size_t coefficient) const;
};

// Of the smooth part: everything but l1.
struct Evaluation {
  double value = 0;
  std::vector<double> gradient;
  std::vector<double> hessian;  // size x size, symmetric, whole; empty if not asked for
};
// Sums run in a fixed order, whatever the threads: by chunks of rows, whose number depends on the data only.
std::size_t evaluation_chunks(std::size_t rows, std::size_t coefficients);
// Bytes that evaluations, the two of them that a solver compares included, take on so many threads.
std::size_t evaluation_bytes(std::size_t rows, std::size_t columns, std::size_t outputs, bool with_hessian,
                             std::size_t threads);
Evaluation evaluate(const Problem& problem, std::span<const double> w, bool with_hessian, const Threads& threads);

// The l1 part at w.
double l1_penalty(const Problem& problem, std::span<const double> w);

}  // namespace slipway::learners::linear
