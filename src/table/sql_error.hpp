// DuckDB's error texts in our words: one line, the nearest name, no advice about DuckDB's own options.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway::table {

// `columns` and `tables` are the names that the statement could have used.
Error explain_sql_error(const Error& error, std::span<const std::string> columns, std::span<const std::string> tables);

// DuckDB's reason alone: no kind in front, first line only.
std::string short_reason(std::string_view message);

// The text between the first `before` and the next `after`; "" if they do not occur.
std::string text_between(std::string_view text, std::string_view before, std::string_view after);

}  // namespace slipway::table
