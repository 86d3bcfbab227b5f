// The answers that say what is served, and the metrics of all of it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <slipway/serving/models.hpp>
#include <slipway/serving/service.hpp>

#include "metrics.hpp"
#include "served_model.hpp"

namespace slipway::serving {

std::string describe_server(const ModelRepository& models, std::string_view product_version);
std::string describe_model_list(const ModelRepository& models);

// All metrics: the server's own names, Triton's (nv_inference_...) and TensorFlow Serving's (:tensorflow:serving:...).
std::string write_metrics(const ServerMetrics& server, const ServiceOptions& options, bool ready);

}  // namespace slipway::serving
