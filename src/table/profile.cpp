#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <slipway/base/random.hpp>
#include <slipway/table/profile.hpp>

namespace slipway::table {
namespace {

constexpr double quantile_levels[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
constexpr std::size_t histogram_bins = 50;
constexpr double histogram_tail = 0.005;
constexpr std::size_t most_frequent_values = 20;
// Of a handful of rows every column looks like an identifier.
constexpr std::int64_t id_like_rows = 20;
constexpr double id_like_share = 0.99;

// Order-preserving keys, so that one radix sort serves floats and integers.
std::uint64_t key_of(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value + 0.0f);  // minus zero equals zero
  return bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
}
std::uint64_t key_of(std::int64_t value) { return static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63); }

double value_of_number(std::uint64_t key) {
  const std::uint32_t bits = static_cast<std::uint32_t>(key);
  return static_cast<double>(std::bit_cast<float>(bits ^ ((bits >> 31) != 0 ? 0x80000000u : 0xffffffffu)));
}
double value_of_integer(std::uint64_t key) {
  return static_cast<double>(static_cast<std::int64_t>(key ^ (std::uint64_t{1} << 63)));
}
double value_of_time(std::uint64_t key) { return value_of_integer(key) / 1e6; }

// Least significant digit first, over as many bits as the keys differ in.
void sort_keys(std::vector<std::uint64_t>& keys) {
  if (keys.empty() || std::is_sorted(keys.begin(), keys.end())) return;
  const auto [lowest, highest] = std::minmax_element(keys.begin(), keys.end());
  const std::uint64_t minimum = *lowest;
  const int bits = std::bit_width(*highest - minimum);
  constexpr int digit = 11;
  std::vector<std::uint64_t> sorted(keys.size());
  for (int shift = 0; shift < bits; shift += digit) {
    std::vector<std::size_t> starts((1u << digit) + 1, 0);
    for (const std::uint64_t key : keys) ++starts[(((key - minimum) >> shift) & ((1u << digit) - 1)) + 1];
    for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    for (const std::uint64_t key : keys) sorted[starts[((key - minimum) >> shift) & ((1u << digit) - 1)]++] = key;
    keys.swap(sorted);
  }
}

class SortedValues {
 public:
  SortedValues(std::vector<std::uint64_t> keys, double (*value_of)(std::uint64_t))
      : keys_(std::move(keys)), value_of_(value_of) {
    sort_keys(keys_);
  }
  std::size_t size() const { return keys_.size(); }
  double operator[](std::size_t i) const { return value_of_(keys_[i]); }

  std::int64_t distinct() const {
    std::int64_t count = keys_.empty() ? 0 : 1;
    for (std::size_t i = 1; i < keys_.size(); ++i) count += keys_[i] != keys_[i - 1] ? 1 : 0;
    return count;
  }

  double quantile(double level) const {
    const double place = level * static_cast<double>(size() - 1);
    const std::size_t below = static_cast<std::size_t>(place);
    const double low = (*this)[below];
    const double high = (*this)[std::min(below + 1, size() - 1)];
    // Infinite neighbours would give NaN.
    return low == high ? low : low + (high - low) * (place - static_cast<double>(below));
  }

  // How many values are below x.
  std::size_t count_below(double x) const {
    return static_cast<std::size_t>(
        std::partition_point(keys_.begin(), keys_.end(), [&](std::uint64_t key) { return value_of_(key) < x; }) -
        keys_.begin());
  }

 private:
  std::vector<std::uint64_t> keys_;
  double (*value_of_)(std::uint64_t);
};

void set_moments(const SortedValues& values, ColumnProfile& profile) {
  // Infinite values would leave nothing of either moment.
  double sum = 0, squares = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::isfinite(values[i])) sum += values[i], ++count;
  if (count == 0) return;
  profile.mean = sum / static_cast<double>(count);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::isfinite(values[i])) squares += (values[i] - profile.mean) * (values[i] - profile.mean);
  profile.standard_deviation =
      count > 1 && profile.distinct > 1 ? std::sqrt(squares / static_cast<double>(count - 1)) : 0;
}

void set_histogram(const SortedValues& values, ColumnProfile& profile) {
  const double low = values.quantile(histogram_tail), high = values.quantile(1 - histogram_tail);
  const double width = (high - low) / static_cast<double>(histogram_bins);
  if (!(width > 0) || !std::isfinite(width) || low + width == low) {
    profile.histogram_edges = {low, high};
    profile.histogram_counts = {static_cast<std::int64_t>(values.size())};
    return;
  }
  std::size_t before = 0;
  for (std::size_t i = 0; i <= histogram_bins; ++i) {
    profile.histogram_edges.push_back(i == histogram_bins ? high : low + width * static_cast<double>(i));
    if (i == 0) continue;
    const std::size_t below = i == histogram_bins ? values.size() : values.count_below(profile.histogram_edges[i]);
    profile.histogram_counts.push_back(static_cast<std::int64_t>(below - before));
    before = below;
  }
}

void profile_values(std::vector<std::uint64_t> keys, double (*value_of)(std::uint64_t), ColumnProfile& profile) {
  profile.missing = profile.rows - static_cast<std::int64_t>(keys.size());
  const SortedValues values(std::move(keys), value_of);
  profile.distinct = values.distinct();
  profile.minimum = profile.maximum = profile.mean = profile.standard_deviation =
      std::numeric_limits<double>::quiet_NaN();
  if (values.size() == 0) return;
  profile.minimum = values[0];
  profile.maximum = values[values.size() - 1];
  set_moments(values, profile);
  for (const double level : quantile_levels) profile.quantiles.push_back(values.quantile(level));
  set_histogram(values, profile);
}

void profile_text(const TextColumn& text, ColumnProfile& profile) {
  std::vector<std::int64_t> counts(text.dictionary.size(), 0);
  for (const std::int32_t code : text.codes) {
    if (code < 0)
      ++profile.missing;
    else
      ++counts[static_cast<std::size_t>(code)];
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) order.push_back(i);
  profile.distinct = static_cast<std::int64_t>(order.size());
  const std::size_t shown = std::min(order.size(), most_frequent_values);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      return counts[a] != counts[b] ? counts[a] > counts[b] : text.dictionary[a] < text.dictionary[b];
                    });
  for (std::size_t i = 0; i < shown; ++i)
    profile.most_frequent.push_back({text.dictionary[order[i]], counts[order[i]]});
}

ColumnProfile profile_column(const Column& column) {
  ColumnProfile profile;
  profile.name = column.name;
  profile.type = type_name(column.data);
  profile.rows = static_cast<std::int64_t>(column.size());
  const auto present_keys = [&](const auto& values) {
    std::vector<std::uint64_t> keys;
    keys.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
      if (!column.is_missing(i)) keys.push_back(key_of(values[i]));
    return keys;
  };
  if (const auto* numbers = std::get_if<NumberColumn>(&column.data))
    profile_values(present_keys(numbers->values), value_of_number, profile);
  else if (const auto* integers = std::get_if<IntegerColumn>(&column.data))
    profile_values(present_keys(integers->values), value_of_integer, profile);
  else if (const auto* times = std::get_if<TimeColumn>(&column.data))
    profile_values(present_keys(times->values), value_of_time, profile);
  else
    profile_text(std::get<TextColumn>(column.data), profile);
  const std::int64_t present = profile.rows - profile.missing;
  profile.constant = profile.rows > 0 && (present == 0 || (profile.missing == 0 && profile.distinct == 1));
  const bool whole_or_text = profile.type == "integer" || profile.type == "text";
  profile.id_like = whole_or_text && present >= id_like_rows &&
                    static_cast<double>(profile.distinct) >= id_like_share * static_cast<double>(present);
  return profile;
}

// Equal where cells count as equal: missing with missing, zero with minus zero, text by its code.
std::uint64_t equality_bits(const Column& column, std::size_t row) {
  if (const auto* numbers = std::get_if<NumberColumn>(&column.data)) {
    const float value = numbers->values[row];
    return std::isnan(value) ? ~std::uint64_t{0} : std::bit_cast<std::uint32_t>(value + 0.0f);
  }
  if (const auto* integers = std::get_if<IntegerColumn>(&column.data))
    return static_cast<std::uint64_t>(integers->values[row]);
  if (const auto* text = std::get_if<TextColumn>(&column.data)) return static_cast<std::uint64_t>(text->codes[row]);
  return static_cast<std::uint64_t>(std::get<TimeColumn>(column.data).values[row]);
}

bool equal_rows(const Table& table, std::size_t a, std::size_t b) {
  return std::all_of(table.all().begin(), table.all().end(),
                     [&](const Column& column) { return equality_bits(column, a) == equality_bits(column, b); });
}

std::int64_t count_duplicate_rows(const Table& table) {
  if (table.columns() == 0 || table.rows() == 0) return 0;
  std::vector<std::uint64_t> hashes(table.rows(), 0);
  for (const Column& column : table.all())
    for (std::size_t i = 0; i < table.rows(); ++i) hashes[i] = mix_bits(hashes[i] ^ equality_bits(column, i));
  constexpr std::uint32_t empty = ~std::uint32_t{0};
  std::vector<std::uint32_t> slots(std::bit_ceil(table.rows() * 2), empty);
  std::int64_t duplicates = 0;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    std::size_t slot = hashes[i] & (slots.size() - 1);
    while (slots[slot] != empty && !(hashes[slots[slot]] == hashes[i] && equal_rows(table, slots[slot], i)))
      slot = (slot + 1) & (slots.size() - 1);
    if (slots[slot] == empty)
      slots[slot] = static_cast<std::uint32_t>(i);
    else
      ++duplicates;
  }
  return duplicates;
}

}  // namespace

TableProfile profile_table(const Table& table) {
  TableProfile profile;
  profile.rows = static_cast<std::int64_t>(table.rows());
  profile.duplicate_rows = count_duplicate_rows(table);
  for (const Column& column : table.all()) profile.columns.push_back(profile_column(column));
  return profile;
}

}  // namespace slipway::table
