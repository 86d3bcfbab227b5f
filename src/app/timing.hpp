// Seconds per step of a command, shown as progress and given in its document.
#pragma once
#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

#include "console.hpp"

namespace slipway::app {

class Timing {
 public:
  explicit Timing(Console& console) : console_(console) {}
  // Ends the step before and begins one.
  void begin(const std::string& step, std::size_t total = 0) {
    end();
    step_ = step;
    start_ = Clock::now();
    console_.begin(step, total);
  }
  void end() {
    if (step_.empty()) return;
    console_.end();
    seconds_[step_] = std::chrono::duration<double>(Clock::now() - start_).count();
    step_.clear();
  }
  const nlohmann::json& seconds() const { return seconds_; }

 private:
  using Clock = std::chrono::steady_clock;
  Console& console_;
  std::string step_;
  Clock::time_point start_;
  nlohmann::json seconds_ = nlohmann::json::object();
};

}  // namespace slipway::app
