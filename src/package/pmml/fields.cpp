#include "fields.hpp"

#include <fmt/format.h>

#include "xml_writer.hpp"

namespace slipway::package {

namespace {

std::vector<FieldId> joined(const std::vector<FieldId>& a, const std::vector<FieldId>& b) {
  std::vector<FieldId> both;
  std::ranges::set_union(a, b, std::back_inserter(both));
  return both;
}

}  // namespace

std::string PmmlFields::distinct_name(std::string_view wanted) {
  std::string name(wanted);
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  const std::string base = name.empty() ? "field" : name;
  name = base;
  for (int number = 2; !names_.insert(name).second; ++number) name = fmt::format("{} ({})", base, number);
  return name;
}

FieldId PmmlFields::add_input(std::string name, bool may_be_missing) {
  names_.insert(name);
  fields_.push_back({.name = std::move(name), .may_be_missing = may_be_missing});
  return static_cast<FieldId>(fields_.size() - 1);
}

FieldId PmmlFields::add_segment_output(std::string_view wanted) {
  fields_.push_back({.name = distinct_name(wanted),
                     .source = PmmlField::Source::segment_output,
                     .may_be_missing = false,
                     .after_segments = true});
  return static_cast<FieldId>(fields_.size() - 1);
}

FieldId PmmlFields::derive(std::string_view wanted, const PmmlTerm& given, std::string_view data_type) {
  if (given.field) return *given.field;
  const PmmlTerm term = as_number(given);
  PmmlField field{.name = distinct_name(wanted),
                  .source = PmmlField::Source::derived,
                  .may_be_missing = term.may_be_missing,
                  .data_type = data_type,
                  .expression = term.xml,
                  .reads = term.reads};
  for (const FieldId id : term.reads) field.after_segments = field.after_segments || fields_[id].after_segments;
  fields_.push_back(std::move(field));
  return static_cast<FieldId>(fields_.size() - 1);
}

PmmlTerm PmmlFields::ref(FieldId id) const {
  return {.xml = "<FieldRef field=\"" + escaped(fields_[id].name) + "\"/>",
          .reads = {id},
          .may_be_missing = fields_[id].may_be_missing,
          .is_simple = true,
          .field = id};
}

PmmlTerm PmmlFields::simple(const PmmlTerm& term, std::string_view wanted) {
  return term.is_simple ? term : ref(derive(wanted, term));
}

std::vector<FieldId> PmmlFields::closure(const std::vector<FieldId>& from) const {
  std::vector<std::uint8_t> wanted(fields_.size(), 0);
  for (const FieldId id : from) wanted[id] = 1;
  for (std::size_t id = fields_.size(); id-- > 0;)
    if (wanted[id])
      for (const FieldId read : fields_[id].reads) wanted[read] = 1;
  std::vector<FieldId> ids;
  for (std::size_t id = 0; id < fields_.size(); ++id)
    if (wanted[id]) ids.push_back(static_cast<FieldId>(id));
  return ids;
}

PmmlTerm number_constant(float value) {
  if (std::isnan(value))
    return {.xml = "<Constant dataType=\"float\" missing=\"true\"/>",
            .may_be_missing = true,
            .is_simple = true,
            .constant = value};
  return {
      .xml = "<Constant dataType=\"float\">" + xml_number(value) + "</Constant>", .is_simple = true, .constant = value};
}

PmmlTerm arithmetic(std::string_view function, const PmmlTerm& x, const PmmlTerm& y) {
  return {.xml = fmt::format("<Apply function=\"{}\" invalidValueTreatment=\"asMissing\">{}{}</Apply>", function, x.xml,
                             y.xml),
          .reads = joined(x.reads, y.reads),
          .may_be_missing = true};
}

PmmlTerm test(std::string_view function, const PmmlTerm& x, const PmmlTerm& y) {
  const std::string_view rule = x.may_be_missing || y.may_be_missing ? " mapMissingTo=\"false\"" : "";
  return {.xml = fmt::format("<Apply function=\"{}\"{}>{}{}</Apply>", function, rule, x.xml, y.xml),
          .reads = joined(x.reads, y.reads),
          .is_truth = true};
}

PmmlTerm is_missing(const PmmlTerm& x) {
  if (!x.may_be_missing) return {.xml = "<Constant dataType=\"boolean\">false</Constant>", .is_truth = true};
  return {.xml = "<Apply function=\"isMissing\">" + x.xml + "</Apply>", .reads = x.reads, .is_truth = true};
}

PmmlTerm is_known(const PmmlTerm& x) {
  if (!x.may_be_missing) return {.xml = "<Constant dataType=\"boolean\">true</Constant>", .is_truth = true};
  return {.xml = "<Apply function=\"isNotMissing\">" + x.xml + "</Apply>", .reads = x.reads, .is_truth = true};
}

PmmlTerm both(std::string_view function, const PmmlTerm& x, const PmmlTerm& y) {
  return {.xml = fmt::format("<Apply function=\"{}\">{}{}</Apply>", function, x.xml, y.xml),
          .reads = joined(x.reads, y.reads),
          .is_truth = true};
}

PmmlTerm negation(const PmmlTerm& x) {
  return {.xml = "<Apply function=\"not\">" + x.xml + "</Apply>", .reads = x.reads, .is_truth = true};
}

PmmlTerm choice(const PmmlTerm& condition, const PmmlTerm& then, const PmmlTerm& otherwise) {
  const bool none = otherwise.constant && std::isnan(*otherwise.constant);
  return {
      .xml = fmt::format("<Apply function=\"if\">{}{}{}</Apply>", condition.xml, then.xml, none ? "" : otherwise.xml),
      .reads = joined(condition.reads, joined(then.reads, otherwise.reads)),
      .may_be_missing = then.may_be_missing || otherwise.may_be_missing};
}

PmmlTerm as_number(const PmmlTerm& x) { return x.is_truth ? choice(x, number_constant(1), number_constant(0)) : x; }

PmmlTerm as_truth(const PmmlTerm& x) { return x.is_truth ? x : test("notEqual", x, number_constant(0)); }

PmmlTerm function_of(PmmlFields& fields, std::string_view function, const PmmlTerm& given, bool partial,
                     std::string_view wanted) {
  const PmmlTerm x = given.may_be_missing ? fields.simple(given, wanted) : given;
  const PmmlTerm result = {.xml = fmt::format("<Apply function=\"{}\"{}>{}</Apply>", function,
                                              partial ? " invalidValueTreatment=\"asMissing\"" : "", x.xml),
                           .reads = x.reads,
                           .may_be_missing = partial};
  if (!x.may_be_missing) return result;
  return choice(is_known(x), result, number_constant(std::numeric_limits<float>::quiet_NaN()));
}

PmmlTerm whole_number(PmmlFields& fields, std::string_view function, const PmmlTerm& given, std::string_view wanted) {
  constexpr float whole_from = 8388608;
  const PmmlTerm x = fields.simple(given, wanted);
  const PmmlTerm small = both("and", test("greaterThan", x, number_constant(-whole_from)),
                              test("lessThan", x, number_constant(whole_from)));
  const PmmlTerm result = {.xml = fmt::format("<Apply function=\"{}\">{}</Apply>", function, x.xml), .reads = x.reads};
  return choice(small, result, x);
}

PmmlTerm sum_of(std::vector<PmmlTerm> terms) {
  while (terms.size() > 1) {
    std::vector<PmmlTerm> next;
    for (std::size_t i = 0; i + 1 < terms.size(); i += 2) {
      const bool missing = terms[i].may_be_missing || terms[i + 1].may_be_missing;
      next.push_back(arithmetic("+", terms[i], terms[i + 1]));
      next.back().may_be_missing = missing;
    }
    if (terms.size() % 2 == 1) next.push_back(std::move(terms.back()));
    terms = std::move(next);
  }
  return std::move(terms[0]);
}

}  // namespace slipway::package
