// Statistics of one column of training values, in double precision.
#pragma once
#include <span>
#include <vector>

namespace slipway::features {

// The finite values, ascending.
std::vector<double> sorted_values(std::span<const float> values);

// The value at `share` (0 to 1) of ascending values, interpolated between the two nearest (NumPy's method "linear").
// `sorted` is not empty.
double quantile(std::span<const double> sorted, double share);

// The value that occurs most often, the smallest one on ties. `sorted` is not empty.
double most_frequent(std::span<const double> sorted);

struct Moments {
  double mean = 0;
  double variance = 0;   // of the population
  bool constant = true;  // the variance is no more than rounding can make of equal values
};
// Of the finite values; {0, 0, true} if there is none.
Moments moments(std::span<const float> values);

// The double as the nearest finite float.
float to_float(double value);

}  // namespace slipway::features
