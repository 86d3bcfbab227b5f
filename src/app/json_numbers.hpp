// Numbers for JSON, which knows neither NaN nor infinity: those become null.
#pragma once
#include <cmath>
#include <vector>

#include <nlohmann/json.hpp>

namespace slipway::app {

inline nlohmann::json finite(double number) {
  return std::isfinite(number) ? nlohmann::json(number) : nlohmann::json(nullptr);
}
inline nlohmann::json finite(const std::vector<double>& numbers) {
  nlohmann::json list = nlohmann::json::array();
  for (double number : numbers) list.push_back(finite(number));
  return list;
}

}  // namespace slipway::app
