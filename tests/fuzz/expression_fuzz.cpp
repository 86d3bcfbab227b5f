// Any text: parse_expression gives an error, or nodes that leave one value.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/model/expression.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slipway::model::ExpressionColumn;
  using slipway::model::ValueKind;
  static const ExpressionColumn columns[] = {
      {"a", ValueKind::numbers}, {"when", ValueKind::time}, {"text", ValueKind::text}};
  const auto parsed = slipway::model::parse_expression({reinterpret_cast<const char*>(data), size}, columns);
  if (parsed.ok() && !slipway::model::expression_stack_size(parsed->nodes).ok()) std::abort();
  return 0;
}
