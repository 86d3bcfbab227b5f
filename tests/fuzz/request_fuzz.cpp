// Any body to any scoring route: an answer of 200 or a client's error in JSON, never a crash, never the server's fault.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <slipway/serving/service.hpp>

#include "served_example.hpp"

using namespace slipway;
using fuzz::service;

// The first byte chooses the route, the second, for V2, how much of the rest is JSON in front of binary tensors.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr std::string_view targets[] = {"/score",
                                                 "/score?reasons=2",
                                                 "/v1/models/m:predict?reasons=1",
                                                 "/invocations",
                                                 "/v2/models/m/infer",
                                                 "/v2/models/m/infer",
                                                 "/v1/models/m:classify",
                                                 "/invocations",
                                                 "/score"};
  if (size < 2) return 0;
  const std::size_t route = data[0] % std::size(targets);
  const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string length = std::to_string(body.size() * data[1] / 255);
  const serving::Header header{"Inference-Header-Content-Length", length};
  serving::Request request{"POST", targets[route], {}, body};
  static constexpr serving::Header csv{"Content-Type", "text/csv"}, packed{"Content-Encoding", "gzip"};
  if (route == 5) request.headers = {&header, 1};
  if (route == 7) request.headers = {&csv, 1};
  if (route == 8) request.headers = {&packed, 1};
  const serving::Response response = service().handle(request);
  if (response.status != 200 && response.status != 400 && response.status != 413) std::abort();
  if (response.status == 400 && !response.body.starts_with("{\"error")) std::abort();
  return 0;
}
