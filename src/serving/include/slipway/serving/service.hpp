// Requests in, answers out: routes, protocols, scoring, reasons, the prediction log and the metrics, without a socket.
//
// Routes
//   GET  /                                          name, version, links
//   GET  /v2, /v2/health/{live,ready}, /v2/models/M[/versions/V][/ready]    Open Inference Protocol V2
//   POST /v2/models/M[/versions/V]/infer, /v2/repository/index, /v2/repository/models/M/load
//   GET  /v1/models, /v1/models/M[/versions/V|/labels/L][/metadata]         TensorFlow Serving
//   POST /v1/models/M[/versions/V|/labels/L]:predict
//   POST /score[?model=M&version=V&reasons=K]       an object of named fields, or a list of them
//   POST /invocations, GET /ping, /health, /version                         MLflow
//   GET  /metrics                                   Prometheus text format 0.0.4
#pragma once
#include <functional>
#include <memory>

#include <slipway/base/result.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/serving/http.hpp>
#include <slipway/serving/models.hpp>

namespace slipway::serving {

struct ServiceOptions {
  std::shared_ptr<ModelRepository> models;
  std::shared_ptr<journal::Writer> journal;  // null: nothing is logged
  std::string product_version = "0.1.0";
};

// Safe for concurrent use; the work is done on the calling thread.
class Service {
 public:
  explicit Service(ServiceOptions options);
  ~Service();

  // Called once per request: before handle() returns, or from the journal's thread once the scored rows are on disk.
  using Respond = std::function<void(Response)>;
  void handle(const Request& request, Respond respond);
  // The same, waiting for the journal.
  Response handle(const Request& request);

  // Whether /v2/health/ready says yes; a server that drains sets it to false.
  void set_ready(bool ready);
  // What the server counts itself, for /metrics.
  void count_refused(int status);      // answered before a request was whole: 400, 408, 413, 431, 503
  void count_connections(int change);  // opened +1, closed -1

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
