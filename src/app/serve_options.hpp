// The flags of `slipway serve`, and what they mean to the server.
#pragma once
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/serving/models.hpp>
#include <slipway/serving/server.hpp>

namespace CLI {
class App;
}

namespace slipway::app {

struct ServeArguments {
  std::string location;
  std::string http = "127.0.0.1:8080";
  std::string grpc;
  int threads = 0;
  // limits
  std::uint32_t most_connections = 16384;
  std::uint32_t most_requests = 4096;
  std::uint64_t body_mib = 16;
  std::uint64_t memory_mib = 0;
  double idle_seconds = 75;
  double drain_seconds = 30;
  double drain_delay_seconds = 0;
  // the prediction log
  std::string log;
  std::string log_mode = "durable";
  std::vector<std::string> log_masks;  // "field=hash", "field=redact"
  std::string log_key;
  bool log_pack = false;
  std::uint64_t log_segment_mib = 256;
  std::uint64_t log_keep_mib = 0;
  double log_keep_days = 0;
  // who may ask
  std::string certificate, key, client_authorities;
  std::string clients, jwt_key, jwt_issuer, jwt_audience;
  double rate = 0;
  bool admin = false;
  bool kserve = false;
  std::string access_log;
  std::string traffic;
};

void add_serve_options(CLI::App& command, ServeArguments& arguments);

// Reads the files that the arguments name and opens the logs.
Result<serving::ServerOptions> make_server_options(const ServeArguments& arguments);
// Sets the traffic rules of a file, {"name": {"canary": ..., "shadow": ...}}.
Status set_traffic(const ServeArguments& arguments, serving::ModelRepository& models);

}  // namespace slipway::app
