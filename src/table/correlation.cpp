#include <algorithm>
#include <cmath>

#include <slipway/table/correlation.hpp>

namespace slipway::table {
namespace {

constexpr std::size_t most_rows = 100'000;
constexpr std::size_t most_columns = 200;
constexpr std::size_t most_values = 1000;
constexpr std::size_t most_categories = 50;

struct Sampled {
  std::string name;
  std::vector<float> numbers;
  std::vector<std::int32_t> categories;  // -1 for missing; empty for numbers
  std::size_t category_count = 0;
};

std::vector<std::uint32_t> sampled_rows(std::size_t rows) {
  std::vector<std::uint32_t> sample;
  const std::size_t count = std::min(rows, most_rows);
  for (std::size_t i = 0; i < count; ++i) sample.push_back(static_cast<std::uint32_t>(i * rows / count));
  return sample;
}

// The commonest categories keep their own code, the rest share one. False if there are too many.
bool merge_categories(const TextColumn& text, Sampled& column) {
  std::vector<std::size_t> counts(text.dictionary.size(), 0), order;
  for (const std::int32_t code : text.codes)
    if (code >= 0) ++counts[static_cast<std::size_t>(code)];
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) order.push_back(i);
  if (order.size() > most_values) return false;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  std::vector<std::int32_t> codes(counts.size(), 0);
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    codes[order[rank]] = static_cast<std::int32_t>(std::min(rank, most_categories));
  column.category_count = std::min(order.size(), most_categories + 1);
  for (const std::int32_t code : text.codes)
    column.categories.push_back(code < 0 ? -1 : codes[static_cast<std::size_t>(code)]);
  return true;
}

double cramers_v(const Sampled& a, const Sampled& b, std::int64_t& rows) {
  std::vector<double> cells(a.category_count * b.category_count, 0), of_a(a.category_count, 0),
      of_b(b.category_count, 0);
  double n = 0;
  for (std::size_t i = 0; i < a.categories.size(); ++i) {
    if (a.categories[i] < 0 || b.categories[i] < 0) continue;
    const auto x = static_cast<std::size_t>(a.categories[i]), y = static_cast<std::size_t>(b.categories[i]);
    ++cells[x * b.category_count + y];
    ++of_a[x];
    ++of_b[y];
    ++n;
  }
  rows = static_cast<std::int64_t>(n);
  const auto used = [](const std::vector<double>& counts) {
    return static_cast<double>(std::count_if(counts.begin(), counts.end(), [](double c) { return c > 0; }));
  };
  const double r = used(of_a), k = used(of_b);
  if (n < 2 || r < 2 || k < 2) return std::nan("");
  double chi_squared = 0;
  for (std::size_t x = 0; x < of_a.size(); ++x)
    for (std::size_t y = 0; y < of_b.size(); ++y) {
      const double expected = of_a[x] * of_b[y] / n;
      if (expected > 0)
        chi_squared += (cells[x * of_b.size() + y] - expected) * (cells[x * of_b.size() + y] - expected) / expected;
    }
  // Bergsma: A bias-correction for Cramer's V and Tschuprow's T, 2013, section 3.
  const double phi_squared = std::max(0.0, chi_squared / n - (r - 1) * (k - 1) / (n - 1));
  const double rows_left = r - (r - 1) * (r - 1) / (n - 1), columns_left = k - (k - 1) * (k - 1) / (n - 1);
  const double most = std::min(rows_left, columns_left) - 1;
  return most > 0 ? std::min(1.0, std::sqrt(phi_squared / most)) : std::nan("");
}

double correlation_ratio(const Sampled& categories, const Sampled& numbers, std::int64_t& rows) {
  std::vector<double> sums(categories.category_count, 0), counts(categories.category_count, 0);
  double total = 0, n = 0;
  const auto usable = [&](std::size_t i) { return categories.categories[i] >= 0 && std::isfinite(numbers.numbers[i]); };
  for (std::size_t i = 0; i < numbers.numbers.size(); ++i) {
    if (!usable(i)) continue;
    sums[static_cast<std::size_t>(categories.categories[i])] += static_cast<double>(numbers.numbers[i]);
    ++counts[static_cast<std::size_t>(categories.categories[i])];
    total += static_cast<double>(numbers.numbers[i]);
    ++n;
  }
  rows = static_cast<std::int64_t>(n);
  if (n < 2) return std::nan("");
  const double mean = total / n;
  double between = 0, all = 0;
  for (std::size_t c = 0; c < sums.size(); ++c)
    if (counts[c] > 0) between += counts[c] * (sums[c] / counts[c] - mean) * (sums[c] / counts[c] - mean);
  for (std::size_t i = 0; i < numbers.numbers.size(); ++i)
    if (usable(i))
      all += (static_cast<double>(numbers.numbers[i]) - mean) * (static_cast<double>(numbers.numbers[i]) - mean);
  return all > 0 ? std::min(1.0, std::sqrt(between / all)) : std::nan("");
}

}  // namespace

std::string_view association_name(Association association) {
  switch (association) {
    case Association::pearson:
      return "pearson";
    case Association::cramers_v:
      return "cramers_v";
    case Association::correlation_ratio:
      return "correlation_ratio";
  }
  return "";
}

double pearson_correlation(const std::vector<float>& x, const std::vector<float>& y, std::int64_t* rows) {
  double n = 0, mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
  // Welford's update: values far from zero, such as times, would cancel in sums of squares.
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i]) || !std::isfinite(y[i])) continue;
    ++n;
    const double dx = static_cast<double>(x[i]) - mean_x, dy = static_cast<double>(y[i]) - mean_y;
    mean_x += dx / n;
    mean_y += dy / n;
    xx += dx * (static_cast<double>(x[i]) - mean_x);
    yy += dy * (static_cast<double>(y[i]) - mean_y);
    xy += dx * (static_cast<double>(y[i]) - mean_y);
  }
  if (rows != nullptr) *rows = static_cast<std::int64_t>(n);
  return n > 1 && xx > 0 && yy > 0 ? std::clamp(xy / std::sqrt(xx * yy), -1.0, 1.0) : std::nan("");
}

std::vector<Correlation> correlate_columns(const Table& table) {
  const Table sample = table.rows() > most_rows ? table.take(sampled_rows(table.rows())) : table;
  std::vector<Sampled> columns;
  for (const Column& column : sample.all()) {
    Sampled sampled{column.name, {}, {}, 0};
    if (const auto* text = std::get_if<TextColumn>(&column.data)) {
      if (!merge_categories(*text, sampled)) continue;
    } else if (auto numbers = as_numbers(column); numbers.ok()) {
      sampled.numbers = *std::move(numbers);
    }
    if (columns.size() < most_columns) columns.push_back(std::move(sampled));
  }
  std::vector<Correlation> correlations;
  for (std::size_t a = 0; a < columns.size(); ++a)
    for (std::size_t b = a + 1; b < columns.size(); ++b) {
      Correlation found{columns[a].name, columns[b].name, Association::pearson, 0, 0};
      const bool text_a = columns[a].numbers.empty(), text_b = columns[b].numbers.empty();
      if (text_a && text_b) {
        found.association = Association::cramers_v;
        found.value = cramers_v(columns[a], columns[b], found.rows);
      } else if (text_a || text_b) {
        found.association = Association::correlation_ratio;
        found.value = correlation_ratio(columns[text_a ? a : b], columns[text_a ? b : a], found.rows);
      } else {
        found.value = pearson_correlation(columns[a].numbers, columns[b].numbers, &found.rows);
      }
      correlations.push_back(std::move(found));
    }
  return correlations;
}

}  // namespace slipway::table
