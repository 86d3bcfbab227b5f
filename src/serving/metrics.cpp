#include "metrics.hpp"

#include <fmt/format.h>

namespace slipway::serving {

std::string_view route_name(Route route) {
  static constexpr std::string_view names[] = {
      "root",  "health",      "metadata", "repository", "v2_infer", "tensorflow_status", "tensorflow_predict",
      "score", "invocations", "metrics",  "other"};
  return names[static_cast<std::size_t>(route)];
}

std::string_view rejection_name(Rejection rejection) {
  static constexpr std::string_view names[] = {"malformed",  "unknown_field", "missing_field",
                                               "wrong_type", "out_of_range",  "unseen"};
  return names[static_cast<std::size_t>(rejection)];
}

void ServerMetrics::count_request(Route route, int status) {
  std::size_t at = 0;
  while (at < statuses.size() && statuses[at] != status) ++at;
  add(requests[static_cast<std::size_t>(route)][at]);
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

void write_server_metrics(MetricsText& out, const ServerMetrics& metrics) {
  out.family("slipway_requests_total", "counter", "Requests answered, by route and HTTP status.");
  for (std::size_t route = 0; route < metrics.requests.size(); ++route)
    for (std::size_t status = 0; status < metrics.requests[route].size(); ++status) {
      const std::uint64_t count = metrics.requests[route][status].load(std::memory_order_relaxed);
      if (count == 0) continue;
      const std::string code =
          status < ServerMetrics::statuses.size() ? std::to_string(ServerMetrics::statuses[status]) : "other";
      out.sample("slipway_requests_total", {"route", route_name(static_cast<Route>(route)), "status", code},
                 static_cast<double>(count));
    }
  out.family("slipway_request_duration_seconds", "histogram",
             "Time from a whole request to its answer, the prediction log's flush included.");
  for (std::size_t route = 0; route < metrics.seconds.size(); ++route)
    if (metrics.seconds[route].sum.load(std::memory_order_relaxed) > 0)
      out.histogram("slipway_request_duration_seconds", {"route", route_name(static_cast<Route>(route))},
                    metrics.seconds[route], latency_bounds);
  out.family("slipway_connections", "gauge", "Open HTTP connections.");
  out.sample("slipway_connections", {}, static_cast<double>(metrics.connections.load(std::memory_order_relaxed)));
}

}  // namespace slipway::serving
