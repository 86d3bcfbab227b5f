// The access log: one line of JSON per answered request.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway::serving {

// One answered request. Views only.
struct AccessEntry {
  std::string_view protocol;  // "http" or "grpc"
  std::string_view method;    // "POST"
  std::string_view path;      // with its query; or a gRPC method
  int status = 0;             // HTTP's, or gRPC's code
  std::int64_t microseconds = 0;
  std::string_view client, peer, request_id, model, version;
  std::uint64_t rows = 0;
  std::string_view trace_id, span_id, parent_id;  // W3C trace context, hexadecimal; "" = none
  std::string_view error;
};

// Safe for concurrent use. A line that the file refuses is dropped and counted; requests go on.
class AccessLog {
 public:
  // Appends to the file, which is opened again when it has been moved away (log rotation).
  static Result<std::shared_ptr<AccessLog>> open(const std::filesystem::path& file);
  ~AccessLog();
  void write(const AccessEntry& entry);
  std::uint64_t dropped() const;

 private:
  AccessLog();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
