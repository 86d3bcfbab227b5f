// What the server counts, and its text form for Prometheus (exposition format 0.0.4). Counting takes a few relaxed
// atomic additions; numbers of one request may be seen one after the other.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::serving {

using Counter = std::atomic<std::uint64_t>;

inline void add(Counter& counter, std::uint64_t amount = 1) { counter.fetch_add(amount, std::memory_order_relaxed); }

// A cumulative histogram with fixed upper bounds; the last bucket is +Inf.
template <std::size_t Bounds>
struct Histogram {
  std::array<Counter, Bounds + 1> counts{};
  std::atomic<double> sum{0};
  void observe(double value, const std::array<double, Bounds>& bounds) {
    std::size_t bucket = 0;
    while (bucket < Bounds && value > bounds[bucket]) ++bucket;
    add(counts[bucket]);
    sum.fetch_add(value, std::memory_order_relaxed);
  }
  // Adds what the other has; for a sum that nobody else uses.
  void add_all(const Histogram& other) {
    for (std::size_t i = 0; i <= Bounds; ++i) add(counts[i], other.counts[i].load(std::memory_order_relaxed));
    sum.store(sum.load(std::memory_order_relaxed) + other.sum.load(std::memory_order_relaxed));
  }
};

inline constexpr std::array<double, 14> latency_bounds = {50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3,
                                                          10e-3, 20e-3,  50e-3,  0.1,    0.2,  0.5,  1};
inline constexpr std::array<double, 20> score_bounds = {0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5,
                                                        0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1};

// Of TensorFlow Serving's latencies, in microseconds: 10 * 1.8^k, 33 of them.
extern const std::array<double, 33> tensorflow_latency_bounds;

enum class Route : std::uint8_t {
  root,
  health,
  metadata,
  repository,
  v2_infer,
  tensorflow_status,
  tensorflow_predict,
  score,
  invocations,
  metrics,
  admin,
  other,
  count,
};
std::string_view route_name(Route route);

// Why rows were refused.
enum class Rejection : std::uint8_t {
  malformed,
  unknown_field,
  missing_field,
  wrong_type,
  out_of_range,
  unseen,
  count
};
std::string_view rejection_name(Rejection rejection);

// What Triton's statistics say of a model: requests that scored it, with the nanoseconds of each part.
struct ModelStatistics {
  struct Duration {
    std::uint64_t count = 0, nanoseconds = 0;
  };
  Duration success, fail, input, infer, output;
  std::uint64_t rows = 0;
  std::uint64_t last_milliseconds = 0;  // since 1970
};

// A method of TensorFlow Serving's, as its metrics name it.
enum class TensorFlowMethod : std::uint8_t { predict, classify, regress, multi_inference, count };
std::string_view tensorflow_method_name(TensorFlowMethod method);  // "Predict"

// Why a request of a model failed, as Triton's metrics say it.
enum class FailureReason : std::uint8_t { rejected, canceled, backend, other, count };
std::string_view failure_reason_name(FailureReason reason);  // "REJECTED"

// Of one loaded version of a model.
struct ModelMetrics {
  explicit ModelMetrics(std::size_t inputs) : out_of_range(inputs), unseen(inputs), missing(inputs) {}
  Counter rows{0};
  Counter requests{0}, failures{0};  // scored, refused
  std::array<Counter, static_cast<std::size_t>(FailureReason::count)> failure_reasons{};
  // Of scored requests over TensorFlow Serving's protocols, over REST [0] and gRPC [1], by method: whole, and of that
  // the model alone.
  std::array<std::array<Histogram<33>, static_cast<std::size_t>(TensorFlowMethod::count)>, 2> tensorflow_latency{};
  std::array<Histogram<33>, static_cast<std::size_t>(TensorFlowMethod::count)> tensorflow_runtime{};
  Counter request_nanoseconds{0}, failure_nanoseconds{0}, input_nanoseconds{0}, infer_nanoseconds{0};
  Counter output_nanoseconds{0}, last_milliseconds{0};
  Histogram<latency_bounds.size()> seconds;  // of scored requests
  // As a shadow: rows, those with another label than the answer's, and the sum of absolute differences of scores.
  Counter shadow_rows{0}, shadow_flips{0};
  std::atomic<double> shadow_difference{0};
  ModelStatistics statistics() const;
  std::array<Counter, static_cast<std::size_t>(Rejection::count)> rejected{};
  std::vector<Counter> out_of_range, unseen, missing;  // per input
  Histogram<score_bounds.size()> scores;  // the probability of the positive class, or of the class decided for
};

// Of the whole server.
struct ServerMetrics {
  static constexpr std::array<int, 17> statuses = {200, 400, 401, 403, 404, 405, 408, 409, 411,
                                                   413, 415, 417, 429, 431, 500, 501, 503};
  std::array<std::array<Counter, statuses.size() + 1>, static_cast<std::size_t>(Route::count)> requests{};
  std::array<Histogram<latency_bounds.size()>, static_cast<std::size_t>(Route::count)> seconds{};
  std::atomic<std::int64_t> connections{0};
  // gRPC calls by method (position in call_methods()) and code.
  std::array<std::array<Counter, 17>, 32> calls{};
  Counter in_flight{0};
  void count_request(Route route, int status);
  void count_call(std::size_t method, int code);
};

// Writes metrics; every metric's HELP and TYPE stand once, before its samples.
class MetricsText {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help);
  // labels: {"model","fraud","version","3"} in pairs; values are escaped.
  void sample(std::string_view name, std::initializer_list<std::string_view> labels, double value);
  template <std::size_t Bounds>
  void histogram(std::string_view name, std::initializer_list<std::string_view> labels,
                 const Histogram<Bounds>& histogram, const std::array<double, Bounds>& bounds) {
    std::array<std::uint64_t, Bounds + 1> counts;
    for (std::size_t i = 0; i <= Bounds; ++i) counts[i] = histogram.counts[i].load(std::memory_order_relaxed);
    histogram_samples(name, labels, bounds.data(), counts.data(), Bounds,
                      histogram.sum.load(std::memory_order_relaxed));
  }
  std::string take() { return std::move(text_); }

 private:
  void histogram_samples(std::string_view name, std::initializer_list<std::string_view> labels, const double* bounds,
                         const std::uint64_t* counts, std::size_t size, double sum);
  void labelled(std::string_view name, std::string_view suffix, std::initializer_list<std::string_view> labels,
                std::string_view bound, double value);
  std::string text_;
};

}  // namespace slipway::serving
