// Edges of bins, as scikit-learn's KBinsDiscretizer finds them.
#pragma once
#include <span>
#include <string_view>
#include <vector>

namespace slipway::features {

// The edges of at most `bins` bins over the finite values, ascending: bin k holds edges[k] <= x < edges[k + 1]; values
// outside fall into the first or the last. method: uniform (equal widths), quantile (equal counts; NumPy's
// averaged_inverted_cdf; bins without width are left out) or k_means (one dimension, started from the middles of equal
// widths). A constant or empty column has one bin. Edges are rounded up to float32, so that x >= edge holds for the
// same values.
std::vector<float> bin_edges(std::span<const float> values, std::string_view method, int bins);

}  // namespace slipway::features
