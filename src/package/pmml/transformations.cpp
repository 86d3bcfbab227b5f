#include "transformations.hpp"

#include <fmt/format.h>

#include <slipway/model/match.hpp>
#include <slipway/model/terms.hpp>

#include "xml_writer.hpp"

namespace slipway::package {

namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

class TransformationWriter {
 public:
  TransformationWriter(PmmlFields& fields, const PmmlColumns& columns, const model::Value& output,
                       const std::string& name)
      : fields_(fields), columns_(columns), output_(output), name_(name) {}

  Status operator()(const model::Fill& op) {
    const std::vector<FieldId>& inputs = columns_[op.input];
    for (std::size_t c = 0; c < inputs.size(); ++c) {
      const PmmlTerm x = fields_.ref(inputs[c]);
      if (!x.may_be_missing) {
        made_.push_back(inputs[c]);
        continue;
      }
      add(c, {.xml = fmt::format("<FieldRef field=\"{}\" mapMissingTo=\"{}\"/>", escaped(fields_[inputs[c]].name),
                                 xml_number(op.replacement[c])),
              .reads = {inputs[c]}});
    }
    if (op.indicator)
      for (std::size_t c = 0; c < inputs.size(); ++c)
        add(inputs.size() + c, as_number(is_missing(fields_.ref(inputs[c]))));
    return {};
  }

  Status operator()(const model::Lookup& op) {
    for (std::size_t c = 0; c < op.unseen.size(); ++c) add(c, lookup_column(op, c));
    return {};
  }

  Status operator()(const model::Affine& op) {
    const std::vector<FieldId>& inputs = columns_[op.input];
    for (std::size_t c = 0; c < inputs.size(); ++c) {
      PmmlTerm x = fields_.ref(inputs[c]);
      const bool may_be_missing = x.may_be_missing;
      if (op.scale[c] != 1) x = arithmetic("*", x, number_constant(op.scale[c]));
      if (op.shift[c] != 0) x = arithmetic("+", x, number_constant(op.shift[c]));
      x.may_be_missing = may_be_missing || op.scale[c] == 0;
      add(c, x);
    }
    return {};
  }

  Status operator()(const model::Piecewise& op) {
    const FieldId input = columns_[op.input][0];
    const PmmlTerm x = fields_.ref(input);
    if (op.at.size() == 1) {
      add(0, choice(is_known(x), number_constant(op.y[0]), number_constant(missing)));
      return {};
    }
    const std::string field = escaped(fields_[input].name);
    std::string xml;
    // Margins and points are doubles to an engine, so the floats are written as such.
    if (op.kind == model::Piecewise::Kind::linear) {
      xml = fmt::format("<NormContinuous field=\"{}\" outliers=\"asExtremeValues\">", field);
      for (std::size_t i = 0; i < op.at.size(); ++i)
        xml += fmt::format("<LinearNorm orig=\"{}\" norm=\"{}\"/>", xml_number(double{op.at[i]}),
                           xml_number(double{op.y[i]}));
      xml += "</NormContinuous>";
    } else {
      xml = fmt::format("<Discretize field=\"{}\" dataType=\"float\">", field);
      for (std::size_t i = 0; i < op.at.size(); ++i) {
        xml += fmt::format("<DiscretizeBin binValue=\"{}\"><Interval closure=\"{}\"", xml_number(op.y[i]),
                           i == 0 ? "openOpen" : "closedOpen");
        if (i > 0) xml += fmt::format(" leftMargin=\"{}\"", xml_number(double{op.at[i]}));
        if (i + 1 < op.at.size()) xml += fmt::format(" rightMargin=\"{}\"", xml_number(double{op.at[i + 1]}));
        xml += "/></DiscretizeBin>";
      }
      xml += "</Discretize>";
    }
    add(0, {.xml = std::move(xml), .reads = {input}, .may_be_missing = x.may_be_missing});
    return {};
  }

  Status operator()(const model::Expression& op) {
    add(0, write_formula(fields_, columns_, op, name_));
    return {};
  }

  Status operator()(const model::Match& op) {
    const PmmlTerm text = fields_.ref(columns_[op.input][0]);
    const PmmlTerm matches = {
        .xml = fmt::format("<Apply function=\"matches\">{}<Constant dataType=\"string\">^(?:{})\\z</Constant></Apply>",
                           text.xml, escaped(regular_expression(op))),
        .reads = text.reads,
        .is_truth = true};
    add(0, choice(is_known(text), as_number(matches), number_constant(std::numeric_limits<float>::quiet_NaN())));
    return {};
  }

  // Words are counted by TextIndex, in a copy of the text with small ASCII letters and one blank between words.
  Status operator()(const model::Terms& op) {
    if (op.unit == model::Terms::Unit::character) return invalid_input("PMML has no way to count runs of characters");
    const FieldId input = columns_[op.input][0];
    std::string words = fields_.ref(input).xml;
    const auto replace = [&words](std::string_view pattern, std::string_view by) {
      words = fmt::format(
          "<Apply function=\"replace\">{}<Constant dataType=\"string\">{}</Constant><Constant dataType=\"string\">{}"
          "</Constant></Apply>",
          words, pattern, by);
    };
    for (char letter = 'A'; letter <= 'Z'; ++letter)
      replace(std::string(1, letter), std::string(1, static_cast<char>(letter - 'A' + 'a')));
    for (const auto& [upper, lower] : model::upper_forms_in_terms(op)) replace(upper, lower);
    replace("[^a-z0-9_\\x{80}-\\x{10FFFF}]+", " ");
    if (op.shortest_word > 1 && op.maximum_length > 1) {  // runs reach over the words that are left out
      replace(fmt::format("(?&lt;![^ ])[^ ]{{1,{}}}(?![^ ])", op.shortest_word - 1), "");
      replace(" +", " ");
    }
    words = choice(is_known(fields_.ref(input)), {.xml = words, .reads = {input}},
                   {.xml = "<Constant dataType=\"string\"> </Constant>"})
                .xml;
    const FieldId text = fields_.derive(name_ + " words", {.xml = words, .reads = {input}}, "string");
    const std::string field = escaped(fields_[text].name);
    std::vector<PmmlTerm> weighted;
    std::vector<PmmlTerm> sizes;
    for (std::size_t i = 0; i < op.terms.size(); ++i) {
      const PmmlTerm count =
          !model::can_occur(op, op.terms[i])
              ? number_constant(0)
              : PmmlTerm{.xml = fmt::format(
                             "<TextIndex textField=\"{}\" localTermWeights=\"termFrequency\" isCaseSensitive=\"true\">"
                             "<Constant dataType=\"string\">{}</Constant></TextIndex>",
                             field, escaped(op.terms[i])),
                         .reads = {text}};
      PmmlTerm product =
          arithmetic("*", op.sublinear ? damped(count, output_.columns[i]) : count, number_constant(op.weights[i]));
      product.may_be_missing = false;
      if (op.norm != model::Terms::Norm::none) product = fields_.simple(product, output_.columns[i] + " count");
      weighted.push_back(product);
      if (op.norm == model::Terms::Norm::l2) {
        sizes.push_back(arithmetic("*", product, product));
        sizes.back().may_be_missing = false;
      } else {
        sizes.push_back(function_of(fields_, "abs", product, false, name_));
      }
    }
    if (op.norm == model::Terms::Norm::none) {
      for (std::size_t i = 0; i < weighted.size(); ++i) add(i, weighted[i]);
      return {};
    }
    PmmlTerm norm = sum_of(std::move(sizes));
    if (op.norm == model::Terms::Norm::l2) norm = function_of(fields_, "sqrt", norm, false, name_);
    norm = fields_.simple(norm, name_ + " norm");
    for (std::size_t i = 0; i < weighted.size(); ++i) {
      PmmlTerm share = arithmetic("/", weighted[i], norm);
      share.may_be_missing = false;
      add(i, choice(test("greaterThan", norm, number_constant(0)), share, weighted[i]));
    }
    return {};
  }

  Status operator()(const model::Dense& op) {
    for (std::size_t c = 0; c < op.bias.size(); ++c) {
      const PmmlTerm sum = weighted_inputs(fields_, columns_[op.input], op, c);
      switch (op.activation) {
        case model::Dense::Activation::identity:
          add(c, sum);
          break;
        case model::Dense::Activation::relu: {
          const PmmlTerm x = fields_.simple(sum, output_.columns[c] + " sum");
          add(c, choice(test("lessThan", x, number_constant(0)), number_constant(0), x));
          break;
        }
        case model::Dense::Activation::tanh:
          add(c, function_of(fields_, "tanh", sum, false, output_.columns[c] + " sum"));
          break;
        case model::Dense::Activation::sigmoid:
          add(c, sigmoid(sum, output_.columns[c]));
          break;
      }
    }
    return {};
  }

  Status operator()(const model::Join& op) {
    if (op.kind == model::Join::Kind::concatenate) {
      for (const model::ValueId id : op.inputs) made_.insert(made_.end(), columns_[id].begin(), columns_[id].end());
      return {};
    }
    for (std::size_t c = 0; c < output_.width(); ++c) {
      std::vector<PmmlTerm> parts;
      for (std::size_t i = 0; i < op.inputs.size(); ++i) {
        const PmmlTerm x = fields_.ref(columns_[op.inputs[i]][c]);
        parts.push_back(arithmetic("*", x, number_constant(op.weights[i])));
        parts.back().may_be_missing = x.may_be_missing;
      }
      add(c, sum_of(std::move(parts)));
    }
    return {};
  }

  Status operator()(const model::Link& op) {
    const std::vector<FieldId>& inputs = columns_[op.input];
    switch (op.kind) {
      case model::Link::Kind::identity:
        made_ = inputs;
        break;
      case model::Link::Kind::complement:
        add_pair(inputs[0]);
        break;
      case model::Link::Kind::sigmoid: {
        const FieldId p = fields_.derive(output_.columns[1], sigmoid(fields_.ref(inputs[0]), output_.columns[1]));
        add_pair(p);
        break;
      }
      case model::Link::Kind::softmax: {
        std::vector<PmmlTerm> powers;
        PmmlTerm largest = {.xml = "<Apply function=\"max\">", .reads = inputs};
        std::ranges::sort(largest.reads);
        for (const FieldId id : inputs) {
          largest.xml += fields_.ref(id).xml;
          largest.may_be_missing = largest.may_be_missing || fields_[id].may_be_missing;
        }
        largest.xml += "</Apply>";
        largest = fields_.simple(largest, name_ + " largest");
        for (std::size_t c = 0; c < inputs.size(); ++c) {
          const PmmlTerm x = fields_.ref(inputs[c]);
          PmmlTerm rest = arithmetic("-", x, largest);
          rest.may_be_missing = x.may_be_missing || largest.may_be_missing;
          powers.push_back(
              fields_.simple(function_of(fields_, "exp", rest, false, name_ + " rest"), output_.columns[c] + " power"));
        }
        add_shares(powers);
        break;
      }
      case model::Link::Kind::exponential:
        for (std::size_t c = 0; c < inputs.size(); ++c)
          add(c, function_of(fields_, "exp", fields_.ref(inputs[c]), false, output_.columns[c]));
        break;
      case model::Link::Kind::normalise: {
        std::vector<PmmlTerm> terms;
        for (const FieldId id : inputs) terms.push_back(fields_.ref(id));
        add_shares(terms);
        break;
      }
    }
    return {};
  }

  Status operator()(const model::Foreign&) { return invalid_input("PMML has no form for another tool's ONNX file"); }
  Status operator()(const model::Trees&) { return internal_error("trees are segments of their own"); }
  Status operator()(const model::Decide&) { return internal_error("a label is an output of its own"); }

  std::vector<FieldId> take() && { return std::move(made_); }

 private:
  void add(std::size_t column, const PmmlTerm& term) { made_.push_back(fields_.derive(output_.columns[column], term)); }

  // 1 + ln(count) where a term occurs, else 0.
  PmmlTerm damped(const PmmlTerm& given, const std::string& wanted) {
    PmmlTerm count = fields_.simple(given, wanted + " occurrences");
    const PmmlTerm occurs = test("greaterThan", count, number_constant(0));
    const PmmlTerm at_least_one = choice(occurs, count, number_constant(1));
    return choice(occurs, arithmetic("+", number_constant(1), function_of(fields_, "ln", at_least_one, false, wanted)),
                  number_constant(0));
  }

  // 1 / (1 + exp(-x))
  PmmlTerm sigmoid(const PmmlTerm& given, const std::string& wanted) {
    const PmmlTerm x = fields_.simple(given, wanted + " margin");
    PmmlTerm negative = arithmetic("*", number_constant(-1), x);
    negative.may_be_missing = x.may_be_missing;
    PmmlTerm power = function_of(fields_, "exp", negative, false, wanted + " negative");
    PmmlTerm result = arithmetic("/", number_constant(1), arithmetic("+", number_constant(1), power));
    result.may_be_missing = x.may_be_missing;
    return result;
  }

  void add_pair(FieldId p) {
    PmmlTerm rest = arithmetic("-", number_constant(1), fields_.ref(p));
    rest.may_be_missing = fields_[p].may_be_missing;
    made_.push_back(fields_.derive(output_.columns[0], rest));
    made_.push_back(p);
  }

  void add_shares(const std::vector<PmmlTerm>& terms) {
    const PmmlTerm total = fields_.simple(sum_of(terms), name_ + " total");
    for (std::size_t c = 0; c < terms.size(); ++c) add(c, arithmetic("/", terms[c], total));
  }

  // One column of a Lookup. Only the keys whose number is not the one for unseen texts are listed.
  PmmlTerm lookup_column(const model::Lookup& op, std::size_t c) {
    const std::size_t width = op.unseen.size();
    const FieldId input = columns_[op.input][0];
    const std::string field = escaped(fields_[input].name);
    const float unseen = op.unseen[c], absent = op.missing[c];
    std::vector<std::size_t> listed, lost;
    bool one_hot = unseen == 0;
    for (std::size_t key = 0; key < op.keys.size(); ++key) {
      const float value = op.rows[key * width + c];
      if (std::isnan(value)) {
        if (!std::isnan(unseen)) lost.push_back(key);
      } else if (value != unseen) {
        listed.push_back(key);
        one_hot = one_hot && value == 1;
      }
    }
    const std::string when_missing = std::isnan(absent) ? "" : fmt::format(" mapMissingTo=\"{}\"", xml_number(absent));
    PmmlTerm term = {.reads = {input}, .may_be_missing = std::isnan(absent) || std::isnan(unseen) || !lost.empty()};
    if (one_hot && listed.size() == 1 && lost.empty()) {
      term.xml =
          fmt::format("<NormDiscrete field=\"{}\" value=\"{}\"{}/>", field, escaped(op.keys[listed[0]]), when_missing);
      return term;
    }
    if (listed.empty() && lost.empty()) {  // a table needs a row
      term.xml = "<Apply function=\"isMissing\"><FieldRef field=\"" + field + "\"/></Apply>";
      term.is_truth = true;
      return choice(term, number_constant(absent), number_constant(unseen));
    }
    term.xml = fmt::format(
        "<MapValues outputColumn=\"v\" dataType=\"float\"{}{}><FieldColumnPair field=\"{}\" "
        "column=\"k\"/><InlineTable>",
        std::isnan(unseen) ? "" : fmt::format(" defaultValue=\"{}\"", xml_number(unseen)), when_missing, field);
    for (const std::size_t key : listed) {
      term.xml += "\n<row><k>";
      append_escaped(term.xml, op.keys[key]);
      term.xml += "</k><v>";
      append_number(term.xml, op.rows[key * width + c]);
      term.xml += "</v></row>";
    }
    term.xml += "</InlineTable></MapValues>";
    if (listed.empty()) term = number_constant(unseen);
    if (lost.empty()) return term;
    std::string kept = "<Apply function=\"isNotIn\" mapMissingTo=\"true\"><FieldRef field=\"" + field + "\"/>";
    for (const std::size_t key : lost) kept += "<Constant dataType=\"string\">" + escaped(op.keys[key]) + "</Constant>";
    kept += "</Apply>";
    PmmlTerm result =
        choice({.xml = std::move(kept), .reads = {input}, .is_truth = true}, term, number_constant(missing));
    if (listed.empty())  // the constant above does not know of missing text
      result = choice({.xml = "<Apply function=\"isMissing\"><FieldRef field=\"" + field + "\"/></Apply>",
                       .reads = {input},
                       .is_truth = true},
                      number_constant(absent), result);
    return result;
  }

  PmmlFields& fields_;
  const PmmlColumns& columns_;
  const model::Value& output_;
  const std::string& name_;
  std::vector<FieldId> made_;
};

}  // namespace

PmmlTerm weighted_inputs(const PmmlFields& fields, const std::vector<FieldId>& inputs, const model::Dense& op,
                         std::size_t column) {
  std::vector<PmmlTerm> parts;
  const std::size_t outputs = op.bias.size();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const float weight = op.weights[i * outputs + column];
    PmmlTerm x = fields.ref(inputs[i]);
    if (weight == 0 && !x.may_be_missing) continue;
    const bool may_be_missing = x.may_be_missing;
    if (weight != 1) x = arithmetic("*", number_constant(weight), x);
    x.may_be_missing = may_be_missing;
    parts.push_back(std::move(x));
  }
  if (op.bias[column] != 0 || parts.empty()) parts.push_back(number_constant(op.bias[column]));
  return sum_of(std::move(parts));
}

Result<std::vector<FieldId>> write_transformation(PmmlFields& fields, const PmmlColumns& columns,
                                                  const model::Model& model, const model::Operator& op,
                                                  const std::string& name) {
  TransformationWriter writer(fields, columns, model.values[operator_output(op)], name);
  SLIPWAY_CHECK(std::visit(writer, op));
  return std::move(writer).take();
}

}  // namespace slipway::package
