// Requests and answers as plain data: the protocols know nothing of sockets, and can be tested and fuzzed without one.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::serving {

struct Header {
  std::string_view name;  // any case
  std::string_view value;
};

// Views only: they live as long as the call that takes the request.
struct Request {
  std::string_view method;  // "GET"
  std::string_view target;  // "/score?reasons=3", still percent-encoded
  std::span<const Header> headers;
  std::string_view body;
  std::string_view peer = {};         // the client's address, without the port
  std::string_view certificate = {};  // common name of the client's certificate, where TLS has checked one

  // The value of a header ("" if it is not there), whatever the case of its name.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // a literal
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// A unary gRPC call, or one message of a stream. Views only, as in Request.
struct Call {
  std::string_view method;  // "/inference.GRPCInferenceService/ModelInfer"
  std::string_view message;
  std::span<const Header> metadata;
  std::string_view peer = {}, certificate = {};
};

struct Reply {
  int code = 0;         // as gRPC numbers them; 0 = OK
  std::string error;    // why not
  std::string message;  // the answer
};

// {"error": message}
Response error_response(int status, std::string_view message);

// Percent-decoding of a path segment or of a query's value; a malformed escape stays as it is.
std::string percent_decode(std::string_view text, bool plus_is_blank = false);

}  // namespace slipway::serving
