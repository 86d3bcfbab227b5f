// Any text: parse_expression gives an error, or nodes that leave one value, and tests of texts that are operators of a
// valid model.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/model/expression.hpp>
#include <slipway/model/match.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slipway::model::ExpressionColumn;
  using slipway::model::ValueKind;
  static const ExpressionColumn columns[] = {
      {"a", ValueKind::numbers}, {"when", ValueKind::time}, {"text", ValueKind::text}};
  const auto parsed = slipway::model::parse_expression({reinterpret_cast<const char*>(data), size}, columns);
  if (!parsed.ok()) return 0;
  if (!slipway::model::expression_stack_size(parsed->nodes).ok()) std::abort();
  if (parsed->tests.size() != parsed->columns.size()) std::abort();
  for (const auto& test : parsed->tests) {
    if (!test) continue;
    slipway::model::ModelBuilder builder("test");
    const auto input = builder.input({.name = "text", .kind = slipway::model::InputKind::text});
    const auto value = builder.add(text_test_operator(*test, input), "test", {"test"});
    builder.set_task(slipway::model::Task::regression, "y", {});
    builder.set_outputs(value, value);
    if (!std::move(builder).build().ok()) std::abort();
    if (test->kind != slipway::model::TextTest::Kind::match) continue;
    slipway::model::TextPattern(test->match).test(test->match.pattern + "a%");
    slipway::model::regular_expression(test->match);
  }
  return 0;
}
