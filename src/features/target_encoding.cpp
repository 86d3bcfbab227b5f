#include "target_encoding.hpp"

#include <algorithm>
#include <numeric>

#include <slipway/base/random.hpp>

namespace slipway::features {

std::vector<TargetValues> target_values(const TargetView& target) {
  std::vector<TargetValues> columns;
  if (target.task == model::Task::regression) {
    columns.emplace_back(target.values.begin(), target.values.end());
    return columns;
  }
  const int first = target.task == model::Task::binary ? 1 : 0;
  for (int k = first; k < target.classes; ++k) {
    TargetValues column(target.labels.size());
    for (std::size_t i = 0; i < column.size(); ++i) column[i] = target.labels[i] == k ? 1 : 0;
    columns.push_back(std::move(column));
  }
  return columns;
}

TargetEncoding encode_target(std::span<const std::int32_t> codes, std::size_t categories, const TargetValues& values,
                             std::span<const std::uint8_t> use, std::optional<double> smooth) {
  const auto used = [&](std::size_t row) { return use.empty() || use[row] != 0; };
  double total = 0;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (used(i)) {
      total += values[i];
      ++rows;
    }
  TargetEncoding encoding;
  encoding.categories.assign(categories, 0);
  if (rows == 0) return encoding;
  const double mean = total / static_cast<double>(rows);
  double variance = 0;
  std::vector<double> sums(categories), counts(categories), squares(categories);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (used(i)) {
      variance += (values[i] - mean) * (values[i] - mean);
      sums[static_cast<std::size_t>(codes[i])] += values[i];
      counts[static_cast<std::size_t>(codes[i])] += 1;
    }
  variance /= static_cast<double>(rows);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (used(i)) {
      const auto c = static_cast<std::size_t>(codes[i]);
      const double difference = values[i] - sums[c] / counts[c];
      squares[c] += difference * difference;
    }
  encoding.overall = static_cast<float>(mean);
  for (std::size_t c = 0; c < categories; ++c) {
    double encoded = mean;
    if (smooth) {
      const double all = counts[c] + *smooth;
      if (all > 0) encoded = (sums[c] + *smooth * mean) / all;
    } else if (counts[c] > 0 && variance > 0) {
      const double weight = variance * counts[c] / (variance * counts[c] + squares[c] / counts[c]);
      encoded = weight * (sums[c] / counts[c]) + (1 - weight) * mean;
    }
    encoding.categories[c] = static_cast<float>(encoded);
  }
  return encoding;
}

std::vector<std::uint8_t> encoding_folds(const TargetView& target, std::size_t rows, int folds, std::uint64_t seed) {
  std::vector<std::uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0u);
  const auto key = [&](std::uint32_t row) { return random_key({seed, 0x7a67, row}); };
  const bool classes = target.task != model::Task::regression;
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (classes && target.labels[a] != target.labels[b]) return target.labels[a] < target.labels[b];
    const std::uint64_t ka = key(a), kb = key(b);
    return ka != kb ? ka < kb : a < b;
  });
  std::vector<std::uint8_t> fold(rows);
  for (std::size_t i = 0; i < rows; ++i)
    fold[order[i]] = static_cast<std::uint8_t>(i % static_cast<std::size_t>(folds));
  return fold;
}

}  // namespace slipway::features
