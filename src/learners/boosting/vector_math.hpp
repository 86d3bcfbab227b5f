// Elementary functions of basic arithmetic only, without branches: loops over them are vectorised, and they give the
// same bits on every machine.
#pragma once
#include <bit>
#include <cstdint>

namespace slipway::learners::boosting {

// e^x for x in [-87, 87] (clamped to that), relative error below 3e-7. Reduction to |r| <= log(2) / 2 and a polynomial
// of degree 7 (Cephes, expf).
inline float exponential(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 87.0F ? 87.0F : x;
  constexpr float round_bias = 12582912.0F;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const float biased = x * 1.44269504F + round_bias;
  const float k = biased - round_bias;
  float r = x - k * 0.693359375F;
  r = r - k * -2.12194440e-4F;
  float y = 1.9875691500e-4F;
  y = y * r + 1.3981999507e-3F;
  y = y * r + 8.3334519073e-3F;
  y = y * r + 4.1665795894e-2F;
  y = y * r + 1.6666665459e-1F;
  y = y * r + 5.0000001201e-1F;
  y = y * (r * r) + r + 1.0F;
  const std::int32_t power = std::bit_cast<std::int32_t>(biased) - std::bit_cast<std::int32_t>(round_bias);
  return y * std::bit_cast<float>((power + 127) << 23);
}

// A hash of an index as a number in [0, 1).
inline float hashed_uniform(std::uint32_t index, std::uint32_t key) {
  std::uint32_t x = index * 0x9e3779b1U + key;
  x ^= x >> 15;
  x *= 0x846ca68bU;
  x ^= x >> 16;
  x *= 0x2c1b3c6dU;
  x ^= x >> 15;
  return static_cast<float>(static_cast<std::int32_t>(x >> 8)) * 0x1.0p-24F;
}

}  // namespace slipway::learners::boosting
