// How long work tells whoever waits: rooms report to a Progress, only app/ shows it.
#pragma once
#include <cstddef>
#include <string_view>

namespace slipway {

// Receives progress; called from any thread, one call at a time is NOT guaranteed: implementations lock.
class Progress {
 public:
  virtual ~Progress() = default;
  // A stage begins; `total` steps are expected (0 = unknown).
  virtual void begin(std::string_view stage, std::size_t total) = 0;
  virtual void advance(std::size_t steps) = 0;
  // One line worth reading: a decision taken, a column set aside, a best score so far.
  virtual void note(std::string_view line) = 0;
  virtual void end() = 0;
};

// Swallows everything; for callers that do not care.
Progress& silent_progress();

}  // namespace slipway
