#include "sql_error.hpp"

#include <slipway/base/text.hpp>

namespace slipway::table {

std::string text_between(std::string_view text, std::string_view before, std::string_view after) {
  const std::size_t start = text.find(before);
  if (start == std::string_view::npos) return {};
  text.remove_prefix(start + before.size());
  const std::size_t end = text.find(after);
  return end == std::string_view::npos ? std::string() : std::string(text.substr(0, end));
}

std::string short_reason(std::string_view message) {
  std::string_view line = message.substr(0, message.find('\n'));
  // "Binder Error: ...", "Invalid Input Error: ..."
  const std::size_t kind = line.find(" Error: ");
  if (kind != std::string_view::npos && line.substr(0, kind).find_first_of(":\"'(") == std::string_view::npos)
    line.remove_prefix(kind + 8);
  line = trim(line);
  while (!line.empty() && (line.back() == '!' || line.back() == '.')) line.remove_suffix(1);
  return std::string(line);
}

Error explain_sql_error(const Error& error, std::span<const std::string> columns, std::span<const std::string> tables) {
  const std::string& message = error.message();
  const std::string reason = short_reason(message);
  if (reason.starts_with("Referenced column \"")) {
    const std::string name = text_between(reason, "column \"", "\"");
    std::string text = "there is no column '" + name + "'" + suggestion(name, columns);
    if (!columns.empty() && !nearest_name(name, columns)) text += "; the columns are " + list_names(columns);
    return not_found(text);
  }
  if (reason.starts_with("Table with name ")) {
    const std::string name = text_between(reason, "Table with name ", " does not exist");
    std::string text = "there is no table '" + name + "'" + suggestion(name, tables);
    if (!tables.empty() && !nearest_name(name, tables)) text += "; the tables are " + list_names(tables);
    return not_found(text);
  }
  return {error.code(), reason};
}

}  // namespace slipway::table
