// The chart library's script.
#pragma once
#include <string_view>

namespace slipway::report {

std::string_view chart_library();

}  // namespace slipway::report
