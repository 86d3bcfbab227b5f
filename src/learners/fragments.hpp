// Putting fragments together: what ensembles and calibration are made of.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners {

// An operator with each of its value ids replaced by map(id).
template <class Map>
model::Operator renumber(model::Operator op, const Map& map) {
  std::visit(
      [&](auto& one) {
        if constexpr (requires { one.inputs; }) {
          for (model::ValueId& id : one.inputs) id = map(id);
        } else {
          one.input = map(one.input);
        }
        one.output = map(one.output);
      },
      op);
  return op;
}

// The value that the last operator makes; 0 (the features) if there is none.
model::ValueId last_value(const Fragment& fragment);
// The width of a value; `features` is that of value 0.
std::size_t width_of(const Fragment& fragment, model::ValueId value, std::size_t features);

// Adds an operator (its `output` is given here) and returns the value that it makes.
model::ValueId add(Fragment& fragment, model::Operator op, std::vector<std::string> columns);
// Adds all operators of `part`, whose features are the value `input` of `whole`; returns the value of its scores.
model::ValueId splice(Fragment& whole, const Fragment& part, model::ValueId input = 0);
// Adds the operator that keeps these columns of a value of `width` columns without missing numbers.
model::ValueId select(Fragment& fragment, model::ValueId value, std::size_t width, std::span<const std::size_t> columns,
                      std::vector<std::string> names);
// The positive class's probability as a single column, from the last operator's two. An operator that only made the
// pair of it is taken away.
model::ValueId positive_column(Fragment& fragment);

// A fragment fitted on some columns of the features, as one over all of them. Missing numbers stay what they are.
Fragment over_columns(const Fragment& fragment, std::span<const std::size_t> columns);

// Means of the fragments' scores with these weights, which sum to 1. Means of forests become one forest.
Fragment mean_of(std::span<const Fragment> fragments, std::span<const double> weights);

// "probability_0", "probability_1", ...
std::vector<std::string> numbered(std::string_view name, std::size_t count);

}  // namespace slipway::learners
