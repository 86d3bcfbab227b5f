// The server: HTTP/1.1 and, where asked for, gRPC: a few threads, each with its own loop, that read requests, run the
// model in place and answer.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <slipway/base/result.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/serving/access.hpp>
#include <slipway/serving/access_log.hpp>
#include <slipway/serving/models.hpp>
#include <slipway/serving/tls.hpp>

namespace slipway::serving {

struct GrpcOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8081;  // 0: a free one, see Server::grpc_port()
};

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;                  // 0: a free one, see Server::port()
  int threads = 0;                            // 0: one per processor
  std::uint64_t body_bytes = 16u << 20;       // a larger body: 413
  std::uint32_t header_bytes = 16u << 10;     // more header: 431
  std::uint32_t connections = 1024;           // more at a time: 503 and Retry-After
  std::int64_t header_milliseconds = 10'000;  // from the first byte of a request to the end of its header
  std::int64_t body_milliseconds = 30'000;    // for the rest of a request
  std::int64_t write_milliseconds = 30'000;   // for a client to take its answer
  std::int64_t idle_milliseconds = 75'000;    // a kept connection without a request
  std::int64_t drain_milliseconds = 30'000;   // stop(): for requests in flight
  std::int64_t refresh_milliseconds = 1'000;  // how often the registry is looked at; 0: never
  std::int64_t drain_delay_milliseconds = 0;  // stop(): between readiness going false and the end of listening
  std::shared_ptr<journal::Writer> journal;   // null: nothing is logged
  std::optional<GrpcOptions> grpc;            // none: no gRPC is started
  TlsOptions tls;                             // for both
  std::shared_ptr<Access> access;             // null: everybody may score
  std::shared_ptr<AccessLog> access_log;      // null: none is written
  bool open_administration = false;           // whether everybody may change what is served, where nobody has to say
                                              // who it is
  bool kserve_status = false;                 // as in ServiceOptions
  std::uint32_t in_flight = 4096;             // requests at a time; more: 503 and Retry-After, RESOURCE_EXHAUSTED
  std::string product_version = "0.1.0";
};

class Server {
 public:
  // Listens and serves. A port in use is an unavailable error that names the address.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, std::shared_ptr<ModelRepository> models);
  // stop()s.
  ~Server();

  std::uint16_t port() const;
  std::uint16_t grpc_port() const;  // 0 without gRPC
  // Returns when the server has been stopped.
  void wait();
  // Readiness goes false, no connection is taken any more, requests in flight are answered with Connection: close, idle
  // connections are closed, the journal is flushed. Returns when all that is done, or with what drain_milliseconds cut
  // off. May be called from any thread but the server's own, and more than once.
  Status stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
