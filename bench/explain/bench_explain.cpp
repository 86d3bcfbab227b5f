// Times explanations of an imported model over rows of numbers: bench_explain BUNDLE ROWS.f32 [rows]
// ROWS.f32: float32, row by row, in the order of the model's inputs. Prints one JSON object; all times are CPU time of
// one thread. Driven by explain.py.
#include <cstdio>
#include <cstdlib>

#include <slipway/engine/predictor.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/package/bundle.hpp>

#include "../driver.hpp"

namespace {

using namespace slipway;
using namespace slipway::bench;

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

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: bench_explain BUNDLE ROWS.f32 [rows]\n");
    return 2;
  }
  const auto bundle = need(package::open_bundle(arguments[1]));
  const model::Model& model = bundle.model();
  const std::size_t most = count > 3 ? std::strtoul(arguments[3], nullptr, 10) : static_cast<std::size_t>(-1);
  const NumberRows given(arguments[2], model.inputs.size(), most);
  const model::RowBatch& batch = given.batch;
  const std::size_t rows = batch.rows;

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
