// Replay: what is in the prediction log is scored again, by the version that scored it (the scores must be equal to the
// bit) or by another model (which labels would have been others, and where).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/journal/journal.hpp>

namespace slipway::serving {

struct ReplayOptions {
  journal::ReadOptions rows;          // which rows; `inputs` is not looked at
  std::vector<std::string> slices;    // inputs: flips are counted by each of their values
  std::size_t most_differences = 20;  // rows that are listed
};

// A row whose score or label differs.
struct ReplayDifference {
  std::int64_t sequence = 0;
  std::string request_id, version;
  double logged = 0, replayed = 0;  // the score that decides: of the positive class, or the prediction
  std::string logged_label, replayed_label;
};

struct ReplaySlice {
  std::string input, value;
  std::uint64_t rows = 0, flips = 0;
  double logged_mean = 0, replayed_mean = 0;  // of the scores
};

struct Replay {
  std::uint64_t rows = 0;         // scored again
  std::uint64_t masked = 0;       // not scored: an input is hidden in the log
  std::uint64_t refused = 0;      // not scored: the model's schema refuses them
  std::uint64_t unavailable = 0;  // not scored: their version is not there
  std::uint64_t same_model = 0;   // of rows: scored by the very version (digest) that scored them first
  std::uint64_t equal = 0;        // of same_model: every score equal to the bit, and the label
  std::uint64_t flips = 0;        // of rows: another label
  double largest_difference = 0;  // of scores
  double logged_mean = 0, replayed_mean = 0;
  std::vector<ReplayDifference> differences;
  std::vector<ReplaySlice> slices;  // by input, then rows descending, at most 50 values each
};

// `location`: a bundle, which scores all rows; or a registry's folder, where the version that the log names scores
// each. Rows are checked against the schema exactly as when they were served.
Result<Replay> replay_journal(const std::filesystem::path& log, const std::filesystem::path& location,
                              const ReplayOptions& options = {});

}  // namespace slipway::serving
