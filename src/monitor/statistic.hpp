// Distances between the bin shares of a window and of the reference.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include <slipway/monitor/reference.hpp>

namespace slipway::monitor {

// Expected shares, none of them 0: every bin gets half a row on top of its count. What lies beyond the extremes of n
// rows has a share of about 1 / n each side, and unseen categories together about the share of those seen once
// (Good-Turing).
std::vector<double> expected_shares(const FeatureReference& reference, std::span<const double> counts);
std::vector<double> expected_shares(const FeatureReference& reference);

// Observed shares, none of them 0: one row, spread as expected, is added to the window's.
void observed_shares(std::span<const double> counts, double rows, std::span<const double> expected,
                     std::span<double> shares);

// Sum of (q - p) ln(q / p), both without zeros.
double population_stability_index(std::span<const double> expected, std::span<const double> observed);

// Divergence in bits, in [0, 1] (Lin 1991); its square root is the distance.
double jensen_shannon_divergence(std::span<const double> expected, std::span<const double> observed);
// One bin's part of it; never negative beyond rounding.
double jensen_shannon_part(double expected, double observed);

// Largest difference of the cumulative shares over the bins from `first` on, rescaled to those bins' total.
double max_cumulative_difference(std::span<const double> expected, std::span<const double> observed, std::size_t first);

}  // namespace slipway::monitor
