#include "calls.hpp"

#include <unordered_map>

#include "inference.pb.h"
#include "message.hpp"

namespace slipway::serving {
namespace {

namespace wire = slipway::wire::inference;

constexpr std::int32_t serving = 1, not_serving = 2;

// grpc.health.v1: the server as a whole, a service of ours, or a model by its name.
Status check_health(CallContext& context, std::string_view message, std::string& reply) {
  wire::HealthRequest request;
  SLIPWAY_CHECK(read_message(message, request));
  const std::string& service = request.service();
  bool known = service.empty();
  for (const CallMethod& method : call_methods())
    known = known || method.path.substr(1, method.path.rfind('/') - 1) == service;
  if (!known) SLIPWAY_CHECK(context.models.find(service));
  wire::HealthResponse response;
  response.set_status(context.ready && !context.models.all().empty() ? serving : not_serving);
  return write_message(response, reply);
}

const std::vector<CallMethod>& all_methods() {
  static const std::vector<CallMethod> methods = [] {
    std::vector<CallMethod> all(inference_methods().begin(), inference_methods().end());
    all.insert(all.end(), tensorflow_methods().begin(), tensorflow_methods().end());
    all.push_back(
        {.path = "/grpc.health.v1.Health/Check", .route = Route::health, .handler = check_health, .open = true});
    return all;
  }();
  return methods;
}

}  // namespace

std::span<const CallMethod> call_methods() { return all_methods(); }

const CallMethod* find_call_method(std::string_view path) {
  static const std::unordered_map<std::string_view, const CallMethod*> index = [] {
    std::unordered_map<std::string_view, const CallMethod*> made;
    for (const CallMethod& method : all_methods()) made.emplace(method.path, &method);
    return made;
  }();
  const auto found = index.find(path);
  return found == index.end() ? nullptr : found->second;
}

}  // namespace slipway::serving
