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

// The share of training values below x, as scikit-learn sees it: linear between quantiles, and at a value that several
// quantiles share the middle of their shares.
class Shares {
 public:
  Shares(std::span<const double> sorted, std::size_t count) : at_(count), share_(count, 0) {
    for (std::size_t i = 0; i < count; ++i) {
      if (count > 1) share_[i] = static_cast<double>(i) / static_cast<double>(count - 1);
      at_[i] = quantile(sorted, share_[i]);
      if (i > 0) at_[i] = std::max(at_[i], at_[i - 1]);
    }
  }
  const std::vector<double>& quantiles() const { return at_; }
  double operator()(double x) const {
    if (x <= at_.front()) return 0;
    if (x >= at_.back()) return 1;
    const auto above = static_cast<std::size_t>(std::upper_bound(at_.begin(), at_.end(), x) - at_.begin());
    const auto first = static_cast<std::size_t>(std::lower_bound(at_.begin(), at_.end(), x) - at_.begin());
    if (first < above) return (share_[first] + share_[above - 1]) / 2;
    return share_[above - 1] +
           (x - at_[above - 1]) / (at_[above] - at_[above - 1]) * (share_[above] - share_[above - 1]);
  }

 private:
  std::vector<double> at_, share_;
};

using Curve = std::function<double(float)>;

// Adds points strictly between two floats, dense enough that straight lines follow the curve.
void follow_curve(Points& points, float x0, float x1, const Curve& curve, int depth) {
  if (depth == 0 || !(std::nextafter(x0, x1) < x1)) return;
  const double y0 = curve(x0), y1 = curve(x1);
  // Steep sides bend most off the middle, so the quarters are looked at too.
  double off = 0;
  for (const float t : {0.25F, 0.5F, 0.75F}) {
    const float x = x0 + t * (x1 - x0);
    const double line = y0 + (y1 - y0) * (double{x} - double{x0}) / (double{x1} - double{x0});
    off = std::max(off, std::fabs(curve(x) - line));
  }
  const float middle = x0 + (x1 - x0) / 2;
  if (off < closeness || !(x0 < middle && middle < x1)) return;
  follow_curve(points, x0, middle, curve, depth - 1);
  points.at.push_back(middle);
  points.y.push_back(to_float(curve(middle)));
  follow_curve(points, middle, x1, curve, depth - 1);
}

}  // namespace

Points fit_quantile_scale(std::span<const float> values, bool normal) {
  const std::vector<double> sorted = sorted_values(values);
  if (sorted.empty()) return {{0}, {0}};
  const Shares shares(sorted, std::min(most_quantiles, values.size()));
  // scikit-learn clips at the deviates of 1e-7 either side.
  const double bound = -normal_deviate(1e-7);
  const Curve curve = [&](float x) {
    const double share = shares(x);
    if (!normal) return share;
    return share <= 0 ? -bound : share >= 1 ? bound : std::clamp(normal_deviate(share), -bound, bound);
  };
  // The floats at and around every quantile: a value that several quantiles share is a jump, whose sides lie at its
  // neighbours, and a quantile that is no float is a bend between two.
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> floats;
  for (const double at : shares.quantiles()) {
    const auto x = static_cast<float>(at);
    for (const float near : {std::nextafter(x, -infinity), x, std::nextafter(x, infinity)}) floats.push_back(near);
  }
  std::sort(floats.begin(), floats.end());
  floats.erase(std::unique(floats.begin(), floats.end()), floats.end());
  std::erase_if(floats, [](float x) { return !std::isfinite(x); });
  // A neighbour that lies on the straight line between those beside it says nothing.
  Points points;
  for (std::size_t i = 0; i < floats.size(); ++i) {
    const float x = floats[i];
    const double y = curve(x);
    if (!points.at.empty() && i + 1 < floats.size()) {
      const double before = points.at.back(), after = floats[i + 1];
      const double line = points.y.back() + (curve(floats[i + 1]) - points.y.back()) * (x - before) / (after - before);
      if (std::fabs(line - y) < 1e-9) continue;
    }
    if (normal && !points.at.empty()) follow_curve(points, points.at.back(), x, curve, most_halvings);
    points.at.push_back(x);
    points.y.push_back(to_float(y));
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
