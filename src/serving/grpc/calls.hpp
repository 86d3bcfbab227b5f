// gRPC calls as bytes in and bytes out: which method does what, without a connection.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>
#include <slipway/serving/models.hpp>

#include "../metrics.hpp"
#include "../work.hpp"

namespace slipway::serving {

// What a method may use.
struct CallContext {
  Work& work;
  ModelRepository& models;
  bool ready = true;
  std::string_view product_version;
};

// Reads a message, does the work and appends the answer's message to `reply`.
using CallHandler = Status (*)(CallContext& context, std::string_view message, std::string& reply);

struct CallMethod {
  std::string_view path;  // "/inference.GRPCInferenceService/ModelInfer"
  Route route;            // as the metrics count it
  CallHandler handler;
  bool scores = false;  // answers with scores of rows
  bool stream = false;  // messages come and go one after the other
  bool open = false;    // health: no client needs to prove who it is
  bool admin = false;   // changes what is served
  bool loads = false;   // may load models, which takes long: not done on a thread that answers requests
  bool watch = false;   // one message comes; the answer goes again whenever it is another one
};

// Nothing for a path that is none.
const CallMethod* find_call_method(std::string_view path);
// All of them, for their counters; the index is the position.
std::span<const CallMethod> call_methods();

// The methods of one package each.
std::span<const CallMethod> inference_methods();
std::span<const CallMethod> tensorflow_methods();
std::span<const CallMethod> health_methods();
std::span<const CallMethod> reflection_methods();

}  // namespace slipway::serving
