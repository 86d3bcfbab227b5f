// What changed, in plain words.
#pragma once
#include <span>
#include <string>

#include <slipway/monitor/reference.hpp>

#include "binning.hpp"

namespace slipway::monitor {

std::string percent(double share);  // "42 %", "0.31 %", "0 %"

// "median 3.1 -> 4.6; missing 0 % -> 20 %": the parts that make up most of the difference. Shares as observed,
// unsmoothed.
std::string describe_change(const FeatureReference& reference, const BinCounts& window,
                            std::span<const double> reference_shares, std::span<const double> window_shares);

}  // namespace slipway::monitor
