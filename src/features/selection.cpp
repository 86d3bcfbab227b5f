#include "selection.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "statistics.hpp"

namespace slipway::features {
namespace {

constexpr std::size_t most_bins = 32;

}  // namespace

double correlation(std::span<const float> x, std::span<const float> y) {
  double n = 0, mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    n += 1;
    const double off_x = x[i] - mean_x, off_y = y[i] - mean_y;
    mean_x += off_x / n;
    mean_y += off_y / n;
    xx += off_x * (x[i] - mean_x);
    yy += off_y * (y[i] - mean_y);
    xy += off_x * (y[i] - mean_y);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

std::vector<std::int32_t> binned_values(std::span<const float> values) {
  const std::vector<double> sorted = sorted_values(values);
  std::vector<double> starts = sorted;
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  if (starts.size() > most_bins) {
    starts.clear();
    for (std::size_t i = 0; i < most_bins; ++i) starts.push_back(sorted[i * sorted.size() / most_bins]);
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  }
  std::vector<std::int32_t> bins;
  for (const float value : values) {
    const auto above = std::upper_bound(starts.begin(), starts.end(), double{value});
    bins.push_back(std::isnan(value)
                       ? static_cast<std::int32_t>(starts.size())
                       : std::max<std::int32_t>(0, static_cast<std::int32_t>(above - starts.begin()) - 1));
  }
  return bins;
}

double mutual_information(std::span<const std::int32_t> x, std::span<const std::int32_t> y) {
  std::map<std::pair<std::int32_t, std::int32_t>, double> both;
  std::map<std::int32_t, double> of_x, of_y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    ++both[{x[i], y[i]}];
    ++of_x[x[i]];
    ++of_y[y[i]];
  }
  const auto n = static_cast<double>(x.size());
  double sum = 0;
  for (const auto& [pair, count] : both)
    sum += count / n * std::log(count * n / (of_x[pair.first] * of_y[pair.second]));
  return std::max(0.0, sum);
}

std::vector<DroppedFeature> choose_dropped(const model::Block& training, std::span<const std::string> names,
                                           const SelectOptions& options, const TargetView& target) {
  std::vector<DroppedFeature> dropped;
  std::vector<std::size_t> kept;
  for (std::size_t c = 0; c < training.width; ++c) {
    const Moments found = moments(training.column(c));
    if (options.variance && (found.constant || found.variance <= *options.variance)) {
      dropped.push_back({names[c], found.constant ? "the same value in every training row"
                                                  : fmt::format("variance {:.4g}, not above {:g}", found.variance,
                                                                *options.variance)});
    } else {
      kept.push_back(c);
    }
  }
  if (options.correlation) {
    std::vector<std::size_t> apart;
    for (const std::size_t c : kept) {
      const auto close = std::find_if(apart.begin(), apart.end(), [&](std::size_t other) {
        return std::fabs(correlation(training.column(other), training.column(c))) > *options.correlation;
      });
      if (close == apart.end()) {
        apart.push_back(c);
      } else {
        dropped.push_back({names[c], fmt::format("correlation {:.4f} with '{}', above {:g}",
                                                 correlation(training.column(*close), training.column(c)),
                                                 names[*close], *options.correlation)});
      }
    }
    kept = std::move(apart);
  }
  if (options.mutual_information && kept.size() > static_cast<std::size_t>(*options.mutual_information)) {
    const std::vector<std::int32_t> truth = target.task == model::Task::regression
                                                ? binned_values(target.values)
                                                : std::vector<std::int32_t>(target.labels.begin(), target.labels.end());
    std::vector<std::pair<double, std::size_t>> told;
    for (const std::size_t c : kept) told.emplace_back(mutual_information(binned_values(training.column(c)), truth), c);
    std::stable_sort(told.begin(), told.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const auto limit = static_cast<std::size_t>(*options.mutual_information);
    for (std::size_t i = limit; i < told.size(); ++i)
      dropped.push_back(
          {names[told[i].second], fmt::format("tells {:.4g} nats of the target, place {} of {}; the first {} stay",
                                              told[i].first, i + 1, told.size(), limit)});
  }
  return dropped;
}

Result<std::vector<DroppedFeature>> eliminate(const FittedFeatures& whole, std::vector<std::size_t> kept,
                                              std::span<const std::string> names, const SelectOptions& options,
                                              const FeatureImportance& importance) {
  if (!importance) return invalid_input("there is no learner whose importances could be asked for");
  const auto count = [&](double wanted) {
    const double all = static_cast<double>(kept.size());
    return std::max<std::size_t>(1, static_cast<std::size_t>(wanted < 1 ? wanted * all : wanted));
  };
  const std::size_t wanted = count(*options.recursive), step = count(options.recursive_step);
  struct Eliminated {
    std::size_t column, round, of;
    double importance;
  };
  std::vector<Eliminated> gone;
  std::size_t rounds = 0;
  while (kept.size() > wanted) {
    model::Block block(whole.training.rows, kept.size());
    std::vector<std::int32_t> nominal;
    std::vector<double> variances;
    for (std::size_t i = 0; i < kept.size(); ++i) {
      std::ranges::copy(whole.training.column(kept[i]), block.column(i).begin());
      nominal.push_back(whole.nominal[kept[i]]);
      variances.push_back(moments(block.column(i)).variance);
    }
    SLIPWAY_TRY(const std::vector<double> counts, importance(block, nominal, variances));
    std::vector<std::size_t> order(kept.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return counts[a] < counts[b]; });
    order.resize(std::min(step, kept.size() - wanted));
    ++rounds;
    for (const std::size_t i : order) gone.push_back({kept[i], rounds, kept.size(), counts[i]});
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (std::ranges::find(order, i) == order.end()) rest.push_back(kept[i]);
    kept = std::move(rest);
  }
  std::vector<DroppedFeature> dropped;
  for (const Eliminated& one : gone)
    dropped.push_back(
        {names[one.column], fmt::format("recursive elimination, rank {}: importance {:.4g} in round {}, "
                                        "among the least of {} features; {} stay",
                                        rounds - one.round + 2, one.importance, one.round, one.of, wanted)});
  return dropped;
}

}  // namespace slipway::features
