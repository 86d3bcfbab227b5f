// Times explanations of an imported model over rows of numbers: bench_explain BUNDLE ROWS.f32 [rows]
// ROWS.f32: float32, row by row, in the order of the model's inputs. Prints one JSON object; all times are CPU time of
// one thread. Driven by explain.py.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <slipway/base/file.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/package/bundle.hpp>

namespace {

using namespace slipway;

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Body>
double best_of(int repeats, Body body) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const double begin = cpu_seconds();
    body();
    best = std::min(best, cpu_seconds() - begin);
  }
  return best;
}

[[noreturn]] void fail(const Error& error) {
  std::fprintf(stderr, "bench_explain: %s\n", error.message().c_str());
  std::exit(1);
}

template <class T>
T need(Result<T> result) {
  if (!result.ok()) fail(result.error());
  return std::move(result).value();
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: bench_explain BUNDLE ROWS.f32 [rows]\n");
    return 2;
  }
  const auto bundle = need(package::open_bundle(arguments[1]));
  const model::Model& model = bundle.model();
  const std::string bytes = need(read_file(arguments[2]));
  const std::size_t width = model.inputs.size();
  std::size_t rows = bytes.size() / sizeof(float) / width;
  if (count > 3) rows = std::min<std::size_t>(rows, std::strtoul(arguments[3], nullptr, 10));
  std::vector<std::vector<float>> columns(width, std::vector<float>(rows));
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t c = 0; c < width; ++c)
      std::memcpy(&columns[c][row], bytes.data() + (row * width + c) * sizeof(float), sizeof(float));
  model::RowBatch batch;
  batch.rows = rows;
  for (const auto& column : columns) batch.columns.emplace_back(model::NumberView(column));

  const auto predictor = need(engine::Predictor::compile(model));
  const auto evaluate = [&](const model::RowBatch& some, model::ValueId value, model::Block& out) {
    thread_local engine::Scratch scratch;
    return predictor.evaluate(some, value, scratch, out);
  };
  const Threads one(1);
  explain::Contributions out;
  const auto explain_all = [&](const explain::Explainer& explainer, const model::RowBatch& some) {
    if (const Status status = explainer.explain(some, out, one); !status.ok()) fail(status.error());
  };
  const auto per_row = [&](const explain::Explainer& explainer, std::size_t singles) {
    return best_of(3,
                   [&] {
                     for (std::size_t row = 0; row < singles; ++row)
                       explain_all(explainer, slice_rows(batch, row, row + 1));
                   }) /
           static_cast<double>(singles) * 1e6;
  };

  const auto covered = need(explain::Explainer::make(model, {.method = explain::Method::path_dependent}, evaluate));
  const double many = best_of(3, [&] { explain_all(covered, batch); });
  std::printf("{\"rows\": %zu, \"rows_per_second\": %.0f, \"one_row_us\": %.1f", rows, static_cast<double>(rows) / many,
              per_row(covered, std::min<std::size_t>(rows, 200)));
  for (const std::size_t baselines : {1, 8, 64}) {
    std::vector<std::uint32_t> numbers;
    for (std::uint32_t i = 0; i < baselines; ++i) numbers.push_back(static_cast<std::uint32_t>(rows - 1 - 7 * i));
    const auto against = need(explain::Explainer::make(
        model, {.method = explain::Method::interventional, .baselines = explain::Baselines::copy(batch, numbers)},
        evaluate));
    std::printf(", \"against_%zu_us\": %.1f", baselines, per_row(against, 100));
  }
  std::printf("}\n");
  return 0;
}
