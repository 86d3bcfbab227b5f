// Reason codes: the inputs that moved one row's score most, in words.
#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/explain/tree_shap.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::explain {

struct Reason {
  std::string input;        // name of the raw input
  std::string value;        // as text; "missing" where it is missing
  double contribution = 0;  // in units of the explained output
  std::string text;         // "amount 1203.5 raised the score by 0.21"
};

enum class Direction {
  raising,   // contributions above 0, largest first (toward the positive class)
  lowering,  // contributions below 0, largest first
  both,      // by absolute size
};

struct ReasonOptions {
  std::size_t count = 4;  // at most this many
  Direction direction = Direction::raising;
  // Wording by input name, for reviewed texts; {input}, {value}, {contribution} (absolute, two significant digits) and
  // {direction} (raised, lowered) are replaced. Inputs without an entry get the default wording.
  std::map<std::string, std::string> catalogue;
  // What is explained, in the default wording; empty: "score", or "prediction" for a regression.
  std::string noun;
};

// The ranked reasons of row `row` of `rows`. `contributions` are those of the same rows, of which `row` is also the
// index; `output` is the explained output (0 for a binary model, the class of interest for several). Ties keep the
// order of the inputs; inputs that contribute exactly 0 are no reason. Fails if the shapes do not match.
Result<std::vector<Reason>> rank_reasons(const TreeExplainer& explainer, const Contributions& contributions,
                                         const model::RowBatch& rows, std::size_t row, std::size_t output = 0,
                                         const ReasonOptions& options = {});

// One cell of a batch as a person would write it: shortest number, text, ISO time; "missing".
std::string cell_text(const model::ColumnView& column, std::size_t row);

}  // namespace slipway::explain
