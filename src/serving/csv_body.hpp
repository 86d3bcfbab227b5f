// A body of comma-separated values with a header row (RFC 4180), as MLflow takes it.
#pragma once
#include <string_view>

#include <slipway/base/result.hpp>

#include "work.hpp"

namespace slipway::serving {

// Fills work.rows, which were begun empty. Empty cells are missing.
Status read_csv_rows(Work& work, std::string_view body);

}  // namespace slipway::serving
