// W3C Trace Context: the field traceparent.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::serving {

struct TraceContext {
  std::string trace_id;   // 32 hexadecimal digits
  std::string parent_id;  // 16, of the caller's span; "" = the trace begins here
  std::string span_id;    // 16, of this request
  std::string flags = "00";
  // "00-<trace_id>-<span_id>-<flags>"
  std::string header() const;
};

// The caller's trace with a span of its own for this request; a field that is absent or malformed begins a new trace.
TraceContext continue_trace(std::string_view traceparent);

// A number that differs for every call and process.
std::uint64_t fresh_number();

}  // namespace slipway::serving
