// Fits any learner on a file of numbers and scores another: what quality.py and speed.py call.
//   bench_learner LEARNER TRAIN TEST SCORES THREADS REPEATS SEED [NAME=VALUE ...]
// A data file holds int32 rows, columns and classes (1: a number to predict), rows x columns float32 row by row (NaN is
// missing), and a float32 truth per row. SCORES receives float32 test rows x classes, row by row. Prints one JSON line:
// median seconds and CPU seconds of a fit, binning included, nodes per tree, and by how much the fit raised the peak of
// the process's resident memory.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>

#include <sys/resource.h>

#include <slipway/learners/learner.hpp>

namespace {

using namespace slipway;

struct Data {
  model::Block features;
  int classes = 2;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
};

template <class T>
T need(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().message().c_str());
  std::exit(1);
}

Data load(const char* file) {
  std::ifstream in(file, std::ios::binary);
  std::int32_t size[3] = {};
  in.read(reinterpret_cast<char*>(size), sizeof size);
  const auto rows = static_cast<std::size_t>(size[0]);
  const auto columns = static_cast<std::size_t>(size[1]);
  Data data{model::Block(rows, columns), size[2], {}, {}};
  std::vector<float> row(columns);
  for (std::size_t i = 0; i < rows; ++i) {
    in.read(reinterpret_cast<char*>(row.data()), static_cast<std::streamsize>(columns * sizeof(float)));
    for (std::size_t column = 0; column < columns; ++column) data.features.column(column)[i] = row[column];
  }
  data.targets.resize(rows);
  in.read(reinterpret_cast<char*>(data.targets.data()), static_cast<std::streamsize>(rows * sizeof(float)));
  if (!in) {
    std::fprintf(stderr, "cannot read %s\n", file);
    std::exit(2);
  }
  if (data.classes == 1) return data;
  for (float target : data.targets) data.labels.push_back(static_cast<std::int32_t>(target));
  data.targets.clear();
  return data;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
double cpu() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
long peak_kilobytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

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
  {
    const Data train = load(argv[2]);
    learners::TrainingData data;
    data.features = &train.features;
    data.task = train.classes == 1   ? model::Task::regression
                : train.classes == 2 ? model::Task::binary
                                     : model::Task::multiclass;
    data.classes = train.classes;
    data.labels = train.labels;
    data.targets = train.targets;
    for (int repeat = 0; repeat < std::max(1, std::atoi(argv[6])); ++repeat) {
      const long before = peak_kilobytes();
      const double start = now();
      const double start_cpu = cpu();
      fragment = need(learner.fit(data, settings, std::strtoull(argv[7], nullptr, 10), threads, silent_progress()));
      seconds.push_back(now() - start);
      cpu_seconds.push_back(cpu() - start_cpu);
      if (repeat == 0) memory = peak_kilobytes() - before;
    }
  }
  const Data test = load(argv[3]);
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
  std::printf("{\"seconds\": %.4f, \"cpu_seconds\": %.4f, \"nodes_per_tree\": %.1f, \"memory_megabytes\": %.1f}\n",
              median(seconds), median(cpu_seconds), nodes, static_cast<double>(memory) / 1024);
  return out ? 0 : 1;
}
