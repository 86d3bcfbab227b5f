#include "metrics.hpp"

#include <fmt/format.h>

namespace slipway::serving {

std::string_view route_name(Route route) {
  static constexpr std::string_view names[] = {
      "root",  "health",      "metadata", "repository", "v2_infer", "tensorflow_status", "tensorflow_predict",
      "score", "invocations", "metrics",  "admin",      "other"};
  return names[static_cast<std::size_t>(route)];
}

std::string_view rejection_name(Rejection rejection) {
  static constexpr std::string_view names[] = {"malformed",  "unknown_field", "missing_field",
                                               "wrong_type", "out_of_range",  "unseen"};
  return names[static_cast<std::size_t>(rejection)];
}

const std::array<double, 33> tensorflow_latency_bounds = [] {
  std::array<double, 33> bounds{};
  double bound = 10;
  for (double& one : bounds) {
    one = bound;
    bound *= 1.8;
  }
  return bounds;
}();

std::string_view tensorflow_method_name(TensorFlowMethod method) {
  static constexpr std::string_view names[] = {"Predict", "Classify", "Regress", "MultiInference"};
  return names[static_cast<std::size_t>(method)];
}

std::string_view failure_reason_name(FailureReason reason) {
  static constexpr std::string_view names[] = {"REJECTED", "CANCELED", "BACKEND", "OTHER"};
  return names[static_cast<std::size_t>(reason)];
}

void ServerMetrics::count_request(Route route, int status) {
  std::size_t at = 0;
  while (at < statuses.size() && statuses[at] != status) ++at;
  add(requests[static_cast<std::size_t>(route)][at]);
}

ModelStatistics ModelMetrics::statistics() const {
  const auto value = [](const Counter& counter) { return counter.load(std::memory_order_relaxed); };
  ModelStatistics all;
  const std::uint64_t scored = value(requests);
  all.success = {scored, value(request_nanoseconds)};
  all.fail = {value(failures), value(failure_nanoseconds)};
  all.input = {scored, value(input_nanoseconds)};
  all.infer = {scored, value(infer_nanoseconds)};
  all.output = {scored, value(output_nanoseconds)};
  all.rows = value(rows);
  all.last_milliseconds = value(last_milliseconds);
  return all;
}

void ServerMetrics::count_call(std::size_t method, int code) {
  if (method < calls.size() && code >= 0) add(calls[method][std::min<std::size_t>(static_cast<std::size_t>(code), 16)]);
}

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

void MetricsText::labelled(std::string_view name, std::string_view suffix,
                           std::initializer_list<std::string_view> labels, std::string_view bound, double value) {
  text_.append(name).append(suffix);
  char separator = '{';
  const auto label = [&](std::string_view key, std::string_view content) {
    text_ += separator;
    separator = ',';
    text_.append(key).append("=\"");
    for (const char c : content) {
      if (c == '\n') {
        text_ += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') text_ += '\\';
      text_ += c;
    }
    text_ += '"';
  };
  for (auto entry = labels.begin(); entry != labels.end(); entry += 2) label(entry[0], entry[1]);
  if (!bound.empty()) label("le", bound);
  if (separator == ',') text_ += '}';
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void MetricsText::sample(std::string_view name, std::initializer_list<std::string_view> labels, double value) {
  labelled(name, "", labels, "", value);
}

void MetricsText::histogram_samples(std::string_view name, std::initializer_list<std::string_view> labels,
                                    const double* bounds, const std::uint64_t* counts, std::size_t size, double sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= size; ++i) {
    total += counts[i];
    labelled(name, "_bucket", labels, i < size ? fmt::format("{}", bounds[i]) : "+Inf", static_cast<double>(total));
  }
  labelled(name, "_sum", labels, "", sum);
  labelled(name, "_count", labels, "", static_cast<double>(total));
}

}  // namespace slipway::serving
