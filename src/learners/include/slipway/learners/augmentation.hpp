// Other training rows than those that are there: weighted, resampled, synthetic, noisy and mixed ones.
#pragma once
#include <slipway/learners/learner.hpp>
#include <slipway/params/options.hpp>

namespace slipway::learners {

struct AugmentOptions {
  std::string sampling = "none";
  double ratio = 1;
  int neighbours = 5;
  std::string class_weight = "none";
  double noise = 0;
  int noise_copies = 1;
  double mixup = 0;
  double mixup_share = 1;
  bool correct = true;
};
inline constexpr params::Option<AugmentOptions> augment_options[] = {
    {"sampling",
     &AugmentOptions::sampling,
     "how classes are brought to like sizes: rows of small ones drawn again, rows of large ones left out, or rows made "
     "between neighbours of a small class (smote; smote_nc keeps one-hot categories whole)",
     {.choices = "none|over|under|smote|smote_nc"}},
    {"ratio",
     &AugmentOptions::ratio,
     "size of a small class for 1 row of the large one, after sampling",
     {.minimum = 0, .maximum = 1, .open_minimum = true}},
    {"neighbours",
     &AugmentOptions::neighbours,
     "nearest rows of its class that a synthetic row may lie towards",
     {.minimum = 1, .maximum = 1000}},
    {"class_weight",
     &AugmentOptions::class_weight,
     "balanced: rows weigh the inverse of their class's share",
     {.choices = "none|balanced"}},
    {"noise",
     &AugmentOptions::noise,
     "adds copies of all rows whose numbers are moved by normal noise of this share of their column's deviation",
     {.minimum = 0, .maximum = 100}},
    {"noise_copies", &AugmentOptions::noise_copies, "noisy copies of each row", {.minimum = 1, .maximum = 100}},
    {"mixup",
     &AugmentOptions::mixup,
     "adds mixtures of two rows each, with shares from Beta(mixup, mixup); 0 adds none",
     {.minimum = 0, .maximum = 100}},
    {"mixup_share",
     &AugmentOptions::mixup_share,
     "mixtures added for each row",
     {.minimum = 0, .maximum = 10, .open_minimum = true}},
    {"correct", &AugmentOptions::correct,
     "scores are corrected for the classes' changed shares, so that they stay probabilities of the data as it was"},
};

// Whether the options ask for anything.
bool augments(const AugmentOptions& options);

// Training rows of their own.
struct AugmentedRows {
  model::Block features;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<float> weights;
  std::vector<std::int32_t> groups;
  // For each class, its share of the weight before over that after sampling and class weights; empty: unchanged.
  std::vector<double> correction;
};

// The rows that `options` make of `data`: sampling, then class weights, noise and mixtures. The rows that are left come
// first, in their order. Deterministic in `seed`, on any number of threads. Regression takes noise and mixtures only.
//
// over, under, smote: as imbalanced-learn's RandomOverSampler, RandomUnderSampler and SMOTE (Chawla et al. 2002): every
// smaller class grows to ratio times the largest, or every larger one shrinks to the smallest over ratio, rounded down;
// fewer rows than a row and its neighbours, or a ratio that two classes exceed, are errors. smote_nc: as SMOTENC; a
// category's part of the distance is the median deviation of the numbers, and a new row has the category that most of
// the neighbours have (the first on ties). Both refuse missing values. Columns of 0 and 1 only take no noise. mixup
// (Zhang et al. 2018): of classes, a mixture is two rows of the same numbers, each with its label and its share as
// weight.
Result<AugmentedRows> augment(const TrainingData& data, const AugmentOptions& options, std::uint64_t seed,
                              const Threads& threads);

// `base`, fitted on augmented rows. Only what is fitted on is augmented: rows that a search, a calibration or a test
// holds back never pass through here, and the model is `base`'s, followed by the correction p_k * w_k / sum of these
// (Elkan 2001; Saerens, Latinne and Decaestecker 2002), which for margins is a shift of ln w_k. Nests as `base` does.
Learner augmented(const Learner& base, const AugmentOptions& options);

}  // namespace slipway::learners
