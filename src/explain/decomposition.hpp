// A Model's output as a sum of parts that can be explained by themselves.
#pragma once
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/explain/contributions.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

// Rows are explained outputs, columns those of a value.
using Mix = std::vector<std::vector<double>>;

// mix x (the output of a Trees operator), or mix x (the columns of a value) where `trees` is null.
struct Term {
  const model::Trees* trees = nullptr;
  model::ValueId value = 0;  // that feeds the trees, or the value itself
  Mix mix;
};

struct Decomposition {
  Explained explained = Explained::probability;
  std::vector<double> constant;  // per output
  std::vector<Term> terms;       // in the Model's order
};

// Fails (invalid_input) where the scores, before links and one-column calibration, are no weighted sum of trees and
// linear parts.
Result<Decomposition> decompose(const model::Model& model);

// The positive class; every class; the target.
std::vector<std::string> explained_outputs(const model::Model& model);

}  // namespace slipway::explain
