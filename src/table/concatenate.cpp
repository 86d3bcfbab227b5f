#include <fmt/format.h>

#include <slipway/table/table.hpp>

namespace slipway::table {
namespace {

ColumnData join(const ColumnData& first, const ColumnData& second) {
  ColumnData joined = first;
  std::visit(
      [&](auto& column) {
        using Type = std::remove_cvref_t<decltype(column)>;
        const Type& more = std::get<Type>(second);
        if constexpr (std::is_same_v<Type, TextColumn>) {
          std::unordered_map<std::string_view, std::int32_t> known;
          for (std::size_t i = 0; i < column.dictionary.size(); ++i)
            known.emplace(std::get<TextColumn>(first).dictionary[i], static_cast<std::int32_t>(i));
          std::vector<std::int32_t> translated;
          for (const std::string& text : more.dictionary) {
            const auto [entry, added] = known.emplace(text, static_cast<std::int32_t>(column.dictionary.size()));
            if (added) column.dictionary.push_back(text);
            translated.push_back(entry->second);
          }
          for (std::int32_t code : more.codes)
            column.codes.push_back(code < 0 ? -1 : translated[static_cast<std::size_t>(code)]);
        } else {
          column.values.insert(column.values.end(), more.values.begin(), more.values.end());
        }
      },
      joined);
  return joined;
}

}  // namespace

Result<Table> concatenate(const Table& first, const Table& second) {
  std::vector<Column> columns;
  for (const Column& column : first.all()) {
    SLIPWAY_TRY(const Column* other, second.get(column.name));
    if (other->data.index() != column.data.index())
      return invalid_input(fmt::format("column '{}' is {} in one table and {} in the other", column.name,
                                       type_name(column.data), type_name(other->data)));
    columns.push_back({column.name, join(column.data, other->data)});
  }
  return Table::make(std::move(columns));
}

}  // namespace slipway::table
