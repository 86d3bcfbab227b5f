#include "time_parts.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>

namespace slipway::features {
namespace {

using Op = model::ExpressionNode::Op;

struct Part {
  std::string_view name;
  Op op;
  int first = 0, count = 0;  // values of a part that goes round; count 0: it does not
};
constexpr Part parts[] = {{"hour", Op::hour, 0, 24},
                          {"minute", Op::minute, 0, 60},
                          {"weekday", Op::weekday, 0, 7},
                          {"day", Op::day, 1, 31},
                          {"month", Op::month, 1, 12},
                          {"year", Op::year},
                          {"days_since_epoch", Op::days_since_epoch}};

}  // namespace

std::vector<std::string> time_part_names() {
  std::vector<std::string> names;
  for (const Part& part : parts) names.emplace_back(part.name);
  for (const Part& part : parts)
    if (part.count > 0)
      for (const char* side : {"_sin", "_cos"}) names.push_back(std::string(part.name) + side);
  return names;
}

std::vector<std::string> time_parts_of(const FeaturePlan& plan, const std::string& column) {
  const auto found = plan.time_parts.find(column);
  return found == plan.time_parts.end() ? std::vector<std::string>{"hour", "weekday"} : found->second;
}

Result<model::ValueId> add_time_part(model::ModelBuilder& builder, model::ValueId time, const std::string& column,
                                     const std::string& part) {
  const bool sine = part.ends_with("_sin"), cosine = part.ends_with("_cos");
  const std::string stem = sine || cosine ? part.substr(0, part.size() - 4) : part;
  const auto* known =
      std::find_if(std::begin(parts), std::end(parts), [&](const Part& one) { return one.name == stem; });
  if (known == std::end(parts) || ((sine || cosine) && known->count == 0))
    return not_found(fmt::format("time column '{}' has no part '{}'{}; there are {}", column, part,
                                 suggestion(part, time_part_names()), list_names(time_part_names(), 20)));
  model::Expression expression;
  expression.inputs = {time};
  expression.nodes = {{.op = known->op}};
  expression.source = fmt::format("{}({})", stem, column);
  const std::string name = column + "." + stem;
  const model::ValueId whole = builder.add(expression, name, {name});
  if (!sine && !cosine) return whole;
  // The part is a whole number: a table of the circle is exact in every engine.
  model::Piecewise circle{whole, 0, model::Piecewise::Kind::step, {}, {}};
  for (int i = 0; i < known->count; ++i) {
    const double angle = 2 * M_PI * i / known->count;
    circle.at.push_back(static_cast<float>(known->first + i));
    circle.y.push_back(static_cast<float>(sine ? std::sin(angle) : std::cos(angle)));
  }
  return builder.add(circle, column + "." + part, {column + "." + part});
}

}  // namespace slipway::features
