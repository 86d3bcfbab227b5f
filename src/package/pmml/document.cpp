#include <fmt/format.h>

#include <slipway/base/time.hpp>
#include <slipway/model/interpreter.hpp>
#include <slipway/model/match.hpp>
#include <slipway/package/pmml.hpp>

#include "final_model.hpp"
#include "transformations.hpp"
#include "trees.hpp"
#include "xml_writer.hpp"

namespace slipway::package {

namespace {

using model::InputKind;
using model::Model;
using model::Task;

class PmmlDocument {
 public:
  PmmlDocument(const Model& model, const PmmlOptions& options) : model_(model), options_(options) {}

  Result<std::string> run() {
    SLIPWAY_CHECK(check_texts());
    for (const model::Input& input : model_.inputs) columns_.push_back({fields_.add_input(input.name, true)});
    target_ = fields_.distinct_name(model_.target.empty() ? "target" : model_.target);
    SLIPWAY_CHECK(write_operators());
    SLIPWAY_TRY(const std::unique_ptr<FinalModel> final_model, make_final_model(fields_, columns_, model_, target_));

    std::vector<FieldId> read = final_model->reads();
    for (const Segment& segment : segments_)
      read.insert(read.end(), columns_[segment.input].begin(), columns_[segment.input].end());
    xml_.open("PMML").attribute("xmlns", "http://www.dmg.org/PMML-4_4").attribute("version", "4.4");
    write_header();
    write_dictionary();
    write_transformations(read);
    name_outputs();
    SLIPWAY_CHECK(write_model(*final_model));
    xml_.close();
    std::string text = std::move(xml_).take();
    text += '\n';
    return text;
  }

 private:
  struct Segment {
    TreeSegment trees;
    model::ValueId input;
  };

  Status check_texts() const {
    const auto check = [](std::string_view text, std::string_view what) -> Status {
      if (fits_xml(text)) return {};
      return invalid_input(fmt::format("XML cannot hold the control character in {}", what));
    };
    for (const model::Input& input : model_.inputs) SLIPWAY_CHECK(check(input.name, "the name of an input"));
    for (const std::string& name : model_.classes) SLIPWAY_CHECK(check(name, "the name of a class"));
    for (std::size_t i = 0; i < model_.operators.size(); ++i) {
      const auto where = [&] { return fmt::format("operator {} ({})", i, operator_name(model_.operators[i])); };
      if (const auto* lookup = std::get_if<model::Lookup>(&model_.operators[i]))
        for (const std::string& key : lookup->keys) SLIPWAY_CHECK(check(key, "a key").with_context(where()));
      if (const auto* terms = std::get_if<model::Terms>(&model_.operators[i]))
        for (const std::string& term : terms->terms) SLIPWAY_CHECK(check(term, "a term").with_context(where()));
      if (const auto* match = std::get_if<model::Match>(&model_.operators[i]))
        SLIPWAY_CHECK(check(regular_expression(*match), "a pattern").with_context(where()));
    }
    return {};
  }

  Status write_operators() {
    const std::vector<std::uint8_t> needed = needed_values();
    for (std::size_t i = 0; i < model_.operators.size(); ++i) {
      const model::Operator& op = model_.operators[i];
      const model::ValueId id = operator_output(op);
      columns_.emplace_back();
      if (!needed[id] || std::holds_alternative<model::Decide>(op)) continue;
      for (const model::ValueId input : operator_inputs(op))
        if (input >= model_.inputs.size() &&
            std::holds_alternative<model::Decide>(model_.operators[input - model_.inputs.size()]))
          return invalid_input(
              fmt::format("operator {} ({}) reads a label; PMML has labels as outputs only", i, operator_name(op)));
      if (const auto* trees = std::get_if<model::Trees>(&op)) {
        write_trees(*trees, id);
        continue;
      }
      auto made = write_transformation(fields_, columns_, model_, op, model_.values[id].name);
      if (!made.ok())
        return std::move(made).error().with_context(fmt::format("operator {} ({})", i, operator_name(op)));
      columns_.back() = std::move(*made);
    }
    return {};
  }

  // The values that the scores are made from.
  std::vector<std::uint8_t> needed_values() const {
    std::vector<std::uint8_t> needed(model_.values.size(), 0);
    needed[model_.scores] = 1;
    for (std::size_t i = model_.operators.size(); i-- > 0;)
      if (needed[model_.inputs.size() + i])
        for (const model::ValueId id : operator_inputs(model_.operators[i])) needed[id] = 1;
    return needed;
  }

  void write_trees(const model::Trees& trees, model::ValueId id) {
    const model::Value& value = model_.values[id];
    if (trees.outputs > 2 && trees.outputs == model_.classes.size() && holds_distributions(trees)) {
      TreeSegment segment{.trees = &trees, .classes = model_.classes};
      for (std::uint32_t k = 0; k < trees.outputs; ++k)
        segment.made.push_back(fields_.add_segment_output(value.columns[k]));
      columns_[id] = segment.made;
      segments_.push_back({std::move(segment), trees.input});
      return;
    }
    for (std::uint32_t k = 0; k < trees.outputs; ++k) {
      const bool mean = trees.aggregate == model::Trees::Aggregate::mean;
      const float base = trees.base.empty() ? 0 : trees.base[k];
      const bool plain = base == 0 && (!mean || trees.roots.size() == 1);
      const FieldId sum = fields_.add_segment_output(plain ? value.columns[k] : value.columns[k] + " sum");
      segments_.push_back({{.trees = &trees, .output = k, .made = {sum}}, trees.input});
      PmmlTerm term = fields_.ref(sum);
      if (mean && trees.roots.size() > 1)
        term = arithmetic("/", term, number_constant(static_cast<float>(trees.roots.size())));
      if (base != 0) term = arithmetic("+", term, number_constant(base));
      term.may_be_missing = false;
      columns_[id].push_back(fields_.derive(value.columns[k], term));
    }
  }

  void write_header() {
    xml_.open("Header").attribute("description", model_.name);
    xml_.open("Application").attribute("name", "Slipway");
    if (!options_.application_version.empty()) xml_.attribute("version", options_.application_version);
    xml_.close().close();
  }

  void write_dictionary() {
    xml_.open("DataDictionary").attribute("numberOfFields", model_.inputs.size() + 1);
    for (const model::Input& input : model_.inputs) {
      xml_.open("DataField").attribute("name", input.name);
      const bool number = input.kind == InputKind::number, time = input.kind == InputKind::time;
      xml_.attribute("optype", number ? "continuous" : time ? "ordinal" : "categorical");
      xml_.attribute("dataType", number ? "float" : time ? "dateTime" : "string");
      if (!time) xml_.open("Value").attribute("value", number ? "NaN" : "").attribute("property", "missing").close();
      xml_.close();
    }
    const bool classes = model_.task != Task::regression;
    xml_.open("DataField").attribute("name", target_).attribute("optype", classes ? "categorical" : "continuous");
    xml_.attribute("dataType", classes ? "string" : "double");
    for (const std::string& name : model_.classes) xml_.open("Value").attribute("value", name).close();
    xml_.close().close();
  }

  std::string derived_fields(const std::vector<FieldId>& read, bool after_segments) const {
    std::string out;
    for (const FieldId id : fields_.closure(read)) {
      const PmmlField& field = fields_[id];
      if (field.source != PmmlField::Source::derived || field.after_segments != after_segments) continue;
      out += fmt::format("\n<DerivedField name=\"{}\" optype=\"{}\" dataType=\"{}\">{}</DerivedField>",
                         escaped(field.name), field.data_type == "string" ? "categorical" : "continuous",
                         field.data_type, field.expression);
    }
    return out;
  }

  void write_transformations(const std::vector<FieldId>& read) {
    const std::string derived = derived_fields(read, false);
    if (derived.empty()) return;
    xml_.open("TransformationDictionary").raw(derived).raw("\n").close();
  }

  std::string local_transformations(const std::vector<FieldId>& read) const {
    const std::string derived = derived_fields(read, true);
    return derived.empty() ? "" : "\n<LocalTransformations>" + derived + "\n</LocalTransformations>";
  }

  Status write_model(const FinalModel& final_model) {
    std::vector<FieldId> inputs;
    for (const auto& column : std::span(columns_).first(model_.inputs.size())) inputs.push_back(column[0]);
    SLIPWAY_TRY(const std::string verification, verification_rows());
    if (segments_.empty()) {
      final_model.open(xml_);
      write_mining_schema(xml_, fields_, inputs, target_);
      write_outputs();
      xml_.raw(final_model.body());
      xml_.raw(verification).raw("\n").close();
      return {};
    }
    xml_.open("MiningModel")
        .attribute("functionName", model_.task == Task::regression ? "regression" : "classification");
    write_mining_schema(xml_, fields_, inputs, target_);
    write_outputs();
    xml_.open("Segmentation").attribute("multipleModelMethod", "modelChain");
    std::size_t number = 0;
    for (const Segment& segment : segments_) {
      xml_.open("Segment").attribute("id", ++number).open("True").close();
      const std::vector<FieldId>& columns = columns_[segment.input];
      const TreeFields tree_fields{fields_, columns, {inputs[0]}};
      std::vector<FieldId> read;
      for (const std::int32_t feature : segment.trees.trees->feature)
        if (feature >= 0) read.push_back(columns[static_cast<std::size_t>(feature)]);
      write_tree_segment(xml_, tree_fields, segment.trees, target_, local_transformations(read));
      xml_.close();
    }
    xml_.open("Segment").attribute("id", ++number).open("True").close();
    final_model.open(xml_);
    const TreeFields all{fields_, final_model.reads(), {inputs[0]}};
    std::vector<FieldId> listed = all.schema_of(final_model.reads());
    std::erase_if(listed, [&](FieldId id) { return fields_[id].source == PmmlField::Source::derived; });
    write_mining_schema(xml_, fields_, listed, target_);
    xml_.raw(local_transformations(final_model.reads())).raw(final_model.body()).raw("\n").close();
    xml_.close().close().raw(verification).raw("\n").close();
    return {};
  }

  void name_outputs() {
    if (model_.task == Task::regression) {
      outputs_ = {fields_.distinct_name("score")};
      return;
    }
    for (const std::string& name : model_.classes)
      outputs_.push_back(fields_.distinct_name(fmt::format("probability({})", name)));
    label_ = fields_.distinct_name("label");
  }

  void write_outputs() {
    xml_.open("Output");
    const auto open_field = [&](std::string_view name, bool number) {
      xml_.open("OutputField").attribute("name", name).attribute("optype", number ? "continuous" : "categorical");
      xml_.attribute("dataType", number ? "float" : "string");
    };
    if (model_.task == Task::regression) {
      open_field(outputs_[0], true);
      xml_.attribute("feature", "predictedValue").close().close();
      return;
    }
    for (std::size_t k = 0; k < model_.classes.size(); ++k) {
      open_field(outputs_[k], true);
      xml_.attribute("feature", "probability").attribute("value", model_.classes[k]).close();
    }
    open_field(label_, false);
    if (model_.task == Task::multiclass) {
      xml_.attribute("feature", "predictedValue").close().close();
      return;
    }
    const auto text = [](const std::string& name) {
      return "<Constant dataType=\"string\">" + escaped(name) + "</Constant>";
    };
    xml_.attribute("feature", "transformedValue");
    xml_.raw(fmt::format(
        "<Apply function=\"if\"><Apply function=\"greaterOrEqual\" mapMissingTo=\"false\"><FieldRef field=\"{}\"/>{}"
        "</Apply>{}{}</Apply>",
        escaped(outputs_[1]), number_constant(threshold()).xml, text(model_.classes[1]), text(model_.classes[0])));
    xml_.close().close();
  }

  float threshold() const {
    return std::get<model::Decide>(model_.operators[model_.label - model_.inputs.size()]).threshold;
  }

  // Up to 20 of the given rows with their scores. Of two classes only the positive one's is checked, since float32
  // loses the other one's small values.
  Result<std::string> verification_rows() const {
    constexpr std::size_t most_rows = 20;
    const model::RowBatch& batch = options_.verification;
    if (batch.rows == 0) return std::string();
    const model::RowBatch few = slice_rows(batch, 0, std::min<std::size_t>(batch.rows, 200));
    SLIPWAY_TRY(const model::Interpretation expected, interpret(model_, few));
    std::string rows;
    std::size_t count = 0;
    float largest = 0;
    for (std::size_t row = 0; row < few.rows && count < most_rows; ++row) {
      const auto cells = verification_row(few, expected, row, largest);
      if (!cells) continue;
      rows += "\n<row>" + *cells + "</row>";
      ++count;
    }
    if (count == 0) return std::string();
    XmlFields list;
    for (std::size_t i = 0; i < model_.inputs.size(); ++i) list.add(model_.inputs[i].name, fmt::format("i{}", i), "");
    const std::string tolerance =
        fmt::format(" precision=\"1E-4\" zeroThreshold=\"{}\"", xml_number(std::max(1e-6F, 1e-5F * largest)));
    for (std::size_t k = first_checked(); k < outputs_.size(); ++k)
      list.add(outputs_[k], fmt::format("o{}", k), tolerance);
    if (!label_.empty()) list.add(label_, "label", "");
    return fmt::format(
        "\n<ModelVerification recordCount=\"{}\" fieldCount=\"{}\"><VerificationFields>{}</VerificationFields>"
        "<InlineTable>{}</InlineTable></ModelVerification>",
        count, list.count, list.xml, rows);
  }

  struct XmlFields {
    std::string xml;
    std::size_t count = 0;
    void add(std::string_view name, std::string_view column, std::string_view tolerance) {
      xml += fmt::format("\n<VerificationField field=\"{}\" column=\"{}\"{}/>", escaped(name), column, tolerance);
      ++count;
    }
  };

  std::size_t first_checked() const { return model_.task == Task::binary ? 1 : 0; }

  // Nothing for a row that a file cannot hold, or whose scores are no numbers, or lie on the threshold.
  std::optional<std::string> verification_row(const model::RowBatch& batch, const model::Interpretation& expected,
                                              std::size_t row, float& largest) const {
    std::string cells;
    const auto add = [&cells](char kind, std::size_t column, const std::string& text) {
      cells += fmt::format("<{0}{1}>{2}</{0}{1}>", kind, column, text);
    };
    for (std::size_t i = 0; i < batch.columns.size(); ++i) {
      if (const auto* numbers = std::get_if<model::NumberView>(&batch.columns[i])) {
        if (std::isinf((*numbers)[row])) return std::nullopt;
        if (!std::isnan((*numbers)[row])) add('i', i, xml_number((*numbers)[row]));
      } else if (const auto* text = std::get_if<model::TextView>(&batch.columns[i])) {
        const std::int32_t code = text->codes[row];
        const std::string_view value = code < 0 ? std::string_view() : text->dictionary[static_cast<std::size_t>(code)];
        // Blanks at the ends of a cell do not survive every reader.
        if (!fits_xml(value) || (!value.empty() && (value.front() <= ' ' || value.back() <= ' '))) return std::nullopt;
        if (!value.empty()) add('i', i, escaped(value));
      } else {
        const std::int64_t seconds = std::get<model::TimeView>(batch.columns[i])[row];
        if (seconds == missing_time) continue;
        if (seconds < -2208988800 || seconds >= 253402300800) return std::nullopt;  // 1900 to 9999
        std::string time = format_time(seconds * 1000000);
        time.pop_back();  // "Z": a dateTime field has no zone
        add('i', i, time);
      }
    }
    for (std::size_t k = 0; k < expected.scores.width; ++k) {
      const float score = expected.scores.at(row, k);
      if (!std::isfinite(score)) return std::nullopt;
      if (k >= first_checked()) {
        largest = std::max(largest, std::fabs(score));
        add('o', k, xml_number(score));
      }
    }
    if (model_.task == Task::binary && std::fabs(expected.scores.at(row, 1) - threshold()) < 1e-5F) return std::nullopt;
    if (model_.task != Task::regression)
      cells += "<label>" + escaped(model_.classes[static_cast<std::size_t>(expected.label[row])]) + "</label>";
    return cells;
  }

  const Model& model_;
  const PmmlOptions& options_;
  PmmlFields fields_;
  PmmlColumns columns_;
  std::vector<Segment> segments_;
  std::string target_, label_;
  std::vector<std::string> outputs_;
  XmlWriter xml_;
};

}  // namespace

Result<std::string> write_pmml(const Model& model, const PmmlOptions& options) {
  SLIPWAY_CHECK(validate(model));
  auto text = PmmlDocument(model, options).run();
  if (!text.ok()) return std::move(text).error().with_context("writing PMML");
  return text;
}

}  // namespace slipway::package
