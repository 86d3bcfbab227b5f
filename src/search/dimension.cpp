// What may be tried for one option: values, steps of a grid, or a distribution.
#include <fmt/format.h>

#include <slipway/base/text.hpp>

#include "task.hpp"

namespace slipway::search {
namespace {

using params::Value;
using Kind = Distribution::Kind;

constexpr std::pair<std::string_view, Kind> kinds[] = {{"uniform", Kind::uniform},
                                                       {"log_uniform", Kind::log_uniform},
                                                       {"integers", Kind::integers},
                                                       {"log_integers", Kind::log_integers}};

std::vector<std::string> names_of_forms() {
  std::vector<std::string> names = {"grid", "log_grid"};
  for (const auto& [name, kind] : kinds) names.emplace_back(name);
  return names;
}

Result<std::vector<double>> read_numbers(const Value& list, std::string_view form, std::size_t count) {
  if (list.kind != Value::Kind::list || list.items.size() != count)
    return list.error(fmt::format("{}: expected [lowest, highest{}]", form, count == 3 ? ", number of steps" : ""));
  std::vector<double> numbers;
  for (const Value& item : list.items) {
    SLIPWAY_TRY(numbers.emplace_back(), item.number().with_context(form));
    if (!std::isfinite(numbers.back())) return item.error(fmt::format("{}: {}", form, item.text));
  }
  if (!(numbers[0] < numbers[1]))
    return list.error(fmt::format("{}: expected the lowest before the highest, found {} and {}", form,
                                  list.items[0].text, list.items[1].text));
  if (form.starts_with("log") && !(numbers[0] > 0))
    return list.error(fmt::format("{}: expected numbers above 0, found {}", form, list.items[0].text));
  return numbers;
}

// Six digits: enough to tell candidates apart, and short enough to read.
Value number_value(double number) { return params::scalar(format_number(std::stod(fmt::format("{:.6g}", number)))); }

Result<std::vector<Value>> read_steps(const Value& list, std::string_view form) {
  constexpr double most_steps = 1000;
  SLIPWAY_TRY(const std::vector<double> numbers, read_numbers(list, form, 3));
  const double steps = numbers[2];
  if (!(steps >= 2 && steps <= most_steps && steps == std::floor(steps)))
    return list.items[2].error(fmt::format("{}: expected a number of steps from 2 to {}", form, most_steps));
  std::vector<Value> values;
  for (double step = 0; step < steps; ++step) {
    const double share = step / (steps - 1);
    values.push_back(number_value(form == "grid" ? numbers[0] + share * (numbers[1] - numbers[0])
                                                 : numbers[0] * std::pow(numbers[1] / numbers[0], share)));
  }
  return values;
}

}  // namespace

Value Distribution::draw(Random& random) const {
  const double u = random.uniform();
  switch (kind) {
    case Kind::uniform:
      return number_value(low + u * (high - low));
    case Kind::log_uniform:
      return number_value(low * std::pow(high / low, u));
    case Kind::integers:
      return params::scalar(fmt::format("{}", static_cast<std::int64_t>(low + std::floor(u * (high - low + 1)))));
    case Kind::log_integers:
      break;
  }
  const double wide = low * std::pow((high + 1) / low, u);
  return params::scalar(fmt::format("{}", static_cast<std::int64_t>(std::clamp(std::floor(wide), low, high))));
}

Result<Dimension> read_dimension(const std::string& option, const Value& value) {
  Dimension dimension{option, {}, std::nullopt};
  if (value.kind == Value::Kind::list) {
    dimension.values = value.items;
    if (dimension.values.empty()) return value.error(fmt::format("{} has no value to try", option));
    return dimension;
  }
  if (value.kind != Value::Kind::map) {
    dimension.values = {value};
    return dimension;
  }
  const std::vector<std::string> forms = names_of_forms();
  // A learner as a value, say, is a map of another kind.
  if (value.entries.size() != 1 || std::find(forms.begin(), forms.end(), value.entries[0].key) == forms.end())
    return value.error(fmt::format("{}: expected a value, a list of values, or one of {} with its bounds", option,
                                   list_names(forms, forms.size())));
  const auto& [form, position, bounds] = value.entries[0];
  if (form == "grid" || form == "log_grid") {
    SLIPWAY_TRY(dimension.values, read_steps(bounds, form).with_context(option));
    return dimension;
  }
  SLIPWAY_TRY(const std::vector<double> numbers, read_numbers(bounds, form, 2).with_context(option));
  for (const auto& [name, kind] : kinds)
    if (form == name) dimension.distribution = Distribution{kind, numbers[0], numbers[1]};
  const bool whole = form.ends_with("integers");
  if (whole && (numbers[0] != std::floor(numbers[0]) || numbers[1] != std::floor(numbers[1])))
    return bounds.error(fmt::format("{}: {}: expected whole numbers", option, form));
  dimension.values = {
      whole ? params::scalar(fmt::format("{}", static_cast<std::int64_t>(numbers[0]))) : number_value(numbers[0]),
      whole ? params::scalar(fmt::format("{}", static_cast<std::int64_t>(numbers[1]))) : number_value(numbers[1])};
  return dimension;
}

std::string canonical(const Dimension& dimension) {
  std::string text = dimension.option;
  if (dimension.distribution)
    return text + fmt::format(": {} {} {}", kinds[static_cast<std::size_t>(dimension.distribution->kind)].first,
                              dimension.distribution->low, dimension.distribution->high);
  for (const Value& value : dimension.values) text += "\n" + params::canonical(value);
  return text;
}

}  // namespace slipway::search
