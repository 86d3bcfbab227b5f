// Requests in, answers out: routes, protocols, scoring, reasons, the prediction log and the metrics, without a socket.
//
// Routes
//   GET  /                                          name, version, links
//   GET  /v2, /v2/health/{live,ready}, /v2/models/M[/versions/V][/ready|/config|/stats], /v2/models/stats
//   POST /v2/models/M[/versions/V]/infer, /v2/repository/index, /v2/repository/models/M/{load,unload}
//   GET  /v1/models, /v1/models/M[/versions/V|/labels/L][/metadata]         TensorFlow Serving
//   POST /v1/models/M[/versions/V|/labels/L]:{predict,classify,regress,explain}   explain: KServe V1
//   POST /score[?model=M&version=V&reasons=K]       an object of named fields, or a list of them
//   POST /invocations, GET /ping, /health, /version                         MLflow
//   GET  /metrics, /monitoring/prometheus/metrics   Prometheus text format 0.0.4
//   GET  /openapi.json                              all of this, described
//   GET  /admin/models; POST /admin/models/M/{load,unload,promote,rollback,traffic}
// The same over gRPC: the methods of grpc/calls.hpp.
#pragma once
#include <functional>
#include <memory>

#include <slipway/base/result.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/serving/access.hpp>
#include <slipway/serving/access_log.hpp>
#include <slipway/serving/http.hpp>
#include <slipway/serving/models.hpp>

namespace slipway::serving {

struct ServiceOptions {
  std::shared_ptr<ModelRepository> models = nullptr;
  std::shared_ptr<journal::Writer> journal = nullptr;  // null: nothing is logged
  std::string product_version = "0.1.0";
  std::shared_ptr<Access> access = nullptr;         // null: everybody may score
  std::shared_ptr<AccessLog> access_log = nullptr;  // null: none is written
  // Whether those who are nobody in particular (no clients, no tokens) may change what is served.
  bool open_administration = false;
  bool kserve_status = false;   // GET /v1/models/M: KServe's {"name", "ready"} instead of TensorFlow Serving's status
  std::uint32_t in_flight = 0;  // requests at a time, those waiting for the journal included; 0: no limit
  std::uint64_t body_bytes = 16u << 20;  // of a body once it is unpacked
};

// Safe for concurrent use; the work is done on the calling thread, but for loading models, which has a thread of its
// own.
class Service {
 public:
  explicit Service(ServiceOptions options);
  ~Service();

  // Called once per request: before handle() returns, or from the journal's thread once the scored rows are on disk, or
  // from the loader's.
  using Respond = std::function<void(Response)>;
  void handle(const Request& request, Respond respond);
  // The same, waiting for the journal.
  Response handle(const Request& request);
  // A gRPC call in the same way.
  using RespondCall = std::function<void(Reply)>;
  void call(const Call& call, RespondCall respond);
  Reply call(const Call& call);

  // What a method that is watched (Health/Watch) answers now; it is counted nowhere.
  Reply look(const Call& call);
  // Called, from any thread, whenever that may be another answer; {} ends it.
  void on_change(std::function<void()> told);

  // Waits for the loads that clients have asked for; those asked for later are refused. Whoever destroys what an answer
  // is sent through calls this before.
  void finish_loads();

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
