// The gRPC server: the only file that knows grpc++. Methods are served by name, as bytes, through Service::call.
#pragma once
#include <cstdint>
#include <memory>

#include <slipway/base/result.hpp>
#include <slipway/serving/server.hpp>
#include <slipway/serving/service.hpp>

namespace slipway::serving {

class GrpcServer {
 public:
  // Listens and serves; `options.grpc` is set. The service must outlive the server.
  static Result<std::unique_ptr<GrpcServer>> start(const ServerOptions& options, Service& service);
  ~GrpcServer();
  std::uint16_t port() const;
  // Takes no calls any more, ends streams between two messages, waits for the calls that run, and cuts them off after
  // so long.
  void stop(std::int64_t drain_milliseconds);

 private:
  GrpcServer();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
