#include <cmath>

#include <slipway/base/random.hpp>

namespace slipway {

double Random::normal() {
  while (true) {
    const double u = 2 * uniform() - 1;
    const double v = 2 * uniform() - 1;
    const double s = u * u + v * v;
    if (s > 0 && s < 1) return u * std::sqrt(-2 * std::log(s) / s);
  }
}

double Random::exponential() { return -std::log1p(-uniform()); }

std::uint64_t Random::poisson(double mean) {
  if (mean >= 30) {
    const double value = std::floor(mean + std::sqrt(mean) * normal() + 0.5);
    return value < 0 ? 0 : static_cast<std::uint64_t>(value);
  }
  const double limit = std::exp(-mean);
  double product = uniform();
  std::uint64_t count = 0;
  while (product > limit) {
    product *= uniform();
    ++count;
  }
  return count;
}

}  // namespace slipway
