// grpc.health.v1: the server as a whole (""), a service of ours, or a model by its name.
#include "calls.hpp"
#include "health.pb.h"
#include "message.hpp"

namespace slipway::serving {
namespace {

namespace wire = slipway::wire::grpc::health::v1;

bool is_service(std::string_view name) {
  for (const CallMethod& method : call_methods())
    if (method.path.substr(1, method.path.rfind('/') - 1) == name) return true;
  return false;
}

Status answer_status(CallContext& context, std::string_view service, std::string& reply) {
  wire::HealthCheckResponse response;
  response.set_status(context.ready && !context.models.all().empty() ? wire::HealthCheckResponse::SERVING
                                                                     : wire::HealthCheckResponse::NOT_SERVING);
  if (!service.empty() && !is_service(service) && !context.models.find(service).ok())
    response.set_status(wire::HealthCheckResponse::SERVICE_UNKNOWN);
  return write_message(response, reply);
}

Status check(CallContext& context, std::string_view message, std::string& reply) {
  wire::HealthCheckRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  const std::string& service = request.service();
  if (!service.empty() && !is_service(service)) SLIPWAY_CHECK(context.models.find(service));
  return answer_status(context, service, reply);
}

// A service that is not known is an answer here, since it may come.
Status watch(CallContext& context, std::string_view message, std::string& reply) {
  wire::HealthCheckRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  return answer_status(context, request.service(), reply);
}

constexpr CallMethod methods[] = {
    {.path = "/grpc.health.v1.Health/Check", .route = Route::health, .handler = check, .open = true},
    {.path = "/grpc.health.v1.Health/Watch",
     .route = Route::health,
     .handler = watch,
     .stream = true,
     .open = true,
     .watch = true},
};

}  // namespace

std::span<const CallMethod> health_methods() { return methods; }

}  // namespace slipway::serving
