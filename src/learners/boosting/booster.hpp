// The rounds of boosting.
#pragma once
#include <cstdint>

#include <slipway/base/parallel.hpp>
#include <slipway/base/progress.hpp>
#include <slipway/learners/learner.hpp>

#include "boosting/boosted_model.hpp"
#include "boosting/options.hpp"

namespace slipway::learners::boosting {

// Learns up to options.n_estimators rounds. Errors: data that check_training_data refuses, a loss or class weights of
// another task, negative targets for poisson, more than 2^28 rows or 65,535 features, a model of more than 2^29 leaf
// values. Memory: 2 bytes per value for the bin numbers, about 30 bytes per row and 8 per row and class, and the
// histograms.
Result<BoostedModel> boost(const TrainingData& data, const BoostingOptions& options, std::uint64_t seed,
                           const Threads& threads, Progress& progress);

// Bytes of a fit at its peak, besides the data and the trees. Errors: options that do not go together.
Result<std::size_t> boosting_bytes(const FitSize& size, const BoostingOptions& options);

}  // namespace slipway::learners::boosting
