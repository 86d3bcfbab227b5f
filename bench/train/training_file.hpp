// What the drivers of training share: the data file that tables.py writes, and clocks.
#pragma once
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <vector>

#include <slipway/learners/learner.hpp>

namespace slipway::bench {

struct TrainingFile {
  model::Block features;
  int classes = 2;  // 1: a number to predict
  std::vector<std::int32_t> labels;
  std::vector<float> targets;

  // int32 rows, columns and classes, rows x columns float32 row by row (NaN is missing), a float32 truth per row. Ends
  // the program if it cannot be read.
  explicit TrainingFile(const char* file) {
    std::ifstream in(file, std::ios::binary);
    std::int32_t size[3] = {};
    in.read(reinterpret_cast<char*>(size), sizeof size);
    const auto rows = static_cast<std::size_t>(size[0]);
    const auto columns = static_cast<std::size_t>(size[1]);
    features = model::Block(rows, columns);
    classes = size[2];
    std::vector<float> row(columns);
    for (std::size_t i = 0; i < rows; ++i) {
      in.read(reinterpret_cast<char*>(row.data()), static_cast<std::streamsize>(columns * sizeof(float)));
      for (std::size_t column = 0; column < columns; ++column) features.column(column)[i] = row[column];
    }
    targets.resize(rows);
    in.read(reinterpret_cast<char*>(targets.data()), static_cast<std::streamsize>(rows * sizeof(float)));
    if (!in) {
      std::fprintf(stderr, "cannot read %s\n", file);
      std::exit(2);
    }
    if (classes == 1) return;
    for (float target : targets) labels.push_back(static_cast<std::int32_t>(target));
    targets.clear();
  }

  // Views this.
  learners::TrainingData view() const {
    learners::TrainingData data;
    data.features = &features;
    data.task = classes == 1 ? model::Task::regression : classes == 2 ? model::Task::binary : model::Task::multiclass;
    data.classes = classes;
    data.labels = labels;
    data.targets = targets;
    return data;
  }
};

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
// Of the whole process: what counts where other work shares the machine.
inline double process_cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace slipway::bench
