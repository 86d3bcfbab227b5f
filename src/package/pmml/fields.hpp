// The fields of a PMML document and the expressions that derive them.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::package {

using FieldId = std::uint32_t;

// A piece of an expression: XML, and the fields it reads.
struct PmmlTerm {
  std::string xml = {};
  std::vector<FieldId> reads = {};
  bool is_truth = false;               // boolean instead of a number
  bool may_be_missing = false;         // a truth never is
  bool is_simple = false;              // a FieldRef or Constant, cheap to repeat
  std::optional<FieldId> field = {};   // a FieldRef
  std::optional<float> constant = {};  // a numeric Constant
};

struct PmmlField {
  enum class Source : std::uint8_t { input, derived, segment_output };
  std::string name;
  Source source = Source::input;
  bool may_be_missing = true;
  bool after_segments = false;  // its value needs an earlier segment's output
  // derived
  std::string_view data_type = "float";  // float, integer or string
  std::string expression = {};
  std::vector<FieldId> reads = {};
};

class PmmlFields {
 public:
  FieldId add_input(std::string name, bool may_be_missing);
  // The output of a segment; `wanted` is made distinct.
  FieldId add_segment_output(std::string_view wanted);
  // The field that holds the term; a new one, unless the term is a field already.
  FieldId derive(std::string_view wanted, const PmmlTerm& term, std::string_view data_type = "float");

  const PmmlField& operator[](FieldId id) const { return fields_[id]; }
  std::size_t size() const { return fields_.size(); }
  // A name that no field has: wanted, "wanted (2)", ...
  std::string distinct_name(std::string_view wanted);

  PmmlTerm ref(FieldId id) const;
  // The term itself if it is cheap to repeat, else a field that holds it.
  PmmlTerm simple(const PmmlTerm& term, std::string_view wanted);

  // Everything that the given fields are derived from, themselves included, ascending.
  std::vector<FieldId> closure(const std::vector<FieldId>& from) const;

 private:
  std::vector<PmmlField> fields_;
  std::set<std::string, std::less<>> names_;
};

// Building blocks. Missing operands: arithmetic gives missing; tests give false; functions must not see any
// (JPMML-Evaluator refuses), so they are guarded where one may come. Arithmetic gives missing where it has no number to
// give.
PmmlTerm number_constant(float value);  // NaN: missing
PmmlTerm arithmetic(std::string_view function, const PmmlTerm& x, const PmmlTerm& y);
PmmlTerm test(std::string_view function, const PmmlTerm& x, const PmmlTerm& y);
PmmlTerm is_missing(const PmmlTerm& x);
PmmlTerm is_known(const PmmlTerm& x);
PmmlTerm both(std::string_view function, const PmmlTerm& x, const PmmlTerm& y);  // "and", "or" of truths
PmmlTerm negation(const PmmlTerm& x);                                            // of a truth
PmmlTerm choice(const PmmlTerm& condition, const PmmlTerm& then, const PmmlTerm& otherwise);
PmmlTerm as_number(const PmmlTerm& x);
PmmlTerm as_truth(const PmmlTerm& x);
// f(x), missing where x is or where the function has no value (`partial`).
PmmlTerm function_of(PmmlFields& fields, std::string_view function, const PmmlTerm& x, bool partial,
                     std::string_view wanted);
// floor, ceil or rint: floats from 2^23 on are whole already, and engines may not have whole numbers as large.
PmmlTerm whole_number(PmmlFields& fields, std::string_view function, const PmmlTerm& x, std::string_view wanted);
// x + y + ..., as a balanced tree, so that many terms do not nest deeply.
PmmlTerm sum_of(std::vector<PmmlTerm> terms);

}  // namespace slipway::package
