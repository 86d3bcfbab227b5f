#include "trace_context.hpp"

#include <atomic>
#include <random>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/time.hpp>

namespace slipway::serving {
namespace {

bool hexadecimal(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }
bool all_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

std::uint64_t fresh_number() {
  static const std::uint64_t process = [] {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) ^ device() ^ static_cast<std::uint64_t>(now_microseconds());
  }();
  static std::atomic<std::uint64_t> counter{0};
  return mix_bits(process + counter.fetch_add(1, std::memory_order_relaxed));
}

std::string TraceContext::header() const { return fmt::format("00-{}-{}-{}", trace_id, span_id, flags); }

TraceContext continue_trace(std::string_view field) {
  TraceContext context;
  // version 2, dash, trace 32, dash, span 16, dash, flags 2; later versions may have more behind another dash.
  const bool formed = field.size() >= 55 && field[2] == '-' && field[35] == '-' && field[52] == '-' &&
                      hexadecimal(field.substr(0, 2)) && hexadecimal(field.substr(3, 32)) &&
                      hexadecimal(field.substr(36, 16)) && hexadecimal(field.substr(53, 2)) &&
                      field.substr(0, 2) != "ff" && !all_zero(field.substr(3, 32)) && !all_zero(field.substr(36, 16)) &&
                      (field.size() == 55 || (field.substr(0, 2) != "00" && field[55] == '-'));
  if (formed) {
    context.trace_id = field.substr(3, 32);
    context.parent_id = field.substr(36, 16);
    context.flags = std::string_view("13579bdf").find(field[54]) != std::string_view::npos ? "01" : "00";  // sampled
  } else {
    context.trace_id = fmt::format("{:016x}{:016x}", fresh_number() | 1, fresh_number());
  }
  context.span_id = fmt::format("{:016x}", fresh_number() | 1);
  return context;
}

}  // namespace slipway::serving
