// Reason codes: the inputs that moved one row's score most, in words.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/explain/explainer.hpp>
#include <slipway/explain/reason_catalogue.hpp>
#include <slipway/model/batch.hpp>

namespace slipway::explain {

struct Reason {
  std::vector<std::size_t> inputs;  // indices among the model's; several where the catalogue makes one reason of them
  std::string input;                // name of the raw input; of several, joined by ", "
  std::string value;                // as text, joined likewise; "missing" where it is missing
  double contribution = 0;          // in units of the explained output
  std::string code;                 // of the catalogue; "" for none
  std::string text;                 // "amount 1203.5 raised the score by 0.21"
};

enum class Direction {
  raising,   // contributions above 0, largest first (toward the positive class)
  lowering,  // contributions below 0, largest first
  both,      // by absolute size
};

struct ReasonOptions {
  std::size_t count = 4;  // at most this many
  Direction direction = Direction::raising;
  // Made for the same model's inputs; null: every input for itself, in the default wording.
  std::shared_ptr<const ReasonCatalogue> catalogue;
  // What is explained, in the wording; empty: "score", or "prediction" for a regression.
  std::string noun;
};

// The ranked reasons of row `row` of `rows`. `contributions` are those of the same rows, of which `row` is also the
// index; `output` is the explained output (0 for a binary model, the class of interest for several). Ties keep the
// order of the catalogue; what contributes exactly 0 is no reason. Fails if the shapes do not match.
Result<std::vector<Reason>> rank_reasons(const Explainer& explainer, const Contributions& contributions,
                                         const model::RowBatch& rows, std::size_t row, std::size_t output = 0,
                                         const ReasonOptions& options = {});

// One cell of a batch as a person would write it: shortest number, text, ISO time; "missing".
std::string cell_text(const model::ColumnView& column, std::size_t row);

}  // namespace slipway::explain
