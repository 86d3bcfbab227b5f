// Fits any learner on a file of numbers and scores another: what quality.py and speed.py call.
//   bench_learner LEARNER TRAIN TEST SCORES THREADS REPEATS SEED [NAME=VALUE ...]
// Data files: training_file.hpp. SCORES receives float32 test rows x classes, row by row. Prints one JSON line: median
// seconds and CPU seconds of a fit, binning included, nodes per tree, by how much the fit raised the peak of the
// process's resident memory, and the longest time in which the fit did not ask whether it is to stop.
#include <atomic>
#include <string>

#include <sys/resource.h>

#include "../driver.hpp"
#include "training_file.hpp"

namespace {

using namespace slipway;
using bench::need;
using bench::now;
using bench::process_cpu_seconds;

long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// How long a user who presses Ctrl-C waits at most: the longest time between two questions, whoever asks them.
class Questions final : public Progress {
 public:
  void begin(std::string_view, std::size_t) override {}
  void advance(std::size_t) override {}
  void note(std::string_view) override {}
  void end() override {}
  bool cancelled() const override {
    ask();
    return false;
  }
  void ask() const {
    const double time = now();
    const double gap = time - last_.exchange(time);
    double longest = longest_;
    while (gap > longest && !longest_.compare_exchange_weak(longest, gap)) {
    }
  }
  double longest() const { return longest_; }

 private:
  mutable std::atomic<double> last_{now()};
  mutable std::atomic<double> longest_{0};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) {
    std::fprintf(stderr, "usage: bench_learner LEARNER TRAIN TEST SCORES THREADS REPEATS SEED [NAME=VALUE ...]\n");
    return 2;
  }
  const learners::Learner& learner = *need(learners::find_learner(argv[1]));
  const Threads threads(std::atoi(argv[5]));
  learners::Settings settings;
  for (int i = 8; i < argc; ++i) {
    const std::string text = argv[i];
    const std::size_t equals = text.find('=');
    settings.emplace_back(text.substr(0, equals), params::scalar(text.substr(equals + 1)));
  }
  std::vector<double> seconds;
  std::vector<double> cpu_seconds;
  learners::Fragment fragment;
  long memory = 0;
  double silence = 0;
  {
    const bench::TrainingFile train(argv[2]);
    const learners::TrainingData data = train.view();
    for (int repeat = 0; repeat < std::max(1, std::atoi(argv[6])); ++repeat) {
      const long before = peak_kilobytes();
      const double start = now();
      const double start_cpu = process_cpu_seconds();
      Questions questions;
      fragment = need(learner.fit(data, settings, std::strtoull(argv[7], nullptr, 10), threads, questions));
      questions.ask();
      seconds.push_back(now() - start);
      cpu_seconds.push_back(process_cpu_seconds() - start_cpu);
      silence = std::max(silence, questions.longest());
      if (repeat == 0) memory = peak_kilobytes() - before;
    }
  }
  const bench::TrainingFile test(argv[3]);
  const model::Block scores = need(learners::predict(fragment, test.features));
  std::ofstream out(argv[4], std::ios::binary);
  std::vector<float> row(scores.width);
  for (std::size_t i = 0; i < scores.rows; ++i) {
    for (std::size_t column = 0; column < scores.width; ++column) row[column] = scores.at(i, column);
    out.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * sizeof(float)));
  }
  double nodes = 0;
  if (const auto* trees = std::get_if<model::Trees>(&fragment.operators[0]))
    nodes = static_cast<double>(trees->node_count()) / static_cast<double>(trees->roots.size());
  std::printf(
      "{\"seconds\": %.4f, \"cpu_seconds\": %.4f, \"nodes_per_tree\": %.1f, \"memory_megabytes\": %.1f, "
      "\"longest_silence_seconds\": %.4f}\n",
      median(seconds), median(cpu_seconds), nodes, static_cast<double>(memory) / 1024, silence);
  return out ? 0 : 1;
}
