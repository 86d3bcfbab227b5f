// Gates: conditions on measures that a model must meet before it may be packaged or promoted.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/evaluate/evaluation.hpp>

namespace slipway::evaluate {

struct Gate {
  enum class Comparison { at_least, above, at_most, below };
  std::string metric;
  Comparison comparison = Comparison::at_least;
  double bound = 0;
};

struct GateResult {
  Gate gate;
  double value = 0;  // NaN where the metric is undefined on these rows
  bool passed = false;
  std::string text;  // "average_precision 0.43 is not >= 0.5", "roc_auc 0.97 >= 0.9"
};

// ">= 0.5", "> 0.5", "<= 0.1", "< 0.1"; blanks do not matter.
Result<Gate> parse_gate(std::string_view metric, std::string_view condition);
std::string gate_text(const Gate& gate);  // "average_precision >= 0.5"

// One result per gate, in order. A metric that neither the evaluation nor the catalogue knows is an error with the
// nearest name; one that does not exist for this task too. scikit-learn's names are understood.
Result<std::vector<GateResult>> try_gates(const Evaluation& evaluation, std::span<const Gate> gates);

// Success, or check_failed with every gate that failed.
Status check_gates(const Evaluation& evaluation, std::span<const Gate> gates);

}  // namespace slipway::evaluate
