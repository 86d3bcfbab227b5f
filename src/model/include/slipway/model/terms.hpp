// How text falls into terms, shared by whoever fits a Terms operator and whoever runs one.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <slipway/model/operators.hpp>

namespace slipway::model {

// Calls `found` with every term of `text` (runs of minimum_length to maximum_length words or code points, in order of
// their length, then of their place), repeats included; of `shape` the unit, the lengths, shortest_word and
// unicode_case are looked at. The view is valid during the call only.
void for_each_term(std::string_view text, const Terms& shape, const std::function<void(std::string_view term)>& found);
// Whether some text holds the term: runs of words have a length within bounds, and words no blanks or capital letters.
bool can_occur(const Terms& shape, std::string_view term);

// Characters beyond ASCII that, made lower case, occur in the terms, each with its lower case; both as texts, in order.
// No other character needs its lower case to find the terms. None without unicode_case.
std::vector<std::pair<std::string, std::string>> upper_forms_in_terms(const Terms& terms);

// A Terms operator ready to run. Immutable after construction; safe to use from several threads.
class TermWeigher {
 public:
  explicit TermWeigher(const Terms& terms);
  std::size_t width() const { return shape_.weights.size(); }
  // Writes the width() weights of one text; the empty text is missing and gives zeros.
  void weigh(std::string_view text, std::span<float> row) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
  };
  Terms shape_;  // without its terms
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> index_;
};

}  // namespace slipway::model
