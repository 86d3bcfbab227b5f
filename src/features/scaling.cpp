#include "scaling.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include <fmt/format.h>

namespace slipway::features {

bool is_linear_scale(std::string_view scale) {
  return scale == "standard" || scale == "robust" || scale == "min_max" || scale == "max_abs";
}

LinearScale fit_linear_scale(std::string_view scale, std::span<const float> values) {
  LinearScale fitted;
  if (scale == "standard") {
    const Moments found = moments(values);
    fitted.centre = found.mean;
    fitted.width = found.constant ? 1 : std::sqrt(found.variance);
    return fitted;
  }
  const std::vector<double> sorted = sorted_values(values);
  if (sorted.empty()) return fitted;
  if (scale == "robust") {
    fitted.centre = quantile(sorted, 0.5);
    fitted.width = quantile(sorted, 0.75) - quantile(sorted, 0.25);
  } else if (scale == "min_max") {
    fitted.centre = sorted.front();
    fitted.width = sorted.back() - sorted.front();
  } else {
    fitted.width = std::max(std::fabs(sorted.front()), std::fabs(sorted.back()));
  }
  // Rounding in float32 could not tell narrower ranges from none.
  if (fitted.width < 10 * std::numeric_limits<double>::epsilon()) fitted.width = 1;
  return fitted;
}

double normal_deviate(double share) {
  // Source of the coefficients: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution
  // function" (2003).
  static constexpr double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                                 1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  static constexpr double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                                 6.680131188771972e+01, -1.328068155288572e+01};
  static constexpr double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                                 -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
  static constexpr double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                                 3.754408661907416e+00};
  const auto tail = [](double q) {
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
           ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
  };
  constexpr double low = 0.02425;
  double x = 0;
  if (share < low) {
    x = tail(std::sqrt(-2 * std::log(share)));
  } else if (share > 1 - low) {
    x = -tail(std::sqrt(-2 * std::log1p(-share)));
  } else {
    const double q = share - 0.5, r = q * q;
    x = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
        (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
  }
  const double error = 0.5 * std::erfc(-x / std::sqrt(2.0)) - share;
  const double step = error * std::sqrt(2 * M_PI) * std::exp(x * x / 2);
  return x - step / (1 + x * step / 2);
}

namespace {

constexpr std::size_t most_quantiles = 1000;
constexpr double closeness = 1e-4;  // of the followed normal curve
constexpr int most_halvings = 12;

// Points in ascending order; a point at or before the last one is left out.
void add_point(Points& points, float at, double y) {
  if (points.at.empty() || points.at.back() < at) {
    points.at.push_back(at);
    points.y.push_back(to_float(y));
  }
}

// Points strictly between (x0, u0) and (x1, u1), dense enough that straight lines follow the curve.
void follow_curve(Points& points, double x0, double u0, double x1, double u1,
                  const std::function<double(double)>& curve, int depth) {
  const double middle = (u0 + u1) / 2;
  const double y0 = curve(u0), y1 = curve(u1);
  // Steep sides bend most off the middle, so the quarters are looked at too.
  double off = 0;
  for (const double t : {0.25, 0.5, 0.75})
    off = std::max(off, std::fabs(curve(u0 + t * (u1 - u0)) - (y0 + t * (y1 - y0))));
  if (depth == 0 || off < closeness) return;
  const double x = (x0 + x1) / 2;
  follow_curve(points, x0, u0, x, middle, curve, depth - 1);
  add_point(points, static_cast<float>(x), curve(middle));
  follow_curve(points, x, middle, x1, u1, curve, depth - 1);
}

}  // namespace

Points fit_quantile_scale(std::span<const float> values, bool normal) {
  const std::vector<double> sorted = sorted_values(values);
  if (sorted.empty()) return {{0}, {0}};
  const std::size_t count = std::min(most_quantiles, values.size());
  std::vector<double> share(count, 0), at(count);
  for (std::size_t i = 0; i < count; ++i) {
    share[i] = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    at[i] = quantile(sorted, share[i]);
    if (i > 0) at[i] = std::max(at[i], at[i - 1]);
  }
  // scikit-learn clips at the deviates of 1e-7 either side.
  const double bound = -normal_deviate(1e-7);
  const std::function<double(double)> curve = [&](double u) {
    if (!normal) return u;
    return std::clamp(u <= 0 ? -bound : u >= 1 ? bound : normal_deviate(u), -bound, bound);
  };
  Points points;
  const float lowest = static_cast<float>(at.front()), highest = static_cast<float>(at.back());
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < count;) {
    std::size_t last = i;
    while (last + 1 < count && at[last + 1] == at[i]) ++last;
    const auto x = static_cast<float>(at[i]);
    const double middle = x == lowest ? 0 : x == highest ? 1 : (share[i] + share[last]) / 2;
    // A value that several quantiles share is a jump: its neighbours among the floats carry the two sides.
    if (last > i && x != lowest) add_point(points, std::nextafter(x, -infinity), curve(share[i]));
    add_point(points, x, curve(middle));
    if (last > i && x != highest) add_point(points, std::nextafter(x, infinity), curve(share[last]));
    if (normal && last + 1 < count)
      follow_curve(points, at[last], share[last], at[last + 1], share[last + 1], curve, most_halvings);
    i = last + 1;
  }
  return points;
}

namespace {

double yeo_johnson(double x, double exponent) {
  if (x >= 0) return exponent == 0 ? std::log1p(x) : std::expm1(exponent * std::log1p(x)) / exponent;
  const double rest = 2 - exponent;
  return rest == 0 ? -std::log1p(-x) : -std::expm1(rest * std::log1p(-x)) / rest;
}

double box_cox(double x, double exponent) {
  return exponent == 0 ? std::log(x) : std::expm1(exponent * std::log(x)) / exponent;
}

// How unlikely the transformed values are under the best normal distribution.
double unlikeliness(std::span<const double> values, double exponent, bool any_sign, double log_sum) {
  double sum = 0;
  for (const double x : values) sum += any_sign ? yeo_johnson(x, exponent) : box_cox(x, exponent);
  const auto n = static_cast<double>(values.size());
  const double mean = sum / n;
  double variance = 0;
  for (const double x : values) {
    const double off = (any_sign ? yeo_johnson(x, exponent) : box_cox(x, exponent)) - mean;
    variance += off * off;
  }
  variance /= n;
  if (!(variance > std::numeric_limits<double>::min()) || !std::isfinite(variance))
    return std::numeric_limits<double>::infinity();
  return n / 2 * std::log(variance) - (exponent - 1) * log_sum;
}

// The least of a function with one valley, by golden sections, from a bracket widened until its ends lie higher.
double least(const std::function<double(double)>& function) {
  double low = -2, middle = 0, high = 2;
  constexpr double farthest = 30;
  double at_middle = function(middle);
  while (low > -farthest && !(function(low) > at_middle)) {
    high = middle;
    middle = low;
    at_middle = function(middle);
    low = low - 2 * (high - low);
  }
  while (high < farthest && !(function(high) > at_middle)) {
    low = middle;
    middle = high;
    at_middle = function(middle);
    high = high + 2 * (high - low);
  }
  const double section = (std::sqrt(5.0) - 1) / 2;
  double a = high - section * (high - low), b = low + section * (high - low);
  double at_a = function(a), at_b = function(b);
  while (high - low > 1e-8) {
    if (at_a < at_b) {
      high = b;
      b = a;
      at_b = at_a;
      a = high - section * (high - low);
      at_a = function(a);
    } else {
      low = a;
      a = b;
      at_a = at_b;
      b = low + section * (high - low);
      at_b = function(b);
    }
  }
  return (low + high) / 2;
}

}  // namespace

Result<double> fit_power(std::string_view scale, std::span<const float> values) {
  const std::vector<double> sorted = sorted_values(values);
  const bool any_sign = scale == "yeo_johnson";
  if (!any_sign && !sorted.empty() && sorted.front() <= 0)
    return invalid_input(fmt::format(
        "scale: box_cox takes positive numbers only, the smallest is {}; yeo_johnson takes all", sorted.front()));
  if (sorted.empty() || sorted.front() == sorted.back()) return 1.0;
  double log_sum = 0;
  for (const double x : sorted) log_sum += any_sign ? std::copysign(std::log1p(std::fabs(x)), x) : std::log(x);
  return least([&](double exponent) { return unlikeliness(sorted, exponent, any_sign, log_sum); });
}

std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string power_formula(std::string_view scale, double exponent, double smallest, std::string_view name) {
  const auto number = [](double x) { return fmt::format("{}", static_cast<float>(x)); };
  const std::string x = quoted_name(name);
  const auto power_of = [&](const std::string& base, double e) {
    return std::fabs(e) < 1e-6 ? "ln(" + base + ")"
                               : fmt::format("(power({}, {}) - 1) / {}", base, number(e), number(e));
  };
  if (scale == "box_cox") return power_of(fmt::format("greatest({}, {})", x, number(smallest)), exponent);
  return fmt::format("CASE WHEN {} >= 0 THEN {} ELSE -({}) END", x, power_of("(1 + " + x + ")", exponent),
                     power_of("(1 - " + x + ")", 2 - exponent));
}

}  // namespace slipway::features
