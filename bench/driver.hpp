// What the drivers of imported models share: errors end the program, CPU time of the thread, rows of a .f32 file.
#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include <slipway/base/file.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::bench {

inline double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

[[noreturn]] inline void fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  std::exit(1);
}
inline void need(const Status& status) {
  if (!status.ok()) fail(status.error());
}
template <class T>
T need(Result<T> result) {
  if (!result.ok()) fail(result.error());
  return std::move(result).value();
}

// float32, row by row, in the order of the model's inputs. The batch views the columns: not to be copied.
struct NumberRows {
  std::vector<std::vector<float>> columns;
  model::RowBatch batch;

  NumberRows(const char* file, std::size_t width, std::size_t most = static_cast<std::size_t>(-1)) {
    const std::string bytes = need(read_file(file));
    batch.rows = std::min(most, bytes.size() / sizeof(float) / width);
    columns.assign(width, std::vector<float>(batch.rows));
    for (std::size_t row = 0; row < batch.rows; ++row)
      for (std::size_t c = 0; c < width; ++c)
        std::memcpy(&columns[c][row], bytes.data() + (row * width + c) * sizeof(float), sizeof(float));
    for (const auto& column : columns) batch.columns.emplace_back(model::NumberView(column));
  }
  NumberRows(const NumberRows&) = delete;
  NumberRows& operator=(const NumberRows&) = delete;
};

}  // namespace slipway::bench
