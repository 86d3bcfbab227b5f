#include <algorithm>

#include <slipway/base/partial_progress.hpp>

namespace slipway {

void PartialProgress::begin(std::string_view, std::size_t total) {
  const std::lock_guard lock(mutex_);
  total_ = total;
  done_ = 0;
}

void PartialProgress::advance(std::size_t steps) {
  const std::lock_guard lock(mutex_);
  done_ += steps;
  if (total_ == 0) return;
  const std::size_t reached = std::min(units, done_ * units / total_);
  if (reached <= reported_) return;
  whole_.advance(reached - reported_);
  reported_ = reached;
}

}  // namespace slipway
