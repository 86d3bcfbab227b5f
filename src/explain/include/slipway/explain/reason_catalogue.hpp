// How reasons are worded: a file that the people who answer for the words write and review.
//
//   # reasons.yaml
//   text: "{input} {value} {direction} the {noun} by {contribution}"   # of inputs without an entry
//   reasons:
//     - input: state
//       code: R02
//       text: Transactions from {value} are rated apart
//     - inputs: [amount, num_transactions]     # one reason: their contributions are added
//       code: R01
//       raised: Unusual spending ({value})
//       lowered: Spending as usual ({value})
//       missing: No amount was given           # where the first input is missing
//     - input: age
//       hidden: true                           # counts in the score, is never given as a reason
//
// {input} is the name (of several: joined by commas), {value} the row's values, {contribution} the absolute
// contribution with two significant digits, {direction} raised or lowered, {noun} what is explained, {code} the code.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

class ReasonCatalogue {
 public:
  struct Entry {
    std::vector<std::size_t> inputs;  // indices among the model's, at least one; no input is in two entries
    std::string code;                 // "" for none
    std::string raised, lowered;      // wordings
    std::string missing;              // "": the wordings above serve
    bool hidden = false;
  };

  // Every input an entry of its own, in the default wording.
  explicit ReasonCatalogue(std::size_t inputs);
  // Reads a catalogue for these inputs; errors name file, line and column, and the nearest known name. Inputs that no
  // entry names get one of their own behind them, in the order of the model.
  static Result<ReasonCatalogue> parse(std::string_view yaml, std::string_view file_name,
                                       std::span<const model::Input> inputs);
  std::span<const Entry> entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

// A catalogue to begin with: an entry for every input, numbered codes, the default wording.
std::string starting_catalogue(std::span<const model::Input> inputs);

}  // namespace slipway::explain
