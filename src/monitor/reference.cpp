#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/monitor/reference.hpp>

#include "binning.hpp"

namespace slipway::monitor {

namespace {

constexpr std::size_t most_quantile_bins = 10;
constexpr std::size_t most_categories = 50;
constexpr std::size_t most_others = 10'000;
constexpr std::size_t most_days = 60;
constexpr std::int64_t day_microseconds = 86'400'000'000;

void freeze_number_bins(FeatureReference& feature, const std::vector<float>& values) {
  std::vector<float> sorted;
  for (float value : values)
    if (std::isfinite(value)) sorted.push_back(value);
  std::sort(sorted.begin(), sorted.end());
  if (!sorted.empty()) {
    feature.minimum = sorted.front();
    feature.maximum = sorted.back();
    feature.median = median_of(sorted);
    std::vector<double> distinct;
    for (float value : sorted) {
      if (distinct.empty() || value != distinct.back()) distinct.push_back(value);
      if (distinct.size() > most_quantile_bins) break;
    }
    if (distinct.size() <= most_quantile_bins) {
      feature.edges.assign(distinct.begin(), distinct.end() - 1);
    } else {
      for (std::size_t i = 1; i < most_quantile_bins; ++i) {
        const double edge = sorted[(sorted.size() - 1) * i / most_quantile_bins];
        // Many equal values share a bin; the last bin must not be empty.
        if (edge < sorted.back() && (feature.edges.empty() || edge > feature.edges.back()))
          feature.edges.push_back(edge);
      }
    }
  }
  feature.counts.assign(below_bin + 1 + feature.edges.size() + 2, 0);
}

void freeze_text_bins(FeatureReference& feature, const table::TextColumn& text) {
  std::vector<std::int64_t> of_entry(text.dictionary.size(), 0);
  for (std::int32_t code : text.codes)
    if (code >= 0) ++of_entry[static_cast<std::size_t>(code)];
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < of_entry.size(); ++i) {
    if (of_entry[i] > 0) order.push_back(i);
    feature.singletons += of_entry[i] == 1;
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return of_entry[a] != of_entry[b] ? of_entry[a] > of_entry[b] : text.dictionary[a] < text.dictionary[b];
  });
  feature.others_complete = order.size() <= most_categories + most_others;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i < most_categories) {
      feature.categories.push_back(text.dictionary[order[i]]);
    } else if (feature.others_complete) {
      feature.others.push_back(text.dictionary[order[i]]);
    }
  }
  std::sort(feature.others.begin(), feature.others.end());
  feature.counts.assign(other_bin + 1 + feature.categories.size(), 0);
}

// Days worth comparing, as numbers since the epoch.
std::vector<std::int64_t> choose_days(std::span<const std::int64_t> times) {
  std::map<std::int64_t, std::int64_t> rows_of_day;
  for (std::int64_t time : times)
    if (time != missing_time) ++rows_of_day[time / day_microseconds - (time % day_microseconds < 0)];
  if (rows_of_day.empty()) return {};
  std::vector<std::int64_t> sizes;
  for (const auto& [day, rows] : rows_of_day) sizes.push_back(rows);
  std::nth_element(sizes.begin(), sizes.begin() + std::ptrdiff_t(sizes.size() / 2), sizes.end());
  const std::int64_t median = sizes[sizes.size() / 2];
  std::vector<std::int64_t> days;
  for (const auto& [day, rows] : rows_of_day)
    if (rows * 5 >= median) days.push_back(day);
  if (days.size() > most_days) days.erase(days.begin(), days.end() - std::ptrdiff_t(most_days));
  return days;
}

// Kish's design effect of the bin shares: the variance of group totals over what independent rows would give, averaged
// over the bins by their own variance.
double group_design_effect(const std::vector<std::uint16_t>& bins, std::size_t bin_count,
                           std::span<const std::int64_t> groups) {
  std::vector<std::uint32_t> order(bins.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return groups[a] != groups[b] ? groups[a] < groups[b] : a < b; });
  const double n = static_cast<double>(bins.size());
  std::vector<double> share(bin_count, 0), in_group(bin_count, 0);
  for (std::uint16_t bin : bins) share[bin] += 1 / n;
  double observed = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    std::fill(in_group.begin(), in_group.end(), 0);
    while (end < order.size() && groups[order[end]] == groups[order[begin]]) ++in_group[bins[order[end++]]];
    const double size = static_cast<double>(end - begin);
    for (std::size_t b = 0; b < bin_count; ++b) observed += std::pow(in_group[b] - size * share[b], 2);
    begin = end;
  }
  double independent = 0;
  for (double p : share) independent += n * p * (1 - p);
  return independent > 0 ? std::max(1.0, observed / independent) : 1;
}

FeatureReference freeze(const std::string& name, const Readable& column, std::span<const std::int64_t> times,
                        const std::vector<std::int64_t>& days, std::span<const std::int64_t> groups) {
  FeatureReference feature;
  feature.name = name;
  feature.kind = column.kind;
  if (column.kind == FeatureKind::number) {
    freeze_number_bins(feature, column.numbers);
  } else {
    freeze_text_bins(feature, column.text);
  }
  const std::vector<std::uint16_t> bins = assign_bins(feature, column);
  feature.rows = static_cast<std::int64_t>(bins.size());
  for (std::uint16_t bin : bins) ++feature.counts[bin];
  if (!days.empty()) {
    feature.day_counts.assign(days.size(), std::vector<std::int64_t>(feature.bins(), 0));
    for (std::size_t row = 0; row < bins.size(); ++row) {
      if (times[row] == missing_time) continue;
      const std::int64_t day = times[row] / day_microseconds - (times[row] % day_microseconds < 0);
      const auto found = std::lower_bound(days.begin(), days.end(), day);
      if (found != days.end() && *found == day) ++feature.day_counts[std::size_t(found - days.begin())][bins[row]];
    }
  }
  if (!groups.empty()) feature.design_effect = group_design_effect(bins, feature.bins(), groups);
  return feature;
}

std::string number_text(double value) { return fmt::format("{:.4g}", value); }

template <class T>
std::vector<T> pick(std::span<const T> values, const std::vector<std::size_t>& rows) {
  std::vector<T> picked;
  if (values.empty()) return picked;
  for (std::size_t row : rows) picked.push_back(values[row]);
  return picked;
}

}  // namespace

std::string_view feature_kind_name(FeatureKind kind) { return kind == FeatureKind::number ? "number" : "text"; }

std::string FeatureReference::bin_name(std::size_t bin) const {
  if (bin == missing_bin) return "missing";
  if (kind == FeatureKind::text) {
    if (bin == unseen_bin) return "unseen categories";
    if (bin == other_bin) return "other categories";
    return categories[bin - other_bin - 1];
  }
  if (bin == below_bin) return minimum ? "below " + number_text(*minimum) : "-infinity";
  if (bin + 1 == bins()) return maximum ? "above " + number_text(*maximum) : "+infinity";
  if (!minimum) return "any number";
  const std::size_t inner = bin - below_bin - 1;
  const double low = inner == 0 ? *minimum : edges[inner - 1];
  const double high = inner == edges.size() ? *maximum : edges[inner];
  return low == high ? number_text(low) : number_text(low) + " to " + number_text(high);
}

Result<Reference> build_reference(const table::Table& table, const ReferenceInput& input) {
  const std::size_t rows = table.rows();
  for (const auto& [size, what] : {std::pair{input.scores.size(), "scores"}, std::pair{input.times.size(), "times"},
                                   std::pair{input.groups.size(), "groups"}})
    if (size != 0 && size != rows)
      return invalid_input(fmt::format("a reference of {} rows was given {} {}", rows, size, what));
  Reference reference;
  reference.rows = static_cast<std::int64_t>(rows);
  const std::vector<std::int64_t> days = choose_days(input.times);
  for (const Feature& feature : input.features) {
    SLIPWAY_TRY(const table::Column* column, table.get(feature.name));
    reference.features.push_back(
        freeze(feature.name, read_column(*column, feature.kind), input.times, days, input.groups));
  }
  if (!input.scores.empty()) {
    std::vector<std::size_t> scored;
    for (std::size_t row = 0; row < rows; ++row)
      if (!std::isnan(input.scores[row])) scored.push_back(row);
    Readable column;
    column.numbers = pick(input.scores, scored);
    const std::vector<std::int64_t> times = pick(input.times, scored);
    const std::vector<std::int64_t> groups = pick(input.groups, scored);
    reference.score = freeze("score", column, times, choose_days(times), groups);
  }
  return reference;
}

}  // namespace slipway::monitor
