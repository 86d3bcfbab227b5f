#include <slipway/base/partial_progress.hpp>
#include <slipway/base/random.hpp>

#include "ensemble/ensemble.hpp"
#include "ensemble/members.hpp"
#include "fragments.hpp"
#include "row_subset.hpp"
#include "settings.hpp"
#include "training_data.hpp"

namespace slipway::learners::ensemble {
namespace {

struct BaggingOptions {
  int n_estimators = 10;
  double max_samples = 1;
  double max_features = 1;
  bool bootstrap = true;
};
constexpr params::Option<BaggingOptions> table[] = {
    {"n_estimators", &BaggingOptions::n_estimators, "number of fits", {.minimum = 1, .maximum = 100000}},
    {"max_samples",
     &BaggingOptions::max_samples,
     "rows drawn for each fit: a share up to 1, or a number from 2",
     {.minimum = 0, .open_minimum = true}},
    {"max_features",
     &BaggingOptions::max_features,
     "features drawn for each fit, each at most once: a share up to 1, or a number from 2",
     {.minimum = 0, .open_minimum = true}},
    {"bootstrap", &BaggingOptions::bootstrap, "draw rows with replacement; false: each row at most once"},
};
constexpr Layout layout = {"bagging", "member", "decision_tree", false, false};

enum Stream : std::uint64_t { row_stream = 1, feature_stream = 2, fit_stream = 3 };

struct Read {
  BaggingOptions options;
  Member member;
};

Result<Read> read(const Settings& settings) {
  SLIPWAY_TRY(Parts parts, take_apart(settings, layout));
  Read result{{}, std::move(parts.members[0])};
  SLIPWAY_CHECK(apply_settings<BaggingOptions>(result.options, table, parts.own, layout.learner, layout_names(layout)));
  for (const auto& [name, number] :
       {std::pair{"max_samples", result.options.max_samples}, {"max_features", result.options.max_features}})
    if (number > 1 && number != std::floor(number))
      return invalid_input(
          fmt::format("bagging: {}: {}; expected a share up to 1, or a whole number", name, format_number(number)));
  return result;
}

// A share of `all`, or a number of them.
Result<std::size_t> count_of(std::string_view name, double wanted, std::size_t all) {
  if (wanted <= 1)
    return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(wanted * static_cast<double>(all))));
  if (wanted > static_cast<double>(all)) return invalid_input(fmt::format("{}: {} of {}", name, wanted, all));
  return static_cast<std::size_t>(wanted);
}

// `count` of [0, all), each at most once, ascending.
std::vector<std::size_t> draw_distinct(std::size_t count, std::size_t all, Random random) {
  std::vector<std::size_t> numbers(all);
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  if (count < all) shuffle(numbers.data(), numbers.size(), random);
  numbers.resize(count);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// The rows of one sample, a row drawn k times once and with k times its weight.
RowSubset sample_rows(const TrainingData& data, std::span<const std::uint32_t> rows, std::size_t draws, bool bootstrap,
                      Random random) {
  std::vector<std::uint32_t> chosen;
  std::vector<float> counts;
  if (bootstrap) {
    std::vector<std::uint32_t> drawn(rows.size(), 0);
    for (std::size_t i = 0; i < draws; ++i) ++drawn[random.below(rows.size())];
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (drawn[i] == 0) continue;
      chosen.push_back(rows[i]);
      counts.push_back(static_cast<float>(drawn[i]));
    }
  } else {
    for (std::size_t i : draw_distinct(draws, rows.size(), random)) chosen.push_back(rows[i]);
  }
  RowSubset sample = take_rows(data, chosen);
  if (sample.weights.empty()) {
    sample.weights = std::move(counts);
  } else {
    for (std::size_t i = 0; i < counts.size(); ++i) sample.weights[i] *= counts[i];
  }
  return sample;
}

model::Block take_columns(const model::Block& block, std::span<const std::size_t> columns) {
  model::Block taken(block.rows, columns.size());
  for (std::size_t k = 0; k < columns.size(); ++k) std::ranges::copy(block.column(columns[k]), taken.column(k).begin());
  return taken;
}

Result<Fragment> fit(const TrainingData& data, const Settings& settings, std::uint64_t seed, const Threads& threads,
                     Progress& progress) {
  SLIPWAY_TRY(const Read given, read(settings));
  SLIPWAY_CHECK(check_training_data(data).with_context(layout.learner));
  const BaggingOptions& options = given.options;
  std::vector<std::uint32_t> rows;  // those that count
  for (std::uint32_t row = 0; row < data.features->rows; ++row)
    if (data.weights.empty() || data.weights[row] > 0) rows.push_back(row);
  SLIPWAY_TRY(const std::size_t draws, count_of("bagging: max_samples", options.max_samples, rows.size()));
  const std::size_t width = data.features->width;
  SLIPWAY_TRY(const std::size_t kept, count_of("bagging: max_features", options.max_features, width));

  const auto count = static_cast<std::size_t>(options.n_estimators);
  const Stage stage(progress, fmt::format("bagging: {} fits of {}", count, given.member.name),
                    count * PartialProgress::units);
  std::vector<std::optional<Result<Fragment>>> fragments(count);
  threads.for_each(count, [&](std::size_t i) {
    PartialProgress part(progress);
    RowSubset sample = sample_rows(data, rows, draws, options.bootstrap, Random(random_key({seed, row_stream, i})));
    const std::vector<std::size_t> columns = draw_distinct(kept, width, Random(random_key({seed, feature_stream, i})));
    if (kept < width) sample.features = take_columns(sample.features, columns);
    auto fragment = fit_member(given.member, sample.view(), random_key({seed, fit_stream, i}), threads, part);
    if (fragment.ok() && kept < width) fragment = over_columns(*fragment, columns);
    fragments[i] = std::move(fragment);
  });
  std::vector<Fragment> fitted;
  for (auto& fragment : fragments) {
    SLIPWAY_TRY(fitted.emplace_back(), std::move(*fragment).with_context(layout.learner));
  }
  return mean_of(fitted, std::vector<double>(count, 1.0 / static_cast<double>(count)));
}

}  // namespace

Learner bagging() {
  Learner learner;
  learner.name = layout.learner;
  learner.documentation = "mean of one learner's fits on samples of the rows and features";
  describe(learner, layout, std::span<const params::Option<BaggingOptions>>(table));
  learner.check = checked_by(read);
  learner.takes_missing_with = [](const Settings& settings, model::Task task) {
    const auto given = read(settings);
    if (!given.ok()) return true;
    const auto member = given->member.resolve(task);
    return !member.ok() || takes_missing(*member, given->member.settings, task);
  };
  learner.fit = fit;
  return learner;
}

}  // namespace slipway::learners::ensemble
