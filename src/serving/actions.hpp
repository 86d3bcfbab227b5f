// What each action of the routes answers.
#pragma once
#include <slipway/base/result.hpp>
#include <slipway/serving/service.hpp>

#include "metrics.hpp"
#include "routes.hpp"
#include "work.hpp"

namespace slipway::serving {

struct ActionContext {
  const ServiceOptions& options;
  const ServerMetrics& metrics;
  bool ready = true;
  std::string_view client;  // who asks, for the registry's history
};

Status answer_action(const ActionContext& context, Work& work, const Request& request, const Target& target,
                     Response& response);

// The admin API: GET /admin/models, POST /admin/models/M/{promote,rollback,traffic}.
Status answer_admin(const ActionContext& context, const Request& request, const Target& target, Response& response);

// The OpenAPI 3.1 document of the routes, with a schema for each model's fields.
std::string describe_openapi(const ModelRepository& models, std::string_view product_version);

}  // namespace slipway::serving
