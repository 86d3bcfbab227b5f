// The forms in which several protocols send rows. Each fills work.rows, which were begun empty; `key` is for messages.
#pragma once
#include <string_view>

#include <simdjson.h>

#include <slipway/base/result.hpp>

#include "work.hpp"

namespace slipway::serving {

// The index of an input; an unknown name is an error with the nearest one.
Result<std::size_t> find_column(Work& work, std::string_view name, std::string_view key);

// [[...], ...] in the order of the inputs, or [{...}, ...] by name; of one input also [value, ...].
Status read_row_list(Work& work, const simdjson::dom::element& rows, std::string_view key);

// {"name": [values], ...}; of one input also [values].
Status read_columns(Work& work, const simdjson::dom::element& columns, std::string_view key);

// {"columns": [names], "data": [[values], ...]}: pandas' orient="split".
Status read_split(Work& work, const simdjson::dom::element& split, std::string_view key);

}  // namespace slipway::serving
