#include "halving.hpp"

#include <map>

#include <fmt/format.h>

#include <slipway/base/random.hpp>

namespace slipway::search {
namespace {

constexpr std::uint64_t halving_key = 0x68616c76696e67;

// floor(log(number, factor)) without rounding errors at exact powers.
std::size_t whole_logarithm(double number, double factor) {
  std::size_t power = 0;
  for (double reached = factor; reached <= number * (1 + 1e-12); reached *= factor) ++power;
  return power;
}

}  // namespace

Result<std::vector<Rung>> rungs_of(const SearchOptions& options, std::size_t candidates, std::size_t least,
                                   std::size_t most) {
  const double factor = options.factor;
  const std::size_t needed = 1 + whole_logarithm(static_cast<double>(candidates), factor);
  if (options.min_resources) {
    least = static_cast<std::size_t>(*options.min_resources);
  } else {
    // The last rung has as much as there is.
    const double first = static_cast<double>(most) / std::pow(factor, static_cast<double>(needed - 1));
    least = std::max(least, static_cast<std::size_t>(first));
  }
  if (least > most)
    return invalid_input(
        fmt::format("search: halving starts with {} of {}, but there are only {}", least, options.resource, most));
  const std::size_t possible = 1 + whole_logarithm(static_cast<double>(most) / static_cast<double>(least), factor);
  std::vector<Rung> rungs;
  std::size_t left = candidates;
  // As scikit-learn: the rungs that there is no resource for come first, all with the least.
  const std::size_t repeated = options.aggressive_elimination && needed > possible ? needed - possible : 0;
  for (std::size_t i = 0; i < std::min(needed, possible + repeated); ++i) {
    const auto power = static_cast<double>(i > repeated ? i - repeated : 0);
    const double resource = std::pow(factor, power) * static_cast<double>(least);
    rungs.push_back({left, std::min(most, static_cast<std::size_t>(resource + 1e-9))});
    left = static_cast<std::size_t>(std::ceil(static_cast<double>(left) / factor - 1e-9));
  }
  return rungs;
}

LabelledRows some_rows(const LabelledRows& rows, std::size_t count, std::uint64_t seed) {
  const std::size_t all = rows.features.rows;
  if (count >= all) return rows;
  // Rows of each class in the order of their keys; a larger share only goes on in it.
  std::map<std::int32_t, std::vector<std::pair<std::uint64_t, std::uint32_t>>> by_class;
  for (std::uint32_t row = 0; row < all; ++row)
    by_class[rows.labels.empty() ? 0 : rows.labels[row]].emplace_back(random_key({seed, halving_key, row}), row);
  std::vector<std::uint32_t> kept;
  for (auto& [label, members] : by_class) {
    std::sort(members.begin(), members.end());
    const double share = static_cast<double>(count) / static_cast<double>(all) * static_cast<double>(members.size());
    const auto wanted = std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(share)), 1, members.size());
    for (std::size_t i = 0; i < wanted; ++i) kept.push_back(members[i].second);
  }
  std::sort(kept.begin(), kept.end());
  LabelledRows part;
  part.features = model::Block(kept.size(), rows.features.width);
  for (std::size_t column = 0; column < rows.features.width; ++column) {
    const auto from = rows.features.column(column);
    const auto to = part.features.column(column);
    for (std::size_t i = 0; i < kept.size(); ++i) to[i] = from[kept[i]];
  }
  const auto take = [&](auto& into, const auto& from) {
    if (!from.empty())
      for (std::uint32_t row : kept) into.push_back(from[row]);
  };
  take(part.labels, rows.labels);
  take(part.targets, rows.targets);
  take(part.weights, rows.weights);
  take(part.groups, rows.groups);
  return part;
}

}  // namespace slipway::search
