// The answers that say what is served, and the metrics of all of it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <slipway/journal/journal.hpp>
#include <slipway/serving/models.hpp>

#include "metrics.hpp"
#include "served_model.hpp"

namespace slipway::serving {

std::string describe_server(const ModelRepository& models, std::string_view product_version);
std::string describe_v2_server(std::string_view product_version);
// "inputs" in the order of the schema: number FP32, text BYTES, time INT64; "outputs" as infer gives them.
std::string describe_v2_model(const ServedModel& model, const std::vector<std::string>& versions);
std::string describe_model_list(const ModelRepository& models);
std::string describe_index(const ModelRepository& models);
std::string describe_tensorflow_status(const std::vector<std::string>& versions);
std::string describe_tensorflow_model(const ServedModel& model);

std::string write_metrics(const ServerMetrics& server, const ModelRepository& models, const journal::Writer* journal,
                          bool ready, std::string_view product_version);

}  // namespace slipway::serving
