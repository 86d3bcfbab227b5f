// Fitted scales of one column: what `scale` learns from training values.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

#include "statistics.hpp"

namespace slipway::features {

// y = (x - centre) / width.
struct LinearScale {
  double centre = 0;
  double width = 1;
};
// standard, robust, min_max or max_abs, as scikit-learn's StandardScaler, RobustScaler, MinMaxScaler, MaxAbsScaler: a
// width of 0 becomes 1. No finite value: the identity.
LinearScale fit_linear_scale(std::string_view scale, std::span<const float> values);
bool is_linear_scale(std::string_view scale);

// Points of a Piecewise operator.
struct Points {
  std::vector<float> at, y;
};
// As scikit-learn's QuantileTransformer without subsampling: up to 1,000 quantiles; between them linear, at a value
// that several quantiles share the middle of their shares; 0 at the smallest, 1 at the largest. With `normal` the
// shares become normal deviates within +-5.2, and the curve between two quantiles is followed to within 1e-4. No finite
// value: the identity around 0 is not defined, so everything becomes 0.
Points fit_quantile_scale(std::span<const float> values, bool normal);

// The share below a normal deviate's inverse: Acklam's approximation refined by one step of Halley's method (absolute
// error below 1e-12 for shares from 1e-7 to 1 - 1e-7).
double normal_deviate(double share);

// Power transforms: the exponent that makes the training values most likely to be normal (Yeo and Johnson 2000; Box and
// Cox 1964). Box-Cox needs positive values: an error otherwise. A constant column has exponent 1.
Result<double> fit_power(std::string_view scale, std::span<const float> values);
// The transform as a formula over the column `name` (quoted where needed). Box-Cox takes values below the smallest
// training value as that value.
std::string power_formula(std::string_view scale, double exponent, double smallest, std::string_view name);

// "name" in double quotes, for formulas.
std::string quoted_name(std::string_view name);

}  // namespace slipway::features
