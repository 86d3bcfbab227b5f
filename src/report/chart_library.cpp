#include "chart_library.hpp"

// The bytes of Apache ECharts (Apache-2.0), put into the read-only data by the assembler.
__asm__(
    ".section .rodata\n"
    ".balign 16\n"
    ".global slipway_chart_library_begin\n"
    "slipway_chart_library_begin:\n"
    ".incbin \"" SLIPWAY_ECHARTS_FILE
    "\"\n"
    ".global slipway_chart_library_end\n"
    "slipway_chart_library_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
extern const char slipway_chart_library_begin[];
extern const char slipway_chart_library_end[];
}

namespace slipway::report {

std::string_view chart_library() {
  return {slipway_chart_library_begin,
          static_cast<std::size_t>(slipway_chart_library_end - slipway_chart_library_begin)};
}

}  // namespace slipway::report
