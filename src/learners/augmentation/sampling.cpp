#include "augmentation/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <slipway/base/random.hpp>

namespace slipway::learners::augmentation {
namespace {

enum Purpose : std::uint64_t { draw_again = 0x0517, leave_out = 0x0518, make_between = 0x0519 };

// Rows of one class as points whose distances SMOTE compares.
struct Points {
  std::size_t width = 0;
  std::vector<float> values;  // row-major
  const float* row(std::size_t i) const { return values.data() + i * width; }
};

double deviation(std::span<const float> column, std::span<const std::uint32_t> rows) {
  double mean = 0, squares = 0;
  for (const std::uint32_t row : rows) mean += column[row] / static_cast<double>(rows.size());
  for (const std::uint32_t row : rows) squares += (column[row] - mean) * (column[row] - mean);
  return std::sqrt(squares / static_cast<double>(rows.size()));
}

bool is_nominal(const TrainingData& data, std::size_t column) {
  return !data.nominal.empty() && data.nominal[column] >= 0;
}

Points points_of(const TrainingData& data, std::span<const std::uint32_t> rows, bool categories) {
  const std::size_t width = data.features->width;
  float unit = 1;
  if (categories) {
    std::vector<double> deviations;
    for (std::size_t c = 0; c < width; ++c)
      if (!is_nominal(data, c)) deviations.push_back(deviation(data.features->column(c), rows));
    std::sort(deviations.begin(), deviations.end());
    const std::size_t n = deviations.size();
    // Two columns differ where categories do: together by the median.
    if (n > 0) unit = static_cast<float>((deviations[(n - 1) / 2] + deviations[n / 2]) / 2 / std::sqrt(2.0));
  }
  Points points{width, std::vector<float>(rows.size() * width)};
  for (std::size_t c = 0; c < width; ++c) {
    const auto column = data.features->column(c);
    const float factor = categories && is_nominal(data, c) ? unit : 1;
    for (std::size_t i = 0; i < rows.size(); ++i) points.values[i * width + c] = column[rows[i]] * factor;
  }
  return points;
}

// The nearest other points of each, nearest first; the earlier on ties.
std::vector<std::uint32_t> nearest(const Points& points, std::size_t count, std::size_t neighbours,
                                   const Threads& threads) {
  std::vector<std::uint32_t> found(count * neighbours);
  threads.for_ranges(count, 16, [&](std::size_t begin, std::size_t end) {
    std::vector<std::pair<double, std::uint32_t>> distances(count);
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t j = 0; j < count; ++j) {
        double sum = 0;
        for (std::size_t c = 0; c < points.width; ++c) {
          const double difference = double{points.row(i)[c]} - double{points.row(j)[c]};
          sum += difference * difference;
        }
        distances[j] = {i == j ? std::numeric_limits<double>::infinity() : sum, static_cast<std::uint32_t>(j)};
      }
      std::partial_sort(distances.begin(), distances.begin() + static_cast<std::ptrdiff_t>(neighbours),
                        distances.end());
      for (std::size_t k = 0; k < neighbours; ++k) found[i * neighbours + k] = distances[k].second;
    }
  });
  return found;
}

void add_between(const TrainingData& data, const AugmentOptions& options, std::span<const std::uint32_t> rows,
                 std::size_t wanted, std::uint64_t key, const Threads& threads, Sample& sample) {
  const auto neighbours = static_cast<std::size_t>(options.neighbours);
  const bool categories = options.sampling == "smote_nc";
  const std::vector<std::uint32_t> near = nearest(points_of(data, rows, categories), rows.size(), neighbours, threads);
  Random random(key);
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::size_t from = random.below(rows.size());
    Synthetic made{rows[from], rows[near[from * neighbours + random.below(neighbours)]], 0, {}};
    made.share = static_cast<float>(random.uniform());
    for (std::size_t k = 0; categories && k < neighbours; ++k) made.voters.push_back(rows[near[from * neighbours + k]]);
    sample.added.push_back(std::move(made));
  }
}

// As imbalanced-learn refuses them.
Status refuse_few(const AugmentOptions& options, std::size_t rows, std::size_t label) {
  const auto neighbours = static_cast<std::size_t>(options.neighbours);
  if (rows > neighbours) return {};
  return invalid_input(fmt::format(
      "{}: class {} has {} row{}, which is too few for {} neighbour{}: a row and its "
      "neighbours are {}; lower neighbours, or use sampling: over",
      options.sampling, label, rows, rows == 1 ? "" : "s", neighbours, neighbours == 1 ? "" : "s", neighbours + 1));
}

// Of two classes the ratio is the one that they get; of more it is a bound for each.
Status refuse_ratio(const AugmentOptions& options, std::size_t smallest, std::size_t largest, std::size_t classes) {
  const bool under = options.sampling == "under";
  const double wanted =
      std::floor(under ? static_cast<double>(smallest) / options.ratio : static_cast<double>(largest) * options.ratio);
  if (classes != 2 || (under ? wanted <= static_cast<double>(largest) : wanted >= static_cast<double>(smallest)))
    return {};
  return invalid_input(fmt::format("{}: the ratio {:g} is less than the {:.4g} that there is already: {} and {} rows",
                                   options.sampling, options.ratio,
                                   static_cast<double>(smallest) / static_cast<double>(largest), smallest, largest));
}

Status refuse_missing(const TrainingData& data) {
  for (std::size_t c = 0; c < data.features->width; ++c)
    for (const float value : data.features->column(c))
      if (!std::isfinite(value))
        return invalid_input(
            fmt::format("feature {} has a missing or infinite value: rows between others need all "
                        "numbers; set features: {{impute: median}}",
                        c + 1));
  return {};
}

}  // namespace

Result<Sample> sample_rows(const TrainingData& data, const AugmentOptions& options, std::uint64_t seed,
                           const Threads& threads) {
  Sample sample;
  const std::size_t rows = data.features->rows;
  if (options.sampling == "none") {
    sample.kept.resize(rows);
    std::iota(sample.kept.begin(), sample.kept.end(), 0u);
    return sample;
  }
  if (data.task == model::Task::regression)
    return invalid_input(
        fmt::format("sampling: {} brings classes to like sizes; a regression has none", options.sampling));
  const bool between = options.sampling == "smote" || options.sampling == "smote_nc";
  if (between) SLIPWAY_CHECK(refuse_missing(data));
  std::vector<std::vector<std::uint32_t>> of_class(static_cast<std::size_t>(data.classes));
  for (std::uint32_t row = 0; row < rows; ++row) of_class[static_cast<std::size_t>(data.labels[row])].push_back(row);
  std::size_t largest = 0, smallest = rows;
  for (const auto& members : of_class) {
    largest = std::max(largest, members.size());
    if (!members.empty()) smallest = std::min(smallest, members.size());
  }
  const auto classes =
      static_cast<std::size_t>(std::ranges::count_if(of_class, [](const auto& members) { return !members.empty(); }));
  SLIPWAY_CHECK(refuse_ratio(options, smallest, largest, classes));
  for (std::size_t k = 0; k < of_class.size(); ++k) {
    const std::vector<std::uint32_t>& members = of_class[k];
    if (members.empty()) continue;
    if (options.sampling == "under") {
      const auto most = static_cast<std::size_t>(static_cast<double>(smallest) / options.ratio);
      std::vector<std::uint32_t> order = members;
      if (order.size() > most) {
        Random random(random_key({seed, leave_out, k}));
        shuffle(order.data(), order.size(), random);
        order.resize(most);
      }
      sample.kept.insert(sample.kept.end(), order.begin(), order.end());
      continue;
    }
    sample.kept.insert(sample.kept.end(), members.begin(), members.end());
    const auto least = static_cast<std::size_t>(static_cast<double>(largest) * options.ratio);
    if (members.size() >= least) continue;
    if (between) {
      SLIPWAY_CHECK(refuse_few(options, members.size(), k));
      add_between(data, options, members, least - members.size(), random_key({seed, make_between, k}), threads, sample);
      continue;
    }
    Random random(random_key({seed, draw_again, k}));
    for (std::size_t i = members.size(); i < least; ++i) {
      const std::uint32_t row = members[random.below(members.size())];
      sample.added.push_back({row, row, 0, {}});
    }
  }
  std::sort(sample.kept.begin(), sample.kept.end());
  return sample;
}

}  // namespace slipway::learners::augmentation
