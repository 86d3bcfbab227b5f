// How long work tells whoever waits: rooms report to a Progress, only app/ shows it.
#pragma once
#include <cstddef>
#include <limits>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway {

// What a fit knows after a round: a round of boosting, a tree of a forest, a pass of a solver. NaN: not known.
struct RoundRecord {
  std::size_t round = 0;         // from 1, ascending
  std::size_t rounds = 0;        // planned; 0 = unknown
  std::string_view metric = {};  // what the two numbers are: "log_loss", "squared_error"; lower is better
  double training = std::numeric_limits<double>::quiet_NaN();    // over the rows learnt from
  double validation = std::numeric_limits<double>::quiet_NaN();  // over rows held back or out of the bag
};

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
  // How things stand, a few lines; each call replaces the last one's until the stage ends. For terminals.
  virtual void show(std::string_view) {}

  // A round is done. Learners work out what costs time only for those who want it. Called by one thread, in order.
  virtual bool wants_records() const { return false; }
  virtual void record(const RoundRecord&) {}

  // Whether the user has had enough. Work that takes long asks often (at least ten times a second), from any thread,
  // and ends with stopped_by_user(); an answer of true stays true.
  virtual bool cancelled() const { return false; }
};

// The error of work that ended because its Progress was cancelled.
inline Error stopped_by_user() { return {ErrorCode::cancelled, "stopped"}; }

// Swallows everything; for callers that do not care.
Progress& silent_progress();

}  // namespace slipway
