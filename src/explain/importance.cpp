#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <boost/math/distributions/students_t.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/random.hpp>
#include <slipway/explain/importance.hpp>

#include "row_copy.hpp"

namespace slipway::explain {

namespace {

constexpr std::uint64_t row_sample_key = 0x726f7773;
constexpr std::uint64_t shuffle_key = 0x73687566;

// Half the width of the 95 % interval of a mean of `count` values with this standard deviation.
double half_width(double standard_deviation, std::size_t count) {
  if (count < 2 || !(standard_deviation > 0)) return 0;
  const boost::math::students_t distribution(static_cast<double>(count - 1));
  return boost::math::quantile(distribution, 0.975) * standard_deviation / std::sqrt(static_cast<double>(count));
}

}  // namespace

Result<PermutationImportance> permutation_importance(std::span<const model::Input> inputs, const model::RowBatch& rows,
                                                     const Scorer& scorer, const MetricOfRows& metric,
                                                     const ImportanceOptions& options, const Threads& threads,
                                                     Progress& progress) {
  if (inputs.size() != rows.columns.size())
    return invalid_input(fmt::format("permutation importance of {} inputs was asked with rows of {}", inputs.size(),
                                     rows.columns.size()));
  if (rows.rows < 2)
    return invalid_input(fmt::format("permutation importance needs at least 2 rows; there are {}", rows.rows));
  if (options.repeats < 1)
    return invalid_input(fmt::format("permutation importance needs at least 1 repeat, not {}", options.repeats));
  const std::vector<std::uint32_t> sampled =
      sample_rows(rows.rows, std::max<std::size_t>(2, options.max_rows), random_key({options.seed, row_sample_key}));
  const RowCopy copy(rows, sampled);
  const auto measure = [&](const model::RowBatch& batch) -> Result<double> {
    SLIPWAY_TRY(const std::vector<float> scores, scorer(batch));
    return metric(scores, sampled);
  };

  PermutationImportance result;
  result.rows = sampled.size();
  SLIPWAY_TRY(result.metric, measure(copy.batch()));
  const std::size_t repeats = static_cast<std::size_t>(options.repeats);
  const std::size_t jobs = inputs.size() * repeats;
  std::vector<double> worse(jobs, 0);
  std::vector<std::optional<Error>> errors(jobs);
  progress.begin("permutation importance", jobs);
  threads.for_each(jobs, [&](std::size_t job) {
    const std::size_t input = job / repeats;
    std::vector<std::uint32_t> order(sampled.size());
    std::iota(order.begin(), order.end(), 0);
    Random random(random_key({options.seed, shuffle_key, input, job % repeats}));
    shuffle(order.data(), order.size(), random);
    const RowCopy::Replaced replaced = copy.permuted(input, order);
    const Result<double> measured = measure(replaced.batch);
    if (measured) {
      worse[job] = options.higher_is_better ? result.metric - *measured : *measured - result.metric;
    } else {
      errors[job] = measured.error();
    }
    progress.advance(1);
  });
  progress.end();
  for (std::size_t job = 0; job < jobs; ++job)
    if (errors[job])
      return std::move(*errors[job]).with_context("permuting input '" + inputs[job / repeats].name + "'");

  for (std::size_t i = 0; i < inputs.size(); ++i) {
    InputImportance importance;
    importance.input = inputs[i].name;
    importance.repeats.assign(worse.begin() + std::ptrdiff_t(i * repeats),
                              worse.begin() + std::ptrdiff_t((i + 1) * repeats));
    importance.mean = std::accumulate(importance.repeats.begin(), importance.repeats.end(), 0.0) / double(repeats);
    double squares = 0;
    for (double value : importance.repeats) squares += (value - importance.mean) * (value - importance.mean);
    importance.standard_deviation = repeats > 1 ? std::sqrt(squares / double(repeats - 1)) : 0;
    const double half = half_width(importance.standard_deviation, repeats);
    importance.low = importance.mean - half;
    importance.high = importance.mean + half;
    result.inputs.push_back(std::move(importance));
  }
  std::stable_sort(result.inputs.begin(), result.inputs.end(),
                   [](const InputImportance& a, const InputImportance& b) { return a.mean > b.mean; });
  return result;
}

std::vector<MeanContribution> mean_contributions(const Explainer& explainer, const Contributions& contributions) {
  std::vector<MeanContribution> result;
  const std::size_t rows = contributions.rows;
  for (std::size_t i = 0; i < contributions.inputs; ++i) {
    double sum = 0, squares = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      double size = 0;
      for (std::size_t o = 0; o < contributions.outputs; ++o) size += std::abs(contributions.input(o, i, row));
      sum += size;
      squares += size * size;
    }
    MeanContribution mean{explainer.inputs()[i]};
    if (rows > 0) {
      mean.value = sum / double(rows);
      const double variance = rows > 1 ? std::max(0.0, squares - sum * mean.value) / double(rows - 1) : 0;
      const double half = 1.959963984540054 * std::sqrt(variance / double(rows));
      mean.low = std::max(0.0, mean.value - half);
      mean.high = mean.value + half;
    }
    result.push_back(std::move(mean));
  }
  std::stable_sort(result.begin(), result.end(),
                   [](const MeanContribution& a, const MeanContribution& b) { return a.value > b.value; });
  return result;
}

nlohmann::json to_json(const PermutationImportance& importance) {
  nlohmann::json inputs = nlohmann::json::array();
  for (const InputImportance& input : importance.inputs)
    inputs.push_back({{"input", input.input},
                      {"mean", input.mean},
                      {"standard_deviation", input.standard_deviation},
                      {"low", input.low},
                      {"high", input.high},
                      {"repeats", input.repeats}});
  return {{"metric", importance.metric}, {"rows", importance.rows}, {"inputs", std::move(inputs)}};
}

nlohmann::json to_json(const std::vector<MeanContribution>& contributions) {
  nlohmann::json json = nlohmann::json::array();
  for (const MeanContribution& contribution : contributions)
    json.push_back({{"input", contribution.name},
                    {"mean_absolute_contribution", contribution.value},
                    {"low", contribution.low},
                    {"high", contribution.high}});
  return json;
}

nlohmann::json to_json(const std::vector<ImpurityImportance>& importance) {
  nlohmann::json json = nlohmann::json::array();
  for (const ImpurityImportance& entry : importance) json.push_back({{"input", entry.name}, {"share", entry.value}});
  return json;
}

}  // namespace slipway::explain
