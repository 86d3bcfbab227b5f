#include "descriptions.hpp"

#include <slipway/journal/json_text.hpp>

namespace slipway::serving {
namespace {

using journal::append_json_string;

std::string text_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// Writes "a,b,c" of what `one` makes of each element.
std::string joined(const auto& elements, const auto& one) {
  std::string out;
  for (const auto& element : elements) {
    if (!out.empty()) out += ',';
    out += one(element);
  }
  return out;
}

// A time is sent in seconds since 1970-01-01 (or as ISO text, which BYTES can carry as well).
std::string_view v2_datatype(model::InputKind kind) {
  return kind == model::InputKind::number ? "FP32" : kind == model::InputKind::text ? "BYTES" : "INT64";
}
std::string_view tensorflow_datatype(model::InputKind kind) {
  return kind == model::InputKind::number ? "DT_FLOAT" : kind == model::InputKind::text ? "DT_STRING" : "DT_INT64";
}

std::string v2_tensor(std::string_view name, std::string_view datatype, std::string_view shape) {
  return "{\"name\":" + text_of(name) + ",\"datatype\":\"" + std::string(datatype) + "\",\"shape\":[" +
         std::string(shape) + "]}";
}

}  // namespace

std::string describe_server(const ModelRepository& models, std::string_view product_version) {
  std::string out = "{\"name\":\"slipway\",\"version\":" + text_of(product_version) + ",\"models\":[";
  out += joined(models.all(), [&](const auto& model) {
    return "{\"name\":" + text_of(model->name()) + ",\"version\":" + text_of(model->version()) +
           ",\"digest\":" + text_of(model->digest()) +
           ",\"default\":" + (models.is_default(*model) ? "true" : "false") + "}";
  });
  return out +
         "],\"links\":{\"score\":\"POST /score\",\"health\":\"/v2/health/ready\",\"metrics\":\"/metrics\","
         "\"open_inference\":\"POST /v2/models/{name}[/versions/{version}]/infer\","
         "\"tensorflow\":\"POST /v1/models/{name}[/versions/{version}]:predict\","
         "\"mlflow\":\"POST /invocations\",\"schema\":\"/v2/models/{name}\",\"models\":\"/v2/models\"}}";
}

std::string describe_v2_server(std::string_view product_version) {
  return "{\"name\":\"slipway\",\"version\":" + text_of(product_version) +
         ",\"extensions\":[\"model_repository\",\"binary_tensor_data\"]}";
}

std::string describe_v2_model(const ServedModel& model, const std::vector<std::string>& versions) {
  std::string out = "{\"name\":" + text_of(model.name()) + ",\"versions\":[" + joined(versions, text_of) +
                    "],\"platform\":\"slipway\",\"inputs\":[";
  out += joined(model.inputs(),
                [](const model::Input& input) { return v2_tensor(input.name, v2_datatype(input.kind), "-1"); });
  const std::string width = std::to_string(model.model().classes.size());
  const bool matrix = !model.is_binary() && !model.is_regression();
  out += "],\"outputs\":[" + v2_tensor("score", "FP32", matrix ? "-1," + width : "-1");
  if (!model.is_regression())
    out += "," + v2_tensor("probabilities", "FP32", "-1," + width) + "," + v2_tensor("label", "BYTES", "-1");
  if (model.can_explain().ok()) out += "," + v2_tensor("reasons", "BYTES", "-1");
  return out + "]}";
}

std::string describe_model_list(const ModelRepository& models) {
  std::vector<std::string> names;
  for (const auto& model : models.all())
    if (names.empty() || names.back() != model->name()) names.push_back(model->name());
  return "{\"models\":[" + joined(names, text_of) + "]}";
}

std::string describe_index(const ModelRepository& models) {
  return "[" +
         joined(models.all(),
                [](const auto& model) {
                  return "{\"name\":" + text_of(model->name()) + ",\"version\":" + text_of(model->version()) +
                         ",\"state\":\"READY\",\"reason\":\"\"}";
                }) +
         "]";
}

std::string describe_tensorflow_status(const std::vector<std::string>& versions) {
  return "{\"model_version_status\":[" +
         joined(versions,
                [](const std::string& version) {
                  return "{\"version\":" + text_of(version) +
                         ",\"state\":\"AVAILABLE\",\"status\":{\"error_code\":\"OK\",\"error_message\":\"\"}}";
                }) +
         "]}";
}

std::string describe_tensorflow_model(const ServedModel& model) {
  const auto tensor = [](std::string_view name, std::string_view type, std::string_view second = "") {
    std::string sizes = "{\"size\":\"-1\",\"name\":\"\"}";
    if (!second.empty()) sizes += ",{\"size\":\"" + std::string(second) + "\",\"name\":\"\"}";
    return text_of(name) + ":{\"dtype\":\"" + std::string(type) + "\",\"tensor_shape\":{\"dim\":[" + sizes +
           "],\"unknown_rank\":false},\"name\":" + text_of(name) + "}";
  };
  const std::string width = std::to_string(model.model().classes.size());
  const bool several = !model.is_binary() && !model.is_regression();
  return "{\"model_spec\":{\"name\":" + text_of(model.name()) +
         ",\"signature_name\":\"\",\"version\":" + text_of(model.version()) +
         "},\"metadata\":{\"signature_def\":{\"signature_def\":{\"serving_default\":{\"inputs\":{" +
         joined(model.inputs(),
                [&](const model::Input& input) { return tensor(input.name, tensorflow_datatype(input.kind)); }) +
         "},\"outputs\":{" + (several ? tensor("scores", "DT_FLOAT", width) : tensor("score", "DT_FLOAT")) +
         (model.is_regression() ? "" : "," + tensor("label", "DT_STRING")) +
         "},\"method_name\":\"tensorflow/serving/predict\"}}}}}";
}

std::string write_metrics(const ServerMetrics& server, const ModelRepository& models, const journal::Writer* journal,
                          bool ready, std::string_view product_version) {
  MetricsText out;
  const auto value = [](const Counter& counter) {
    return static_cast<double>(counter.load(std::memory_order_relaxed));
  };
  const auto all = models.all();
  out.family("slipway_build_info", "gauge", "The server's version.");
  out.sample("slipway_build_info", {"version", product_version}, 1);
  out.family("slipway_ready", "gauge", "1 while the server takes requests, 0 while it stops.");
  out.sample("slipway_ready", {}, ready && !all.empty() ? 1 : 0);
  write_server_metrics(out, server);

  out.family("slipway_model_info", "gauge",
             "The models that are served; default is the version used where none is named.");
  for (const auto& model : all)
    out.sample("slipway_model_info",
               {"model", model->name(), "version", model->version(), "digest", model->digest(), "default",
                models.is_default(*model) ? "true" : "false"},
               1);
  out.family("slipway_rows_scored_total", "counter", "Rows scored.");
  for (const auto& model : all)
    out.sample("slipway_rows_scored_total", {"model", model->name(), "version", model->version()},
               value(model->metrics().rows));
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
  for (const auto& model : all)
    for (std::size_t i = 0; i < model->inputs().size(); ++i) {
      const std::pair<std::string_view, const Counter*> findings[] = {
          {"out_of_range", &model->metrics().out_of_range[i]},
          {"unseen", &model->metrics().unseen[i]},
          {"missing", &model->metrics().missing[i]}};
      for (const auto& [finding, counter] : findings)
        if (finding == "missing" || (finding == "unseen") == (model->inputs()[i].kind == model::InputKind::text))
          out.sample("slipway_input_findings_total",
                     {"model", model->name(), "version", model->version(), "input", model->inputs()[i].name, "finding",
                      finding},
                     value(*counter));
    }
  out.family("slipway_score", "histogram",
             "Scores: the probability of the positive class, or, of several classes, of the one decided for.");
  for (const auto& model : all)
    if (!model->is_regression())
      out.histogram("slipway_score", {"model", model->name(), "version", model->version()}, model->metrics().scores,
                    score_bounds);

  if (journal == nullptr) return out.take();
  const journal::Counters counters = journal->counters();
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
  return out.take();
}

}  // namespace slipway::serving
