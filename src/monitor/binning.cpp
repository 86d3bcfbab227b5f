#include "binning.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include <slipway/base/text.hpp>

namespace slipway::monitor {

Readable read_column(const table::Column& column, FeatureKind kind) {
  Readable result;
  result.kind = kind;
  if (kind == FeatureKind::text) {
    result.text = table::as_text(column);
    return result;
  }
  if (const auto* text = std::get_if<table::TextColumn>(&column.data)) {
    std::vector<std::optional<double>> parsed;
    for (const std::string& entry : text->dictionary) parsed.push_back(parse_number(entry));
    for (std::int32_t code : text->codes) {
      const bool readable = code >= 0 && parsed[static_cast<std::size_t>(code)].has_value();
      result.unreadable += code >= 0 && !readable;
      result.numbers.push_back(readable ? static_cast<float>(*parsed[static_cast<std::size_t>(code)])
                                        : std::numeric_limits<float>::quiet_NaN());
    }
    return result;
  }
  auto numbers = table::as_numbers(column);
  if (numbers.ok()) {
    result.numbers = std::move(*numbers);
  } else {
    result.numbers.assign(column.size(), std::numeric_limits<float>::quiet_NaN());
    result.unreadable = static_cast<std::int64_t>(column.size());
  }
  return result;
}

std::vector<std::uint16_t> assign_bins(const FeatureReference& reference, const Readable& column) {
  std::vector<std::uint16_t> bins;
  if (reference.kind == FeatureKind::number) {
    const auto last = static_cast<std::uint16_t>(reference.bins() - 1);
    const bool ranged = reference.minimum.has_value();
    bins.reserve(column.numbers.size());
    for (float value : column.numbers) {
      if (std::isnan(value)) {
        bins.push_back(missing_bin);
      } else if (ranged ? value < *reference.minimum : value == -std::numeric_limits<float>::infinity()) {
        bins.push_back(below_bin);
      } else if (ranged ? value > *reference.maximum : value == std::numeric_limits<float>::infinity()) {
        bins.push_back(last);
      } else {
        const auto edge = std::lower_bound(reference.edges.begin(), reference.edges.end(), double(value));
        bins.push_back(static_cast<std::uint16_t>(below_bin + 1 + (edge - reference.edges.begin())));
      }
    }
    return bins;
  }
  std::unordered_map<std::string_view, std::uint16_t> known;
  for (const std::string& other : reference.others) known.emplace(other, other_bin);
  for (std::size_t c = 0; c < reference.categories.size(); ++c)
    known[reference.categories[c]] = static_cast<std::uint16_t>(other_bin + 1 + c);
  std::vector<std::uint16_t> of_entry;
  for (const std::string& entry : column.text.dictionary) {
    const auto found = known.find(entry);
    of_entry.push_back(found != known.end() ? found->second
                                            : std::uint16_t(reference.others_complete ? unseen_bin : other_bin));
  }
  bins.reserve(column.text.codes.size());
  for (std::int32_t code : column.text.codes)
    bins.push_back(code < 0 ? std::uint16_t(missing_bin) : of_entry[static_cast<std::size_t>(code)]);
  return bins;
}

std::optional<double> median_of(std::vector<float> values) {
  std::erase_if(values, [](float value) { return !std::isfinite(value); });
  if (values.empty()) return std::nullopt;
  const std::size_t middle = values.size() / 2;
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(middle), values.end());
  const double upper = values[middle];
  if (values.size() % 2 == 1) return upper;
  return (upper + *std::max_element(values.begin(), values.begin() + std::ptrdiff_t(middle))) / 2;
}

BinCounts count_rows(const FeatureReference& reference, const Readable& column) {
  BinCounts result;
  result.counts.assign(reference.bins(), 0);
  const std::vector<std::uint16_t> bins = assign_bins(reference, column);
  result.rows = static_cast<std::int64_t>(bins.size());
  for (std::uint16_t bin : bins) ++result.counts[bin];
  if (reference.kind == FeatureKind::number) {
    result.infinite =
        std::count_if(column.numbers.begin(), column.numbers.end(), [](float x) { return std::isinf(x); });
    result.median = median_of(column.numbers);
  }
  return result;
}

}  // namespace slipway::monitor
