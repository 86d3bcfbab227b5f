// Times scores of an imported model over rows of numbers: bench_engine BUNDLE ROWS.f32 MATRIX.onnx
// ROWS.f32: float32, row by row, in the order of the model's inputs. MATRIX.onnx: the same trees behind one matrix, for
// ONNX Runtime's C API. Prints one JSON object; all times are CPU time of one thread. Driven by engine.py.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <slipway/base/file.hpp>
#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/package/bundle.hpp>

#include "../driver.hpp"

namespace {

using namespace slipway;
using namespace slipway::bench;

template <class Body>
double median_of(int repeats, Body body) {
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    const double begin = cpu_seconds();
    body();
    times.push_back(cpu_seconds() - begin);
  }
  std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
  return times[static_cast<std::size_t>(repeats / 2)];
}

// Throws the model out of the caches.
void sweep() {
  static std::vector<char> memory(64U << 20);
  for (std::size_t i = 0; i < memory.size(); i += 64) ++memory[i];
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::fprintf(stderr, "usage: bench_engine BUNDLE ROWS.f32 MATRIX.onnx\n");
    return 2;
  }
  const auto bundle = need(package::open_bundle(arguments[1]));
  const model::Model& model = bundle.model();
  const NumberRows given(arguments[2], model.inputs.size());
  const model::RowBatch& batch = given.batch;
  const std::size_t rows = batch.rows;

  std::printf("{\"rows\": %zu", rows);
  std::vector<float> expected;
  for (const engine::TreeKernel kernel : engine::tree_kernels) {
    if (!engine::is_supported(kernel)) continue;
    const auto predictor = need(engine::Predictor::compile(model, {.tree_kernel = kernel}));
    engine::Scratch scratch;
    engine::Prediction out;
    // Slow kernels score fewer rows.
    const bool fast = kernel == engine::TreeKernel::automatic || kernel == engine::TreeKernel::sliced_avx2 ||
                      kernel == engine::TreeKernel::sliced_avx512;
    const model::RowBatch some = slice_rows(batch, 0, fast ? rows : std::min<std::size_t>(rows, 10'000));
    need(predictor.predict(some, scratch, out));
    if (expected.empty()) expected = out.scores.values;
    for (std::size_t row = 0; row < some.rows; ++row)
      if (out.scores.values[row] != expected[row]) std::fprintf(stderr, "row %zu differs\n", row);
    const double seconds = median_of(3, [&] { need(predictor.predict(some, scratch, out)); });
    std::printf(", \"%s\": %.0f", std::string(tree_kernel_name(kernel)).c_str(),
                static_cast<double>(some.rows) / seconds);
  }

  const auto predictor = need(engine::Predictor::compile(model));
  engine::Scratch scratch;
  engine::Prediction out;
  std::vector<model::RowBatch> singles;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t row = i * 37 % rows;
    singles.push_back(slice_rows(batch, row, row + 1));
  }
  const auto hot = [&](const auto& score) {
    for (const auto& row : singles) score(row);
    return median_of(15,
                     [&] {
                       for (const auto& row : singles) score(row);
                     }) /
           static_cast<double>(singles.size()) * 1e6;
  };
  const auto cold = [&](const auto& score) {
    std::vector<double> times;
    for (std::size_t i = 0; i < 30; ++i) {
      sweep();
      const double begin = cpu_seconds();
      score(singles[i]);
      times.push_back(cpu_seconds() - begin);
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2] * 1e6;
  };
  const auto ours = [&](const model::RowBatch& row) { need(predictor.predict(row, scratch, out)); };
  std::printf(", \"one_row_us\": %.2f, \"one_row_cold_us\": %.1f", hot(ours), cold(ours));

  const auto session = need(engine::OnnxRuntime::open(need(read_file(arguments[3]))));
  const auto theirs = [&](const model::RowBatch& some) { static_cast<void>(need(session.run(some, model.inputs))); };
  const model::RowBatch some = slice_rows(batch, 0, std::min<std::size_t>(rows, 20'000));
  const double seconds = median_of(3, [&] { theirs(some); });
  std::printf(", \"onnx_runtime\": %.0f, \"onnx_runtime_one_row_us\": %.2f, \"onnx_runtime_one_row_cold_us\": %.1f}\n",
              static_cast<double>(some.rows) / seconds, hot(theirs), cold(theirs));
  return 0;
}
