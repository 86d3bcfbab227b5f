// Which rows a class gets when classes are brought to like sizes.
#pragma once
#include <slipway/learners/augmentation.hpp>

namespace slipway::learners::augmentation {

// A synthetic row: `share` of the way from one row to another (0: a copy).
struct Synthetic {
  std::uint32_t from = 0, to = 0;
  float share = 0;
  std::vector<std::uint32_t> voters;  // smote_nc: the neighbours that choose the categories
};
struct Sample {
  std::vector<std::uint32_t> kept;  // ascending
  std::vector<Synthetic> added;
};
Result<Sample> sample_rows(const TrainingData& data, const AugmentOptions& options, std::uint64_t seed,
                           const Threads& threads);

}  // namespace slipway::learners::augmentation
