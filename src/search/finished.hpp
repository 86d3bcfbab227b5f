// Fits that are finished, kept on disk: a search that was stopped or killed goes on from there.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::search {

// What one fit gave, by candidate of its group.
struct Finished {
  std::vector<double> values;              // of the metric
  std::vector<std::vector<float>> scores;  // of the validation rows, as SearchResult::best_scores
  double fit_seconds = 0;
  double score_seconds = 0;
};

// A file per fit, by the digest of all that it depends on; written whole. An empty folder keeps nothing.
class FinishedFits {
 public:
  explicit FinishedFits(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // Nothing if there is none, or if the file is damaged.
  std::optional<Finished> find(const std::string& key, std::size_t candidates) const;
  Status keep(const std::string& key, const Finished& finished) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace slipway::search
