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

  // The value of a header ("" if it is not there), whatever the case of its name.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  // a literal
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

// {"error": message}
Response error_response(int status, std::string_view message);

// Percent-decoding of a path segment or of a query's value; a malformed escape stays as it is.
std::string percent_decode(std::string_view text, bool plus_is_blank = false);

}  // namespace slipway::serving
