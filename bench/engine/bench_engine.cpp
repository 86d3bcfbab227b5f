// Times scores of an imported model over rows of numbers: bench_engine BUNDLE ROWS.f32 MATRIX.onnx [KERNEL]
// ROWS.f32: float32, row by row, in the order of the model's inputs. MATRIX.onnx: the same trees behind one matrix, for
// ONNX Runtime's C API. KERNEL: only that one, not each. Prints one JSON object; all times are CPU time of one thread.
// Driven by engine.py and sizes.py.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <slipway/base/file.hpp>
#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/package/bundle.hpp>

#include "../driver.hpp"
#include "timing.hpp"

using namespace slipway;
using namespace slipway::bench;

namespace {

std::size_t nodes_of(const model::Model& model) {
  std::size_t nodes = 0;
  for (const model::Operator& op : model.operators)
    if (const auto* trees = std::get_if<model::Trees>(&op)) nodes += trees->node_count();
  return nodes;
}

// How many reads a second memory serves that need not wait for each other, from lines of an array of so many bytes.
double random_lines_per_second(std::size_t bytes) {
  const std::size_t lines = std::max<std::size_t>(bytes / 64, 1);
  const std::vector<std::uint64_t> memory(8 * lines, 1);
  constexpr std::size_t reads = 20'000'000;
  volatile std::uint64_t kept = 0;
  const double seconds = median_of(3, [&] {
    std::uint64_t sum = 0, state = 1;
    for (std::size_t i = 0; i < reads; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;  // Knuth's
      sum += memory[8 * static_cast<std::size_t>((state >> 32) * lines >> 32)];
    }
    kept = sum;
  });
  return static_cast<double>(reads) / seconds;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 4) {
    std::fprintf(stderr, "usage: bench_engine BUNDLE ROWS.f32 MATRIX.onnx [KERNEL]\n");
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
    if (!engine::is_supported(kernel) || (count > 4 && tree_kernel_name(kernel) != arguments[4])) continue;
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
  for (std::size_t i = 0; i < single_rows; ++i) {
    const std::size_t row = single_row(i, rows);
    singles.push_back(slice_rows(batch, row, row + 1));
  }
  const auto ours = [&](std::size_t i) { need(predictor.predict(singles[i], scratch, out)); };
  std::printf(", \"one_row_us\": %.2f, \"one_row_cold_us\": %.1f", hot_microseconds(singles.size(), ours),
              cold_microseconds(singles.size(), ours));

  std::printf(", \"random_lines_per_second\": %.0f", random_lines_per_second(8 * nodes_of(model)));
  const auto session = need(engine::OnnxRuntime::open(need(read_file(arguments[3]))));
  const auto theirs = [&](const model::RowBatch& some) { static_cast<void>(need(session.run(some, model.inputs))); };
  const auto theirs_alone = [&](std::size_t i) { theirs(singles[i]); };
  const model::RowBatch some = slice_rows(batch, 0, std::min<std::size_t>(rows, 20'000));
  const double seconds = median_of(3, [&] { theirs(some); });
  std::printf(", \"onnx_runtime\": %.0f, \"onnx_runtime_one_row_us\": %.2f, \"onnx_runtime_one_row_cold_us\": %.1f}\n",
              static_cast<double>(some.rows) / seconds, hot_microseconds(singles.size(), theirs_alone),
              cold_microseconds(singles.size(), theirs_alone));
  return 0;
}
