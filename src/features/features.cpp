#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/features/features.hpp>
#include <slipway/model/expression.hpp>
#include <slipway/model/interpreter.hpp>

#include "binning.hpp"
#include "categories.hpp"
#include "components.hpp"
#include "scaling.hpp"
#include "selection.hpp"
#include "statistics.hpp"
#include "terms.hpp"
#include "time_parts.hpp"

namespace slipway::features {
namespace {

using model::ValueId;

constexpr std::size_t pinned_categories_maximum = 10'000;
// An Affine's product may lose this share of float32's digits to the size of the centre before two steps are taken.
constexpr double largest_shift = 32;

double replacement_for(std::span<const float> values, const FeatureOptions& options) {
  if (options.impute == "constant") return options.impute_constant;
  const std::vector<double> sorted = sorted_values(values);
  if (sorted.empty()) return 0;
  if (options.impute == "median") return quantile(sorted, 0.5);
  return options.impute == "mean" ? moments(values).mean : most_frequent(sorted);
}

// Training values that the plain transform would leak, to be put into the training block afterwards.
struct OutOfFold {
  std::string column;  // of the feature block
  std::vector<float> values;
};

class Fitter {
 public:
  Fitter(model::ModelBuilder& builder, const FeaturePlan& plan, const table::Table& table,
         std::span<const std::uint32_t> rows, const TargetView& target, std::uint64_t seed,
         const std::set<std::string>& left_out)
      : builder_(builder), plan_(plan), table_(table), rows_(rows), target_(target), seed_(seed), left_out_(left_out) {}

  Result<FittedFeatures> run() {
    SLIPWAY_CHECK(check_column_options());
    SLIPWAY_CHECK(parse_derived());
    SLIPWAY_CHECK(add_inputs());
    SLIPWAY_TRY(const model::TableRows inputs, model::TableRows::from(builder_.so_far().inputs, table_.take(rows_)));
    inputs_ = &inputs;
    std::vector<Number> numbers;
    for (const std::string& name : plan_.numeric) numbers.push_back({name, places_[name].value});
    SLIPWAY_CHECK(treat(std::move(numbers)));
    for (const std::string& name : plan_.categorical) SLIPWAY_CHECK(fit_categorical(name));
    SLIPWAY_CHECK(fit_computed());
    SLIPWAY_CHECK(fit_components_of_numbers());
    for (const auto& [name, options] : plan_.text) SLIPWAY_CHECK(fit_text(name, options));
    return finish();
  }

 private:
  // A derived feature's formula; the nodes' operands count within `columns`.
  struct Formula {
    std::vector<model::ExpressionNode> nodes;
    std::vector<std::string> columns;
    std::vector<std::optional<model::TextTest>> tests = {};  // per column: of texts, what is asked of them
  };
  // Where a column can be read in the graph.
  struct Place {
    ValueId value = 0;
    std::uint32_t column = 0;
  };
  // A number on its way to a feature, in a value of its own.
  struct Number {
    std::string name;
    ValueId value = 0;
  };
  // A block of features.
  struct Part {
    ValueId value = 0;
    bool one_hot = false;
  };

  Status check_column_options() const {
    std::vector<std::string> known = plan_.numeric;
    known.insert(known.end(), plan_.categorical.begin(), plan_.categorical.end());
    for (const DerivedFeature& derived : plan_.derived) known.push_back(derived.name);
    for (const std::string& name : plan_.time)
      for (const std::string& part : time_parts_of(plan_, name)) known.push_back(name + "." + part);
    for (const auto& [name, options] : plan_.column_options)
      if (std::find(known.begin(), known.end(), name) == known.end())
        return not_found(fmt::format("features: an option is given for '{}', which is no feature's column{}", name,
                                     suggestion(name, known)));
    return {};
  }

  std::vector<model::ExpressionColumn> expression_columns() const {
    std::vector<model::ExpressionColumn> columns;
    for (const table::Column& column : table_.all()) {
      const bool text = std::holds_alternative<table::TextColumn>(column.data);
      const bool time = std::holds_alternative<table::TimeColumn>(column.data);
      columns.push_back({column.name, text   ? model::ValueKind::text
                                      : time ? model::ValueKind::time
                                             : model::ValueKind::numbers});
    }
    return columns;
  }

  Status parse_derived() {
    const std::vector<model::ExpressionColumn> columns = expression_columns();
    for (const DerivedFeature& derived : plan_.derived) {
      const std::string context = fmt::format("derived feature '{}' = {}", derived.name, derived.expression);
      SLIPWAY_TRY(auto parsed, model::parse_expression(derived.expression, columns).with_context(context));
      std::vector<std::string> names;
      for (std::uint32_t index : parsed.columns) names.push_back(columns[index].name);
      parsed_.push_back({std::move(parsed.nodes), std::move(names), std::move(parsed.tests)});
    }
    return {};
  }

  Status add_input(const std::string& name, model::InputKind kind, bool pinned = true) {
    if (places_.contains(name)) return {};
    SLIPWAY_TRY(const table::Column* column, table_.get(name));
    model::Input input;
    input.name = name;
    input.kind = kind;
    if (kind == model::InputKind::number) {
      SLIPWAY_TRY(const auto values, table::as_numbers(*column));
      for (std::uint32_t row : rows_)
        if (std::isfinite(values[row])) {
          input.minimum = std::min(input.minimum.value_or(values[row]), values[row]);
          input.maximum = std::max(input.maximum.value_or(values[row]), values[row]);
        }
    } else if (kind == model::InputKind::text) {
      texts_[name] = table::as_text(*column);
      if (pinned) {
        const Categories all = find_categories(texts_[name], rows_, 1, {});
        if (all.keys.size() <= pinned_categories_maximum) input.categories = all.keys;
      }
    } else if (!std::holds_alternative<table::TimeColumn>(column->data)) {
      return invalid_input(fmt::format("column '{}' is {}, expected a time (dates or timestamps)", name,
                                       table::type_name(column->data)));
    }
    places_[name] = {builder_.input(std::move(input)), 0};
    return {};
  }

  Status add_inputs() {
    for (const std::string& name : plan_.numeric) SLIPWAY_CHECK(add_input(name, model::InputKind::number));
    for (const std::string& name : plan_.categorical) {
      if (places_.contains(name)) return invalid_input("column '" + name + "' is named both numeric and categorical");
      SLIPWAY_CHECK(add_input(name, model::InputKind::text));
    }
    for (const auto& [name, options] : plan_.text) {
      if (std::find(plan_.numeric.begin(), plan_.numeric.end(), name) != plan_.numeric.end())
        return invalid_input("column '" + name + "' is named both numeric and text");
      SLIPWAY_CHECK(add_input(name, model::InputKind::text, false));
    }
    for (const std::string& name : plan_.time) SLIPWAY_CHECK(add_input(name, model::InputKind::time));
    for (const Formula& formula : parsed_)
      for (const std::string& name : formula.columns) {
        SLIPWAY_TRY(const table::Column* column, table_.get(name));
        const bool text = std::holds_alternative<table::TextColumn>(column->data);
        const bool time = std::holds_alternative<table::TimeColumn>(column->data);
        SLIPWAY_CHECK(add_input(name,
                                text   ? model::InputKind::text
                                : time ? model::InputKind::time
                                       : model::InputKind::number,
                                !text));
      }
    return {};
  }

  // What the training rows have in a value made so far.
  Result<model::Block> training_values(ValueId value) const {
    const model::Model& model = builder_.so_far();
    if (value < model.inputs.size()) {
      const auto numbers = std::get<model::NumberView>(inputs_->batch().columns[value]);
      model::Block block(numbers.size(), 1);
      std::copy(numbers.begin(), numbers.end(), block.values.begin());
      return block;
    }
    return model::evaluate_value(model.inputs, model.values, model.operators, inputs_->batch(), value);
  }

  // Several values side by side; one alone stays what it is.
  ValueId join(const std::vector<ValueId>& values, const std::string& name) {
    if (values.size() == 1) return values[0];
    std::vector<std::string> columns;
    for (const ValueId value : values) {
      const auto& names = builder_.value(value).columns;
      columns.insert(columns.end(), names.begin(), names.end());
    }
    return builder_.add(
        model::Join{.inputs = values, .output = 0, .kind = model::Join::Kind::concatenate, .weights = {}}, name,
        columns);
  }

  // (x - centre) / width by column. A centre far larger than the width is taken off first, so that float32 keeps its
  // digits; what rounding the centre took away comes back with the shift of the second step.
  ValueId add_affine(ValueId value, const std::vector<LinearScale>& scales, const std::string& name) {
    const std::vector<std::string> columns = builder_.value(value).columns;
    const bool far = std::any_of(scales.begin(), scales.end(), [](const LinearScale& one) {
      return std::fabs(one.centre) > largest_shift * one.width;
    });
    model::Affine affine;
    affine.input = value;
    if (far) {
      for (const LinearScale& one : scales) {
        affine.scale.push_back(1);
        affine.shift.push_back(-to_float(one.centre));
      }
      affine.input = builder_.add(affine, name + " centred", columns);
      affine.scale.clear();
      affine.shift.clear();
    }
    for (const LinearScale& one : scales) {
      const double taken = far ? to_float(one.centre) : 0;
      affine.scale.push_back(to_float(1 / one.width));
      affine.shift.push_back(to_float((taken - one.centre) / one.width));
    }
    return builder_.add(affine, name, columns);
  }

  ValueId add_formula(const Formula& formula, const std::string& source, const std::string& name) {
    model::Expression expression;
    expression.source = source;
    expression.nodes = formula.nodes;
    std::vector<std::uint32_t> operand_of, column_of;
    for (std::size_t i = 0; i < formula.columns.size(); ++i) {
      const bool tests = i < formula.tests.size() && formula.tests[i].has_value();
      const Place place = tests ? text_test(formula.columns[i], *formula.tests[i]) : places_[formula.columns[i]];
      const auto found = std::find(expression.inputs.begin(), expression.inputs.end(), place.value);
      operand_of.push_back(static_cast<std::uint32_t>(found - expression.inputs.begin()));
      column_of.push_back(place.column);
      if (found == expression.inputs.end()) expression.inputs.push_back(place.value);
    }
    for (model::ExpressionNode& node : expression.nodes)
      if (node.op == model::ExpressionNode::Op::column || is_time_op(node.op)) {
        node.column = column_of[node.operand];
        node.operand = operand_of[node.operand];
      }
    return builder_.add(expression, name, {name});
  }

  // The answers of a test of a text column; formulas that ask the same share them.
  Place text_test(const std::string& column, const model::TextTest& test) {
    const auto [place, is_new] = text_tests_.try_emplace({column, test.source});
    if (is_new)
      place->second.value =
          builder_.add(model::text_test_operator(test, places_[column].value), test.source, {test.source});
    return place->second;
  }

  // A formula of our own over one column of numbers at a place.
  Result<ValueId> add_formula_over(const std::string& text, const std::string& column, ValueId value,
                                   const std::string& name) {
    const model::ExpressionColumn columns[] = {{column, model::ValueKind::numbers}};
    SLIPWAY_TRY(auto parsed, model::parse_expression(text, columns).with_context(text));
    model::Expression expression;
    expression.inputs = {value};
    expression.nodes = std::move(parsed.nodes);
    expression.source = text;
    return builder_.add(expression, name, {name});
  }

  // A block of features, without those that selection leaves out.
  void add_part(ValueId value, bool one_hot = false) {
    const std::vector<std::string> columns = builder_.value(value).columns;
    const auto gone = [&](const std::string& name) { return left_out_.contains(name); };
    if (std::all_of(columns.begin(), columns.end(), gone)) return;
    if (std::none_of(columns.begin(), columns.end(), gone)) {
      parts_.push_back({value, one_hot});
      return;
    }
    std::vector<ValueId> kept;
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (!gone(columns[i])) kept.push_back(pick_column(value, i));
    parts_.push_back({join(kept, builder_.value(value).name + " kept"), one_hot});
  }

  ValueId pick_column(ValueId value, std::size_t column) {
    const std::string name = builder_.value(value).columns[column];
    model::Expression pick;
    pick.inputs = {value};
    pick.nodes = {{model::ExpressionNode::Op::column, 0, 0, static_cast<std::uint32_t>(column)}};
    pick.source = quoted_name(name);
    return builder_.add(pick, name, {name});
  }

  // Numbers become features: imputed, then binned or scaled. Those that go the same way go together.
  Status treat(std::vector<Number> numbers) {
    struct Group {
      bool impute = false, indicator = false, linear = false;
      std::vector<Number> members;
    };
    std::vector<Group> groups;  // of pass-through and linear scales
    std::vector<Number> alone;
    std::unordered_map<std::string, std::vector<float>> values;
    for (Number& number : numbers) {
      const FeatureOptions& options = plan_.options_of(number.name);
      SLIPWAY_TRY(model::Block block, training_values(number.value));
      std::vector<float>& known = values[number.name] = std::move(block.values);
      const bool missing = std::any_of(known.begin(), known.end(), [](float x) { return std::isnan(x); });
      const bool impute = options.impute != "none";
      const bool linear = is_linear_scale(options.scale);
      if (options.bins > 0 || (options.scale != "none" && !linear)) {
        alone.push_back(std::move(number));
        continue;
      }
      const Group wanted{impute, impute && options.missing_indicator && missing, linear, {}};
      auto group = std::find_if(groups.begin(), groups.end(), [&](const Group& one) {
        return one.impute == wanted.impute && one.indicator == wanted.indicator && one.linear == wanted.linear;
      });
      if (group == groups.end()) group = groups.insert(groups.end(), wanted);
      group->members.push_back(std::move(number));
    }
    for (const Group& group : groups) {
      // Inputs that go through untouched are parts of their own.
      if (!group.impute && !group.linear) {
        for (const Number& number : group.members) add_number_part(number.value);
        continue;
      }
      std::vector<ValueId> members;
      for (const Number& number : group.members) members.push_back(number.value);
      ValueId block = join(members, "numbers");
      if (group.impute) block = impute(block, group.members, values, group.indicator);
      if (group.linear) {
        std::vector<LinearScale> scales;
        for (const Number& number : group.members) {
          if (group.impute) fill_in(values[number.name], number.name);
          scales.push_back(fit_linear_scale(plan_.options_of(number.name).scale, values[number.name]));
        }
        if (group.indicator) scales.resize(2 * scales.size());
        block = add_affine(block, scales, "scaled");
      }
      add_number_part(block);
    }
    for (const Number& number : alone) SLIPWAY_CHECK(treat_alone(number, values));
    return {};
  }

  void fill_in(std::vector<float>& known, const std::string& name) const {
    const float replacement = to_float(replacement_for(known, plan_.options_of(name)));
    for (float& x : known)
      if (std::isnan(x)) x = replacement;
  }

  ValueId impute(ValueId block, const std::vector<Number>& members,
                 const std::unordered_map<std::string, std::vector<float>>& values, bool indicator) {
    model::Fill fill;
    fill.input = block;
    fill.indicator = indicator;
    std::vector<std::string> names;
    for (const Number& number : members) {
      fill.replacement.push_back(to_float(replacement_for(values.at(number.name), plan_.options_of(number.name))));
      names.push_back(number.name);
    }
    if (indicator)
      for (const Number& number : members) names.push_back(number.name + "=missing");
    const ValueId filled = builder_.add(fill, "filled", names);
    for (std::size_t i = 0; i < members.size(); ++i)
      if (places_.contains(members[i].name)) places_[members[i].name] = {filled, static_cast<std::uint32_t>(i)};
    return filled;
  }

  // Binned numbers, and scales that are no straight line.
  Status treat_alone(const Number& number, std::unordered_map<std::string, std::vector<float>>& values) {
    const FeatureOptions& options = plan_.options_of(number.name);
    std::vector<float>& known = values[number.name];
    const bool missing = std::any_of(known.begin(), known.end(), [](float x) { return std::isnan(x); });
    ValueId value = number.value;
    if (options.impute != "none") {
      value = impute(value, {number}, values, false);
      fill_in(known, number.name);
      if (options.missing_indicator && missing) {
        const std::string name = number.name + "=missing";
        SLIPWAY_TRY(const ValueId indicator,
                    add_formula_over(quoted_name(number.name) + " IS NULL", number.name, number.value, name));
        add_part(indicator);
      }
    }
    if (options.bins > 0) return add_bins(number, value, known, options);
    if (options.scale == "quantile" || options.scale == "quantile_normal") {
      const Points points = fit_quantile_scale(known, options.scale == "quantile_normal");
      model::Piecewise piecewise{value, 0, model::Piecewise::Kind::linear, points.at, points.y};
      add_number_part(builder_.add(piecewise, number.name + " " + options.scale, {number.name}));
      return {};
    }
    SLIPWAY_TRY(const double exponent, fit_power(options.scale, known).with_context("feature '" + number.name + "'"));
    const std::vector<double> sorted = sorted_values(known);
    const std::string formula =
        power_formula(options.scale, exponent, sorted.empty() ? 1 : sorted.front(), number.name);
    SLIPWAY_TRY(const ValueId power, add_formula_over(formula, number.name, value, number.name));
    SLIPWAY_TRY(const model::Block block, training_values(power));
    add_number_part(add_affine(power, {fit_linear_scale("standard", block.values)}, number.name + " " + options.scale));
    return {};
  }

  Status add_bins(const Number& number, ValueId value, std::span<const float> known, const FeatureOptions& options) {
    std::vector<float> edges = bin_edges(known, options.bin_method, options.bins);
    edges.pop_back();  // the last bin has no end
    if (options.bin_encode == "ordinal") {
      model::Piecewise step{value, 0, model::Piecewise::Kind::step, edges, {}};
      for (std::size_t i = 0; i < edges.size(); ++i) step.y.push_back(static_cast<float>(i));
      add_number_part(builder_.add(step, number.name + " bins", {number.name}));
      return {};
    }
    std::vector<ValueId> columns;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < edges.size(); ++i) {
      model::Piecewise step{value, 0, model::Piecewise::Kind::step, edges, std::vector<float>(edges.size(), 0)};
      step.y[i] = 1;
      names.push_back(fmt::format("{}=bin{}", number.name, i));
      columns.push_back(builder_.add(step, names.back(), {names.back()}));
    }
    // A missing number lies in no bin.
    model::Fill fill;
    fill.input = join(columns, number.name + " bins");
    fill.replacement.assign(columns.size(), 0);
    add_part(builder_.add(fill, number.name + " one-hot bins", names), true);
    return {};
  }

  Status fit_categorical(const std::string& name) {
    const FeatureOptions& options = plan_.options_of(name);
    const Categories kept = find_categories(texts_[name], rows_, options.rare_minimum, options.maximum_categories);
    if (kept.keys.empty() && !kept.any_missing && options.rare != "column")
      return invalid_input(
          fmt::format("column '{}' has no category with at least {} training rows", name, options.rare_minimum));
    std::string encode = options.encode;
    if (encode == "auto")
      encode = kept.keys.size() <= static_cast<std::size_t>(options.one_hot_maximum) ? "one_hot" : "target";
    Encoding encoding = encode == "one_hot"   ? encode_one_hot(name, kept, options)
                        : encode == "ordinal" ? encode_ordinal(name, kept, options)
                                              : encode_target_means(name, kept, options, target_, seed_);
    encoding.lookup.input = places_[name].value;
    for (std::size_t i = 0; i < encoding.out_of_fold.size(); ++i)
      out_of_fold_.push_back({encoding.columns[i], std::move(encoding.out_of_fold[i])});
    add_part(builder_.add(encoding.lookup, name + " " + encode, encoding.columns), encode == "one_hot");
    return {};
  }

  // Parts of times, derived features and products.
  Status fit_computed() {
    std::vector<Number> computed;
    for (const std::string& name : plan_.time)
      for (const std::string& part : time_parts_of(plan_, name)) {
        SLIPWAY_TRY(const ValueId value, add_time_part(builder_, places_[name].value, name, part));
        computed.push_back({name + "." + part, value});
      }
    for (std::size_t i = 0; i < plan_.derived.size(); ++i) {
      const DerivedFeature& derived = plan_.derived[i];
      const ValueId value = add_formula(parsed_[i], derived.expression, derived.name);
      computed.push_back({derived.name, value});
      if (!places_.contains(derived.name)) places_[derived.name] = {value, 0};
    }
    SLIPWAY_CHECK(add_products(computed));
    return treat(std::move(computed));
  }

  // a^2, "a b", ... in scikit-learn's order and with its names.
  Status add_products(std::vector<Number>& computed) {
    const std::vector<std::string>& names = plan_.polynomial;
    std::vector<model::ExpressionColumn> columns;
    for (const std::string& name : names) {
      std::vector<std::string> known = plan_.numeric;
      for (const DerivedFeature& derived : plan_.derived) known.push_back(derived.name);
      if (std::find(known.begin(), known.end(), name) == known.end())
        return not_found(
            fmt::format("polynomial: '{}' is no numeric or derived feature{}", name, suggestion(name, known)));
      columns.push_back({name, model::ValueKind::numbers});
    }
    std::vector<std::size_t> factors;
    const auto add = [&]() -> Status {
      std::string formula, name;
      for (std::size_t i = 0; i < factors.size();) {
        std::size_t end = i;
        for (; end < factors.size() && factors[end] == factors[i]; ++end)
          formula += (formula.empty() ? "" : " * ") + quoted_name(names[factors[end]]);
        name += (name.empty() ? "" : " ") + names[factors[i]];
        if (end - i > 1) name += fmt::format("^{}", end - i);
        i = end;
      }
      SLIPWAY_TRY(auto parsed, model::parse_expression(formula, columns).with_context("polynomial"));
      Formula product{std::move(parsed.nodes), {}};
      for (const std::uint32_t index : parsed.columns) product.columns.push_back(names[index]);
      computed.push_back({name, add_formula(product, formula, name)});
      return {};
    };
    const auto extend = [&](auto&& self, std::size_t from, int left) -> Status {
      if (left == 0) return add();
      for (std::size_t i = from; i < names.size(); ++i) {
        factors.push_back(i);
        SLIPWAY_CHECK(self(self, plan_.polynomial_options.interaction_only ? i + 1 : i, left - 1));
        factors.pop_back();
      }
      return {};
    };
    for (int degree = 2; degree <= plan_.polynomial_options.degree; ++degree) SLIPWAY_CHECK(extend(extend, 0, degree));
    return {};
  }

  // A number's part; where components replace the numbers, it waits for them.
  void add_number_part(ValueId value) {
    if (plan_.components.components > 0) {
      numbers_.push_back(value);
    } else {
      add_part(value);
    }
  }

  Status fit_components_of_numbers() {
    if (plan_.components.components <= 0) return {};
    std::vector<ValueId> chosen;
    for (const ValueId value : numbers_) {
      const std::vector<std::string> columns = builder_.value(value).columns;
      const auto is_chosen = [&](const std::string& name) {
        return plan_.component_columns.empty()
                   ? !name.ends_with("=missing")
                   : std::find(plan_.component_columns.begin(), plan_.component_columns.end(), name) !=
                         plan_.component_columns.end();
      };
      if (std::all_of(columns.begin(), columns.end(), is_chosen)) {
        chosen.push_back(value);
        if (plan_.components.keep) add_part(value);
        continue;
      }
      // A block of which some columns go: each on its own.
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const ValueId one = pick_column(value, i);
        if (is_chosen(columns[i])) chosen.push_back(one);
        if (!is_chosen(columns[i]) || plan_.components.keep) add_part(one);
      }
    }
    if (chosen.empty()) return invalid_input("pca: there is no number to take components of");
    const ValueId block = join(chosen, "component inputs");
    const std::vector<std::string> names = builder_.value(block).columns;
    for (const std::string& name : plan_.component_columns)
      if (std::find(names.begin(), names.end(), name) == names.end())
        return not_found(fmt::format("pca: '{}' is no number among the features{}", name, suggestion(name, names)));
    SLIPWAY_TRY(const model::Block values, training_values(block));
    SLIPWAY_TRY(const Components found,
                fit_components(values, plan_.components.components, plan_.components.whiten).with_context("pca"));
    // Centred first, so that float32 keeps the digits of columns far from 0.
    model::Affine centre;
    centre.input = block;
    for (const double mean : found.mean) {
      centre.scale.push_back(1);
      centre.shift.push_back(-to_float(mean));
    }
    model::Dense dense;
    dense.input = builder_.add(centre, "component inputs centred", names);
    dense.bias.assign(found.count, 0);
    for (std::size_t i = 0; i < names.size(); ++i)
      for (std::size_t k = 0; k < found.count; ++k) {
        const double weight = found.weights[i * found.count + k];
        dense.weights.push_back(to_float(weight));
        dense.bias[k] += to_float((to_float(found.mean[i]) - found.mean[i]) * weight);
      }
    std::vector<std::string> columns;
    for (std::size_t k = 0; k < found.count; ++k) columns.push_back(fmt::format("pca{}", k));
    add_part(builder_.add(dense, "components", columns));
    return {};
  }

  Status fit_text(const std::string& name, const TextOptions& options) {
    SLIPWAY_TRY(model::Terms terms, fit_terms(texts_[name], rows_, options).with_context("text column '" + name + "'"));
    terms.input = places_[name].value;
    std::vector<std::string> columns;
    for (const std::string& term : terms.terms) columns.push_back(name + ":" + term);
    add_part(builder_.add(terms, name + " terms", columns));
    return {};
  }

  Result<FittedFeatures> finish() {
    if (parts_.empty())
      return invalid_input("there is no feature: name at least one numeric, categorical, time, text or derived one");
    FittedFeatures fitted;
    model::Join join;
    std::vector<std::string> columns;
    std::int32_t group = 0;
    for (const Part& part : parts_) {
      join.inputs.push_back(part.value);
      const auto& names = builder_.value(part.value).columns;
      columns.insert(columns.end(), names.begin(), names.end());
      fitted.nominal.resize(columns.size(), part.one_hot ? group++ : -1);
    }
    fitted.value = builder_.add(join, "features", columns);
    SLIPWAY_TRY(fitted.training, training_values(fitted.value));
    for (const OutOfFold& out : out_of_fold_) {
      const auto at = std::find(columns.begin(), columns.end(), out.column);
      if (at == columns.end()) continue;  // left out
      std::copy(out.values.begin(), out.values.end(),
                fitted.training.column(static_cast<std::size_t>(at - columns.begin())).begin());
    }
    return fitted;
  }

  model::ModelBuilder& builder_;
  const FeaturePlan& plan_;
  const table::Table& table_;
  std::span<const std::uint32_t> rows_;
  const TargetView& target_;
  std::uint64_t seed_;
  const std::set<std::string>& left_out_;
  const model::TableRows* inputs_ = nullptr;  // of the training rows, while run() lasts
  std::vector<Formula> parsed_;
  std::unordered_map<std::string, Place> places_;
  std::map<std::pair<std::string, std::string>, Place> text_tests_;  // by column and what is asked
  std::unordered_map<std::string, table::TextColumn> texts_;
  std::vector<Part> parts_;
  std::vector<ValueId> numbers_;
  std::vector<OutOfFold> out_of_fold_;
};

// Whether a feature comes from the column alone, by its name: amount, amount=missing, state~target, when.hour,
// note:word.
bool comes_from(const std::string& feature, const std::string& column) {
  return feature.starts_with(column) &&
         (feature.size() == column.size() ||
          std::string_view("=~.:").find(feature[column.size()]) != std::string_view::npos);
}

// The plan without the columns all of whose features are left out, so that the model does not ask for them.
FeaturePlan without(FeaturePlan plan, const std::set<std::string>& left_out, const std::vector<std::string>& features) {
  const auto gone = [&](const std::string& column) {
    if (std::find(plan.polynomial.begin(), plan.polynomial.end(), column) != plan.polynomial.end()) return false;
    bool any = false;
    for (const std::string& feature : features)
      if (comes_from(feature, column)) {
        if (!left_out.contains(feature)) return false;
        any = true;
      }
    if (any) plan.column_options.erase(column);
    return any;
  };
  if (plan.components.components <= 0) std::erase_if(plan.numeric, gone);
  std::erase_if(plan.categorical, gone);
  std::erase_if(plan.text, [&](const auto& text) { return gone(text.first); });
  if (plan.components.components <= 0)
    std::erase_if(plan.derived, [&](const DerivedFeature& derived) { return gone(derived.name); });
  return plan;
}

}  // namespace

Result<FittedFeatures> fit(model::ModelBuilder& builder, const FeaturePlan& plan, const table::Table& table,
                           std::span<const std::uint32_t> rows, const TargetView& target, std::uint64_t seed,
                           const FeatureImportance& importance) {
  if (rows.empty()) return invalid_input("there is no training row to fit features on");
  const std::set<std::string> nothing;
  const SelectOptions& select = plan.select;
  if (!select.variance && !select.correlation && !select.mutual_information && !select.recursive)
    return Fitter(builder, plan, table, rows, target, seed, nothing).run();
  // All of them first, to choose among; then those that stay.
  model::ModelBuilder all("all features");
  SLIPWAY_TRY(FittedFeatures whole, Fitter(all, plan, table, rows, target, seed, nothing).run());
  const std::vector<std::string> names = all.value(whole.value).columns;
  std::vector<DroppedFeature> dropped = choose_dropped(whole.training, names, select, target);
  std::set<std::string> left_out;
  for (const DroppedFeature& one : dropped) left_out.insert(one.name);
  if (select.recursive) {
    std::vector<std::size_t> kept;
    for (std::size_t c = 0; c < names.size(); ++c)
      if (!left_out.contains(names[c])) kept.push_back(c);
    SLIPWAY_TRY(const auto eliminated,
                eliminate(whole, std::move(kept), names, select, importance).with_context("select: recursive"));
    for (const DroppedFeature& one : eliminated) left_out.insert(one.name);
    dropped.insert(dropped.end(), eliminated.begin(), eliminated.end());
  }
  whole = {};
  if (left_out.size() == std::set<std::string>(names.begin(), names.end()).size())
    return invalid_input("features: select leaves out every feature");
  const FeaturePlan rest = without(plan, left_out, names);
  SLIPWAY_TRY(FittedFeatures fitted, Fitter(builder, rest, table, rows, target, seed, left_out).run());
  fitted.dropped = std::move(dropped);
  return fitted;
}

}  // namespace slipway::features
