// Times a peer through its own C interface, without Python: bench_peers PEER LIBRARY MODEL ROWS.f32 COLUMNS
// PEER is lightgbm or xgboost (LIBRARY is that of their wheels), or tl2cgen (LIBRARY is the compiled model; MODEL is
// not read). ROWS.f32: float32, row by row. Prints one JSON object; all times are CPU time of one thread. The first
// scores go into it, so that the driver can compare them. Driven by engine.py.
#include <cinttypes>
#include <cmath>
#include <functional>

#include <dlfcn.h>

#include "timing.hpp"

namespace {

using namespace slipway;
using namespace slipway::bench;

// What a peer does: scores `count` rows from the given one, and one row in the fastest way it has.
struct Peer {
  std::function<void(std::size_t first, std::size_t count, double* out)> batch;
  std::function<double(std::size_t row)> single;
};

struct Rows {
  std::vector<float> values;
  std::size_t columns;
  std::size_t count() const { return values.size() / columns; }
  const float* row(std::size_t i) const { return values.data() + i * columns; }
};

void* library = nullptr;
template <class Function>
Function* symbol(const char* name) {
  void* found = dlsym(library, name);
  if (found == nullptr) fail(not_found(std::string("the library has no ") + name));
  return reinterpret_cast<Function*>(found);
}
void check(int status, const char* what) {
  if (status != 0) fail(internal_error(std::string(what) + " failed"));
}

// https://lightgbm.readthedocs.io/en/v4.6.0/C-API.html
Peer lightgbm(const char* model, const Rows& rows) {
  using Handle = void*;
  const auto create = symbol<int(const char*, int*, Handle*)>("LGBM_BoosterCreateFromModelfile");
  const auto predict = symbol<int(Handle, const void*, int, std::int32_t, std::int32_t, int, int, int, int, const char*,
                                  std::int64_t*, double*)>("LGBM_BoosterPredictForMat");
  const auto prepare = symbol<int(Handle, int, int, int, int, std::int32_t, const char*, Handle*)>(
      "LGBM_BoosterPredictForMatSingleRowFastInit");
  const auto predict_one =
      symbol<int(Handle, const void*, std::int64_t*, double*)>("LGBM_BoosterPredictForMatSingleRowFast");
  constexpr int float32 = 0, normal = 0;
  constexpr const char* settings = "num_threads=1";
  Handle booster = nullptr, fast = nullptr;
  int iterations = 0;
  const auto columns = static_cast<std::int32_t>(rows.columns);
  check(create(model, &iterations, &booster), "LGBM_BoosterCreateFromModelfile");
  check(prepare(booster, normal, 0, -1, float32, columns, settings, &fast),
        "LGBM_BoosterPredictForMatSingleRowFastInit");
  return {[=, &rows](std::size_t first, std::size_t count, double* out) {
            std::int64_t length = 0;
            check(predict(booster, rows.row(first), float32, static_cast<std::int32_t>(count), columns, 1, normal, 0,
                          -1, settings, &length, out),
                  "LGBM_BoosterPredictForMat");
          },
          [=, &rows](std::size_t row) {
            std::int64_t length = 0;
            double score = 0;
            check(predict_one(fast, rows.row(row), &length, &score), "LGBM_BoosterPredictForMatSingleRowFast");
            return score;
          }};
}

// https://xgboost.readthedocs.io/en/release_3.2.0/c.html
Peer xgboost(const char* model, const Rows& rows) {
  using Handle = void*;
  const auto create = symbol<int(const Handle*, std::uint64_t, Handle*)>("XGBoosterCreate");
  const auto load = symbol<int(Handle, const char*)>("XGBoosterLoadModel");
  const auto set = symbol<int(Handle, const char*, const char*)>("XGBoosterSetParam");
  const auto predict =
      symbol<int(Handle, const char*, const char*, Handle, const std::uint64_t**, std::uint64_t*, const float**)>(
          "XGBoosterPredictFromDense");
  const auto make_proxy = symbol<int(Handle*)>("XGProxyDMatrixCreate");
  Handle booster = nullptr, proxy = nullptr;
  check(make_proxy(&proxy), "XGProxyDMatrixCreate");
  check(create(nullptr, 0, &booster), "XGBoosterCreate");
  check(load(booster, model), "XGBoosterLoadModel");
  check(set(booster, "nthread", "1"), "XGBoosterSetParam");
  const auto run = [=, &rows](std::size_t first, std::size_t count) {
    char place[160];
    std::snprintf(place, sizeof(place),
                  R"({"data":[%)" PRIuPTR R"(,true],"shape":[%zu,%zu],"typestr":"<f4","version":3})",
                  reinterpret_cast<std::uintptr_t>(rows.row(first)), count, rows.columns);
    const std::uint64_t* shape = nullptr;
    std::uint64_t dimensions = 0;
    const float* scores = nullptr;
    check(predict(
              booster, place,
              R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":false,"missing":NaN})",
              proxy, &shape, &dimensions, &scores),
          "XGBoosterPredictFromDense");
    return scores;
  };
  return {[=](std::size_t first, std::size_t count, double* out) { std::copy_n(run(first, count), count, out); },
          [=](std::size_t row) { return static_cast<double>(*run(row, 1)); }};
}

// What TL2cgen's C code has: void predict(union Entry*, int pred_margin, Number*), void postprocess(Number*), in float
// or double after the model. An Entry of a value that is not missing is the number itself.
template <class Number>
Peer tl2cgen(const Rows& rows) {
  const auto predict = symbol<void(const Number*, int, Number*)>("predict");
  const auto one = [=, &rows](std::size_t row) {
    const float* values = rows.row(row);
    thread_local std::vector<Number> entries;
    if constexpr (!std::is_same_v<Number, float>) entries.assign(values, values + rows.columns);
    Number score = 0;
    if constexpr (std::is_same_v<Number, float>)
      predict(values, 0, &score);
    else
      predict(entries.data(), 0, &score);
    return static_cast<double>(score);
  };
  return {[=](std::size_t first, std::size_t count, double* out) {
            for (std::size_t i = 0; i < count; ++i) out[i] = one(first + i);
          },
          one};
}
Peer tl2cgen(const char*, const Rows& rows) {
  const bool wide = std::string_view(symbol<const char*()>("get_threshold_type")()) == "float64";
  return wide ? tl2cgen<double>(rows) : tl2cgen<float>(rows);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) {
    std::fprintf(stderr, "usage: bench_peers lightgbm|xgboost|tl2cgen LIBRARY MODEL ROWS.f32 COLUMNS\n");
    return 2;
  }
  const std::string peer = arguments[1];
  library = dlopen(arguments[2], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(unavailable(dlerror()));
  Rows rows{{}, std::stoul(arguments[5])};
  const std::string bytes = need(read_file(arguments[4]));
  rows.values.resize(std::min(bytes.size() / sizeof(float), 20'000 * rows.columns));
  std::memcpy(rows.values.data(), bytes.data(), rows.values.size() * sizeof(float));
  const Peer it = peer == "lightgbm"  ? lightgbm(arguments[3], rows)
                  : peer == "xgboost" ? xgboost(arguments[3], rows)
                                      : tl2cgen(arguments[3], rows);
  std::vector<double> out(rows.count());
  const double seconds = median_of(3, [&] { it.batch(0, rows.count(), out.data()); });
  volatile double kept = 0;
  const auto single = [&](std::size_t i) { kept = it.single(single_row(i, rows.count())); };
  std::printf("{\"rows_per_second\": %.0f, \"one_row_us\": %.2f, \"one_row_cold_us\": %.1f, \"scores\": [",
              static_cast<double>(rows.count()) / seconds, hot_microseconds(single_rows, single),
              cold_microseconds(single_rows, single));
  for (std::size_t i = 0; i < 100; ++i) {
    if (std::abs(it.single(i) - out[i]) > 1e-6) std::fprintf(stderr, "row %zu alone differs\n", i);
    std::printf("%s%.9g", i > 0 ? ", " : "", out[i]);
  }
  std::printf("]}\n");
  return 0;
}
