// What GET /metrics answers.
#include <fmt/format.h>

#include "descriptions.hpp"
#include "grpc/calls.hpp"

namespace slipway::serving {
namespace {

using Models = std::vector<std::shared_ptr<const ServedModel>>;

double value(const Counter& counter) { return static_cast<double>(counter.load(std::memory_order_relaxed)); }

void write_requests(MetricsText& out, const ServerMetrics& metrics) {
  out.family("slipway_requests_total", "counter", "HTTP requests answered, by route and status.");
  for (std::size_t route = 0; route < metrics.requests.size(); ++route)
    for (std::size_t status = 0; status < metrics.requests[route].size(); ++status) {
      if (value(metrics.requests[route][status]) == 0) continue;
      const std::string code =
          status < ServerMetrics::statuses.size() ? std::to_string(ServerMetrics::statuses[status]) : "other";
      out.sample("slipway_requests_total", {"route", route_name(static_cast<Route>(route)), "status", code},
                 value(metrics.requests[route][status]));
    }
  out.family("slipway_grpc_requests_total", "counter", "gRPC calls answered, by method and code.");
  const auto methods = call_methods();
  for (std::size_t method = 0; method < std::min(methods.size(), metrics.calls.size()); ++method)
    for (std::size_t code = 0; code < metrics.calls[method].size(); ++code)
      if (value(metrics.calls[method][code]) > 0)
        out.sample("slipway_grpc_requests_total",
                   {"method", methods[method].path.substr(1), "code", std::to_string(code)},
                   value(metrics.calls[method][code]));
  out.family("slipway_request_duration_seconds", "histogram",
             "Time from a whole request to its answer, the prediction log's flush included.");
  for (std::size_t route = 0; route < metrics.seconds.size(); ++route)
    if (metrics.seconds[route].sum.load(std::memory_order_relaxed) > 0)
      out.histogram("slipway_request_duration_seconds", {"route", route_name(static_cast<Route>(route))},
                    metrics.seconds[route], latency_bounds);
  out.family("slipway_requests_in_flight", "gauge", "Requests that are being answered.");
  out.sample("slipway_requests_in_flight", {}, value(metrics.in_flight));
  out.family("slipway_connections", "gauge", "Open HTTP connections.");
  out.sample("slipway_connections", {}, static_cast<double>(metrics.connections.load(std::memory_order_relaxed)));
}

void write_findings(MetricsText& out, const ServedModel& model) {
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    const std::pair<std::string_view, const Counter*> findings[] = {{"out_of_range", &model.metrics().out_of_range[i]},
                                                                    {"unseen", &model.metrics().unseen[i]},
                                                                    {"missing", &model.metrics().missing[i]}};
    for (const auto& [finding, counter] : findings)
      if (finding == "missing" || (finding == "unseen") == (model.inputs()[i].kind == model::InputKind::text))
        out.sample(
            "slipway_input_findings_total",
            {"model", model.name(), "version", model.version(), "input", model.inputs()[i].name, "finding", finding},
            value(*counter));
  }
}

void write_models(MetricsText& out, const ModelRepository& repository, const Models& all) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, const auto& one) {
    out.family(name, type, help);
    for (const auto& model : all) out.sample(name, {"model", model->name(), "version", model->version()}, one(*model));
  };
  out.family("slipway_model_info", "gauge",
             "The models that are served; default is the version used where none is named.");
  for (const auto& model : all)
    out.sample("slipway_model_info",
               {"model", model->name(), "version", model->version(), "digest", model->digest(), "default",
                repository.is_default(*model) ? "true" : "false"},
               1);
  out.family("slipway_model_swaps_total", "counter", "Times that a name's default version changed.");
  out.sample("slipway_model_swaps_total", {}, static_cast<double>(repository.swaps()));
  each("slipway_model_memory_bytes", "gauge", "About how much memory a model takes.",
       [](const ServedModel& model) { return static_cast<double>(model.memory_bytes()); });
  each("slipway_rows_scored_total", "counter", "Rows scored.",
       [](const ServedModel& model) { return value(model.metrics().rows); });
  out.family("slipway_requests_rejected_total", "counter",
             "Scoring requests refused because of what they held, by reason.");
  for (const auto& model : all)
    for (std::size_t i = 0; i < static_cast<std::size_t>(Rejection::count); ++i)
      out.sample(
          "slipway_requests_rejected_total",
          {"model", model->name(), "version", model->version(), "reason", rejection_name(static_cast<Rejection>(i))},
          value(model->metrics().rejected[i]));
  out.family("slipway_input_findings_total", "counter",
             "Values that training had not seen (out_of_range, unseen) or that were missing, by input.");
  for (const auto& model : all) write_findings(out, *model);
  out.family("slipway_score", "histogram",
             "Scores: the probability of the positive class, or, of several classes, of the one decided for.");
  for (const auto& model : all)
    if (!model->is_regression())
      out.histogram("slipway_score", {"model", model->name(), "version", model->version()}, model->metrics().scores,
                    score_bounds);
  each("slipway_shadow_rows_total", "counter", "Rows scored in the shadow of another version.",
       [](const ServedModel& model) { return value(model.metrics().shadow_rows); });
  each("slipway_shadow_flips_total", "counter", "Of those, the rows whose label differs from the one answered.",
       [](const ServedModel& model) { return value(model.metrics().shadow_flips); });
  each("slipway_shadow_score_difference_total", "counter", "Sum of the absolute differences of those rows' scores.",
       [](const ServedModel& model) { return model.metrics().shadow_difference.load(std::memory_order_relaxed); });
}

void write_journal(MetricsText& out, const journal::Writer& journal) {
  const journal::Counters counters = journal.counters();
  const std::tuple<std::string_view, std::string_view, std::string_view, std::uint64_t> samples[] = {
      {"slipway_journal_rows_total", "counter", "Rows that the prediction log has on disk.", counters.written},
      {"slipway_journal_rows_lost_total", "counter", "Scored rows that are not in the prediction log.", counters.lost},
      {"slipway_journal_failures_total", "counter", "Writes of the prediction log that the disk refused.",
       counters.failures},
      {"slipway_journal_pending_rows", "gauge", "Rows that wait for the disk.", counters.pending},
      {"slipway_journal_bytes_total", "counter", "Bytes written to the prediction log.", counters.bytes},
      {"slipway_journal_flushes_total", "counter", "Flushes of the prediction log to disk.", counters.flushes},
  };
  for (const auto& [name, type, help, count] : samples) {
    out.family(name, type, help);
    out.sample(name, {}, static_cast<double>(count));
  }
}

// Triton's names, in microseconds, for the dashboards that are there.
void write_triton_names(MetricsText& out, const Models& all) {
  const auto each = [&](std::string_view name, std::string_view help, const auto& one) {
    out.family(name, "counter", help);
    for (const auto& model : all)
      out.sample(name, {"model", model->name(), "version", model->version()},
                 static_cast<double>(one(model->metrics().statistics())));
  };
  using S = const ModelStatistics&;
  each("nv_inference_request_success", "Requests scored.", [](S s) { return s.success.count; });
  out.family("nv_inference_request_failure", "counter", "Requests refused, by reason.");
  for (const auto& model : all)
    for (std::size_t reason = 0; reason < static_cast<std::size_t>(FailureReason::count); ++reason)
      out.sample("nv_inference_request_failure",
                 {"model", model->name(), "version", model->version(), "reason",
                  failure_reason_name(static_cast<FailureReason>(reason))},
                 value(model->metrics().failure_reasons[reason]));
  each("nv_inference_count", "Rows scored.", [](S s) { return s.rows; });
  each("nv_inference_exec_count", "Runs of the model.", [](S s) { return s.success.count; });
  each("nv_inference_request_duration_us", "Time of whole requests.", [](S s) { return s.success.nanoseconds / 1000; });
  each("nv_inference_queue_duration_us", "Time in a queue: there is none.", [](S) { return 0; });
  each("nv_inference_compute_input_duration_us", "Time of reading inputs.",
       [](S s) { return s.input.nanoseconds / 1000; });
  each("nv_inference_compute_infer_duration_us", "Time of scoring.", [](S s) { return s.infer.nanoseconds / 1000; });
  each("nv_inference_compute_output_duration_us", "Time of writing outputs.",
       [](S s) { return s.output.nanoseconds / 1000; });
  out.family("nv_inference_pending_request_count", "gauge", "Requests in a queue: there is none.");
  for (const auto& model : all)
    out.sample("nv_inference_pending_request_count", {"model", model->name(), "version", model->version()}, 0);
}

// TensorFlow Serving's names.
void write_tensorflow_names(MetricsText& out, const Models& all) {
  std::map<std::string_view, std::pair<double, double>> by_name;
  for (const auto& model : all) {
    by_name[model->name()].first += value(model->metrics().requests);
    by_name[model->name()].second += value(model->metrics().failures);
  }
  out.family(":tensorflow:serving:request_count", "counter", "Requests, by model and status.");
  for (const auto& [name, counts] : by_name) {
    out.sample(":tensorflow:serving:request_count", {"model_name", name, "status", "OK"}, counts.first);
    out.sample(":tensorflow:serving:request_count", {"model_name", name, "status", "INVALID_ARGUMENT"}, counts.second);
  }
  // Its histograms are a name's, not a version's.
  using Method = TensorFlowMethod;
  constexpr auto methods = static_cast<std::size_t>(Method::count);
  const auto latency = [&](std::string_view name, std::string_view help, std::string_view label,
                           const auto& histogram_of, std::initializer_list<std::string_view> values) {
    out.family(name, "histogram", help);
    for (const auto& [model_name, counts] : by_name)
      for (std::size_t which = 0; which < values.size(); ++which)
        for (std::size_t method = 0; method < methods; ++method) {
          Histogram<33> sum;
          for (const auto& model : all)
            if (model->name() == model_name) sum.add_all(histogram_of(model->metrics(), which, method));
          if (sum.sum.load() > 0)
            out.histogram(name,
                          {"model_name", model_name, "API", tensorflow_method_name(static_cast<Method>(method)), label,
                           values.begin()[which]},
                          sum, tensorflow_latency_bounds);
        }
  };
  latency(":tensorflow:serving:request_latency", "Microseconds of whole requests.", "entrypoint",
          [](const ModelMetrics& metrics, std::size_t which, std::size_t method) -> const Histogram<33>& {
            return metrics.tensorflow_latency[which][method];
          },
          {"REST", "GRPC"});
  latency(":tensorflow:serving:runtime_latency", "Microseconds of the model alone.", "runtime",
          [](const ModelMetrics& metrics, std::size_t, std::size_t method) -> const Histogram<33>& {
            return metrics.tensorflow_runtime[method];
          },
          {"Slipway"});
}

}  // namespace

std::string write_metrics(const ServerMetrics& server, const ServiceOptions& options, bool ready) {
  MetricsText out;
  const Models all = options.models->all();
  out.family("slipway_build_info", "gauge", "The server's version.");
  out.sample("slipway_build_info", {"version", options.product_version}, 1);
  out.family("slipway_ready", "gauge", "1 while the server takes requests, 0 while it stops.");
  out.sample("slipway_ready", {}, ready && !all.empty() ? 1 : 0);
  write_requests(out, server);
  write_models(out, *options.models, all);
  write_triton_names(out, all);
  write_tensorflow_names(out, all);
  if (options.journal != nullptr) write_journal(out, *options.journal);
  if (options.access_log != nullptr) {
    out.family("slipway_access_log_dropped_total", "counter", "Lines of the access log that its file refused.");
    out.sample("slipway_access_log_dropped_total", {}, static_cast<double>(options.access_log->dropped()));
  }
  return out.take();
}

}  // namespace slipway::serving
