#include "words.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "statistic.hpp"

namespace slipway::monitor {

namespace {

std::string change(std::string_view what, double before, double after) {
  return fmt::format("{} {} → {}", what, percent(before), percent(after));
}

std::string share_change(const FeatureReference& reference, std::size_t bin, double before, double after) {
  if (bin == missing_bin) return change("missing", before, after);
  const std::string name = reference.bin_name(bin);
  if (reference.kind == FeatureKind::text)
    return bin <= other_bin ? change(name, before, after)
                            : change(fmt::format("share of {}={}", reference.name, name), before, after);
  if (bin == below_bin || bin + 1 == reference.bins()) return change(name, before, after);
  return change(fmt::format("share of {} {}", reference.name, name), before, after);
}

}  // namespace

std::string percent(double share) {
  const double value = 100 * share;
  if (value == 0) return "0 %";
  if (value >= 99.5) return value == 100 ? "100 %" : fmt::format("{:.1f} %", std::min(99.9, value));
  return value >= 10 ? fmt::format("{:.0f} %", value) : fmt::format("{:.2g} %", value);
}

std::string describe_change(const FeatureReference& reference, const BinCounts& window,
                            std::span<const double> reference_shares, std::span<const double> window_shares) {
  const std::vector<double> expected = expected_shares(reference);
  std::vector<double> observed(expected.size());
  const std::vector<double> counts(window.counts.begin(), window.counts.end());
  observed_shares(counts, static_cast<double>(window.rows), expected, observed);
  std::vector<double> part(expected.size());
  for (std::size_t b = 0; b < part.size(); ++b) part[b] = jensen_shannon_part(expected[b], observed[b]);
  const double total = std::accumulate(part.begin(), part.end(), 0.0);
  const auto matters = [&](std::size_t bin) { return part[bin] > 0.15 * total; };

  std::vector<std::string> parts;
  if (reference.kind == FeatureKind::number) {
    std::vector<std::size_t> ends = {missing_bin, below_bin, reference.bins() - 1};
    double inside = total;
    std::size_t largest = below_bin + 1;
    for (std::size_t end : ends) inside -= part[end];
    for (std::size_t b = below_bin + 1; b + 1 < reference.bins(); ++b)
      if (part[b] > part[largest]) largest = b;
    if (inside > 0.3 * total && reference.median && window.median) {
      const std::string before = fmt::format("{:.4g}", *reference.median),
                        after = fmt::format("{:.4g}", *window.median);
      if (before != after) parts.push_back(fmt::format("median {} → {}", before, after));
      if (before == after)
        parts.push_back(share_change(reference, largest, reference_shares[largest], window_shares[largest]));
    }
    for (std::size_t end : ends)
      if (matters(end)) parts.push_back(share_change(reference, end, reference_shares[end], window_shares[end]));
  } else {
    std::vector<std::size_t> order(part.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return part[a] > part[b]; });
    for (std::size_t i = 0; i < order.size() && i < 2; ++i)
      if (i == 0 || matters(order[i]))
        parts.push_back(share_change(reference, order[i], reference_shares[order[i]], window_shares[order[i]]));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace slipway::monitor
