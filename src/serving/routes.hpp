// Which action a target's path names.
#pragma once
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

#include "metrics.hpp"

namespace slipway::serving {

enum class Action : std::uint8_t {
  root,
  live,
  ready,
  ping,
  product_version,
  metrics,
  server_metadata,
  model_metadata,
  model_ready,
  infer,
  model_list,
  model_config,
  statistics,
  index,
  load,
  unload,
  tensorflow_status,
  tensorflow_metadata,
  tensorflow_predict,
  tensorflow_classify,
  tensorflow_regress,
  kserve_explain,
  openapi,
  admin_models,
  admin_promote,
  admin_roll_back,
  admin_traffic,
  score,
  invocations,
};

struct Target {
  Action action = Action::root;
  Route route = Route::other;  // as the metrics count it
  std::string_view allowed;    // the methods, for Allow: "GET" or "POST"
  bool scores = false;         // answers with scores of rows
  std::string name;            // of the model, decoded
  std::string version;         // or alias; "" = default
  bool label = false;          // `version` is a label of TensorFlow Serving's
  bool open = false;           // health: no client needs to prove who it is
  bool admin = false;          // changes what is served
  bool loads = false;          // may load models, which takes long
};

// A path that is none is not_found, with the nearest one.
Result<Target> parse_target(std::string_view target);

}  // namespace slipway::serving
