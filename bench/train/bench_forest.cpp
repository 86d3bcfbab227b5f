// Measures fits of random forests: see grid.py, which makes the data and runs the peers.
//   bench_forest fit TRAIN TEST TREES DEPTH THREADS [REPEATS]
//   bench_forest grid DATA THREADS [CHECKS]   27 points, 5 stratified folds, refit; CHECKS points are fitted on their
//   own
//                                             in the first fold, to time them and to compare every score
// Data files of two classes: training_file.hpp.
#include <string>

#include <slipway/base/random.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/search/search.hpp>

#include "../driver.hpp"
#include "training_file.hpp"

namespace {

using namespace slipway;
using bench::need;
using bench::now;
using bench::process_cpu_seconds;
using bench::TrainingFile;

int fit(const TrainingFile& train, const TrainingFile& test, const learners::Settings& settings, const Threads& threads,
        int repeats) {
  const learners::Learner& forest = *need(learners::find_learner("random_forest"));
  double best = 1e30;
  double best_cpu = 1e30;
  learners::Fragment fragment;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double start = now();
    const double start_cpu = process_cpu_seconds();
    fragment = need(forest.fit(train.view(), settings, 1, threads, silent_progress()));
    best = std::min(best, now() - start);
    best_cpu = std::min(best_cpu, process_cpu_seconds() - start_cpu);
  }
  const auto& trees = std::get<model::Trees>(fragment.operators[0]);
  const auto nested = need(
      forest.fit_nested(train.view(), settings, std::span<const learners::Settings>(), 1, threads, silent_progress()));
  const std::vector<learners::Settings> points = {{}};
  const model::Block scores = std::move(need(nested->predict(points, test.features, threads))[0]);
  const double precision = need(metrics::average_precision(test.labels, scores.column(1)));
  std::printf(
      "{\"seconds\": %.4f, \"cpu_seconds\": %.4f, \"trees\": %zu, \"nodes_per_tree\": %.0f, \"average_precision\": "
      "%.6f}\n",
      best, best_cpu, trees.roots.size(),
      static_cast<double>(trees.node_count()) / static_cast<double>(trees.roots.size()), precision);
  return 0;
}

search::Dimension dimension(const char* option, std::initializer_list<const char*> values) {
  search::Dimension result{option, {}};
  for (const char* value : values) result.values.push_back(params::scalar(value));
  return result;
}

constexpr std::size_t folds = 5;

// Rows of each class dealt out in a shuffled order.
std::vector<std::uint8_t> fold_of_rows(const std::vector<std::int32_t>& labels) {
  std::vector<std::uint8_t> fold(labels.size());
  for (std::int32_t label : {0, 1}) {
    std::vector<std::uint32_t> rows;
    for (std::size_t row = 0; row < labels.size(); ++row)
      if (labels[row] == label) rows.push_back(static_cast<std::uint32_t>(row));
    Random random(static_cast<std::uint64_t>(label));
    shuffle(rows.data(), rows.size(), random);
    for (std::size_t i = 0; i < rows.size(); ++i) fold[rows[i]] = static_cast<std::uint8_t>(i % folds);
  }
  return fold;
}

search::FoldData fold_data(const TrainingFile& data, const std::vector<std::uint8_t>& fold, std::size_t index) {
  search::FoldData result;
  for (const bool validation : {false, true}) {
    std::vector<std::uint32_t> rows;
    for (std::size_t row = 0; row < fold.size(); ++row)
      if ((fold[row] == index) == validation) rows.push_back(static_cast<std::uint32_t>(row));
    search::LabelledRows& part = validation ? result.validation : result.train;
    part.features = model::Block(rows.size(), data.features.width);
    for (std::size_t column = 0; column < data.features.width; ++column)
      for (std::size_t i = 0; i < rows.size(); ++i) part.features.column(column)[i] = data.features.at(rows[i], column);
    for (std::uint32_t row : rows) part.labels.push_back(data.labels[row]);
  }
  return result;
}

int grid(const TrainingFile& data, const Threads& threads, std::size_t checks) {
  search::Problem problem;
  problem.learner = need(learners::find_learner("random_forest"));
  problem.space = {dimension("n_estimators", {"100", "200", "300"}), dimension("max_depth", {"5", "10", "15"}),
                   dimension("min_samples_split", {"2", "5", "10"})};
  search::SearchOptions options;
  options.folds = folds;
  const std::vector<std::uint8_t> fold = fold_of_rows(data.labels);
  const auto source = [&](std::size_t index) -> Result<search::FoldData> { return fold_data(data, fold, index); };
  const double start = now();
  const double start_cpu = process_cpu_seconds();
  const search::SearchResult result = need(search::search(problem, options, source, threads, silent_progress()));
  const double searched = now();
  const learners::Settings best = search::all_settings(problem, result.best_candidate());
  need(problem.learner->fit(data.view(), best, options.seed, threads, silent_progress()));
  const double end = now();
  const double used = process_cpu_seconds() - start_cpu;

  // Some points on their own: how long that takes, and whether the scores are the same.
  std::size_t equal = 0;
  double alone = 0;
  const search::FoldData first = fold_data(data, fold, 0);
  learners::TrainingData train;
  train.features = &first.train.features;
  train.labels = first.train.labels;
  for (std::size_t check = 0; check < checks; ++check) {
    const search::Candidate& candidate = result.candidates[check * 26 / std::max<std::size_t>(1, checks - 1)];
    const learners::Settings settings = search::all_settings(problem, candidate);
    const double begin = process_cpu_seconds();
    const learners::Fragment fragment =
        need(problem.learner->fit(train, settings, options.seed, threads, silent_progress()));
    alone += process_cpu_seconds() - begin;
    const model::Block scores = need(learners::predict(fragment, first.validation.features));
    const double precision = need(metrics::average_precision(first.validation.labels, scores.column(1)));
    equal += precision == candidate.scores[0] ? 1 : 0;
  }
  std::printf(
      "{\"seconds\": %.3f, \"cpu_seconds\": %.3f, \"search_seconds\": %.3f, \"fit_seconds\": %.3f, \"score_seconds\": "
      "%.3f, "
      "\"refit_seconds\": %.3f, \"fits\": %zu, \"best\": \"%s\", \"average_precision\": %.6f, "
      "\"checked\": %zu, \"equal\": %zu, \"cpu_seconds_alone\": %.3f}\n",
      end - start, used, searched - start, result.fit_seconds, result.score_seconds, end - searched, result.fits,
      search::describe(result.best_candidate().settings).c_str(), result.best_candidate().mean, checks, equal, alone);
  return equal == checks ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc >= 7 && std::string(argv[1]) == "fit") {
    const learners::Settings settings = {{"n_estimators", params::scalar(argv[4])},
                                         {"max_depth", params::scalar(argv[5])}};
    return fit(TrainingFile(argv[2]), TrainingFile(argv[3]), settings, Threads(std::atoi(argv[6])),
               argc > 7 ? std::atoi(argv[7]) : 1);
  }
  if (argc >= 4 && std::string(argv[1]) == "grid")
    return grid(TrainingFile(argv[2]), Threads(std::atoi(argv[3])),
                argc > 4 ? static_cast<std::size_t>(std::atoi(argv[4])) : 0);
  std::fprintf(stderr,
               "usage: bench_forest fit TRAIN TEST TREES DEPTH THREADS [REPEATS] | grid DATA THREADS [CHECKS]\n");
  return 2;
}
