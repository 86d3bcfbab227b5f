#include "final_model.hpp"

#include <fmt/format.h>

#include "trees.hpp"

namespace slipway::package {

namespace {

using model::Dense;
using model::Join;
using model::Link;
using model::Model;
using model::Task;
using model::Trees;
using model::ValueId;

// The operator that makes a value, or null for an input.
template <class Operator>
const Operator* made_by(const Model& model, ValueId id) {
  if (id < model.inputs.size()) return nullptr;
  return std::get_if<Operator>(&model.operators[id - model.inputs.size()]);
}

// Whether every row of a value sums to 1.
bool sums_to_one(const Model& model, ValueId id) {
  if (const auto* link = made_by<Link>(model, id))
    return link->kind == Link::Kind::identity ? sums_to_one(model, link->input) : link->kind != Link::Kind::exponential;
  if (const auto* trees = made_by<Trees>(model, id)) return holds_distributions(*trees);
  if (const auto* join = made_by<Join>(model, id); join != nullptr && join->kind == Join::Kind::weighted_sum) {
    double total = 0;
    for (const float weight : join->weights) total += weight;
    return std::fabs(total - 1) < 1e-6 &&
           std::ranges::all_of(join->inputs, [&](ValueId input) { return sums_to_one(model, input); });
  }
  return false;
}

// From margins to scores, as far as PMML has a name for it.
struct Tail {
  ValueId margins = 0;
  std::optional<Link::Kind> link;
};

Tail tail_of(const Model& model) {
  ValueId id = model.scores;
  while (const auto* link = made_by<Link>(model, id)) {
    if (link->kind != Link::Kind::identity) return {link->input, link->kind};
    id = link->input;
  }
  return {id, std::nullopt};
}

class RegressionModel : public FinalModel {
 public:
  struct Table {
    std::string category = {};  // empty for a regression
    float intercept = 0;
    std::vector<std::pair<FieldId, float>> coefficients = {};
  };

  RegressionModel(const PmmlFields& fields, std::string_view normalization, std::vector<Table> tables)
      : fields_(fields), normalization_(normalization), tables_(std::move(tables)) {}

  void open(XmlWriter& xml) const override {
    xml.open("RegressionModel")
        .attribute("functionName", tables_[0].category.empty() ? "regression" : "classification");
    xml.attribute("normalizationMethod", normalization_);
  }

  std::string body() const override {
    std::string xml;
    for (const Table& table : tables_) {
      xml += fmt::format("\n<RegressionTable intercept=\"{}\"", xml_number(table.intercept));
      if (!table.category.empty()) xml += " targetCategory=\"" + escaped(table.category) + "\"";
      xml += '>';
      for (const auto& [field, coefficient] : table.coefficients)
        xml += fmt::format("\n<NumericPredictor name=\"{}\" coefficient=\"{}\"/>", escaped(fields_[field].name),
                           xml_number(coefficient));
      xml += "</RegressionTable>";
    }
    return xml;
  }

  std::vector<FieldId> reads() const override {
    std::set<FieldId> read;
    for (const Table& table : tables_)
      for (const auto& [field, coefficient] : table.coefficients) read.insert(field);
    return {read.begin(), read.end()};
  }

 private:
  const PmmlFields& fields_;
  std::string_view normalization_;
  std::vector<Table> tables_;
};

class NeuralNetwork : public FinalModel {
 public:
  NeuralNetwork(const PmmlFields& fields, const Model& model, std::vector<FieldId> inputs,
                std::vector<const Dense*> layers, std::optional<Link::Kind> link, const std::string& target)
      : fields_(fields),
        model_(model),
        inputs_(std::move(inputs)),
        layers_(std::move(layers)),
        link_(link),
        target_(target) {}

  void open(XmlWriter& xml) const override {
    xml.open("NeuralNetwork")
        .attribute("functionName", model_.task == Task::regression ? "regression" : "classification");
    xml.attribute("activationFunction", "identity");
  }

  std::string body() const override {
    std::string xml = fmt::format("\n<NeuralInputs numberOfInputs=\"{}\">", inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      xml += fmt::format(
          "\n<NeuralInput id=\"0,{}\"><DerivedField optype=\"continuous\" dataType=\"float\"><FieldRef field=\"{}\"/>"
          "</DerivedField></NeuralInput>",
          i, escaped(fields_[inputs_[i]].name));
    xml += "</NeuralInputs>";
    std::size_t before = inputs_.size();
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      append_layer(xml, layer, before);
      before = layers_[layer]->bias.size();
    }
    std::size_t last = layers_.size();
    if (link_ == Link::Kind::sigmoid) {  // one neuron becomes one per class
      ++last;
      xml += fmt::format(
          "\n<NeuralLayer numberOfNeurons=\"2\" activationFunction=\"identity\">"
          "\n<Neuron id=\"{0},0\" bias=\"1\"><Con from=\"{1},0\" weight=\"-1\"/></Neuron>"
          "\n<Neuron id=\"{0},1\" bias=\"0\"><Con from=\"{1},0\" weight=\"1\"/></Neuron></NeuralLayer>",
          last, last - 1);
    }
    xml += fmt::format("\n<NeuralOutputs numberOfOutputs=\"{}\">", std::max<std::size_t>(model_.classes.size(), 1));
    if (model_.task == Task::regression)
      append_output(xml, last, 0, "continuous", "double", "<FieldRef field=\"" + escaped(target_) + "\"/>");
    for (std::size_t k = 0; k < model_.classes.size(); ++k)
      append_output(
          xml, last, k, "categorical", "string",
          fmt::format("<NormDiscrete field=\"{}\" value=\"{}\"/>", escaped(target_), escaped(model_.classes[k])));
    return xml + "</NeuralOutputs>";
  }

  std::vector<FieldId> reads() const override {
    const std::set<FieldId> read(inputs_.begin(), inputs_.end());
    return {read.begin(), read.end()};
  }

 private:
  std::string_view activation(std::size_t layer) const {
    if (layer + 1 == layers_.size())
      return link_ == Link::Kind::sigmoid ? "logistic" : link_ == Link::Kind::exponential ? "exponential" : "identity";
    switch (layers_[layer]->activation) {
      case Dense::Activation::relu:
        return "rectifier";
      case Dense::Activation::tanh:
        return "tanh";
      case Dense::Activation::sigmoid:
        return "logistic";
      case Dense::Activation::identity:
        break;
    }
    return "identity";
  }

  void append_layer(std::string& xml, std::size_t layer, std::size_t inputs) const {
    const Dense& dense = *layers_[layer];
    const std::size_t neurons = dense.bias.size();
    const bool softmax = layer + 1 == layers_.size() && link_ == Link::Kind::softmax;
    xml += fmt::format("\n<NeuralLayer numberOfNeurons=\"{}\" activationFunction=\"{}\"{}>", neurons, activation(layer),
                       softmax ? " normalizationMethod=\"softmax\"" : "");
    for (std::size_t j = 0; j < neurons; ++j) {
      xml += fmt::format("\n<Neuron id=\"{},{}\" bias=\"{}\">", layer + 1, j, xml_number(dense.bias[j]));
      for (std::size_t i = 0; i < inputs; ++i)
        xml += fmt::format("<Con from=\"{},{}\" weight=\"{}\"/>", layer, i, xml_number(dense.weights[i * neurons + j]));
      xml += "</Neuron>";
    }
    xml += "</NeuralLayer>";
  }

  static void append_output(std::string& xml, std::size_t layer, std::size_t neuron, std::string_view optype,
                            std::string_view data_type, const std::string& expression) {
    xml += fmt::format(
        "\n<NeuralOutput outputNeuron=\"{},{}\"><DerivedField optype=\"{}\" "
        "dataType=\"{}\">{}</DerivedField></NeuralOutput>",
        layer, neuron, optype, data_type, expression);
  }

  const PmmlFields& fields_;
  const Model& model_;
  std::vector<FieldId> inputs_;
  std::vector<const Dense*> layers_;
  std::optional<Link::Kind> link_;
  const std::string& target_;
};

// The Dense operators that follow each other up to `last`, if there are two or more and the last one is a plain sum.
std::vector<const Dense*> layers_up_to(const Model& model, ValueId last) {
  std::vector<const Dense*> layers;
  for (const Dense* dense = made_by<Dense>(model, last); dense != nullptr; dense = made_by<Dense>(model, dense->input))
    layers.insert(layers.begin(), dense);
  if (layers.size() < 2 || layers.back()->activation != Dense::Activation::identity) return {};
  return layers;
}

// A sum of fields for column `k` of a value: of the inputs where it is a plain Dense, else of the column itself.
RegressionModel::Table table_for(const PmmlColumns& columns, const Model& model, ValueId id, std::size_t k,
                                 const std::string& category) {
  RegressionModel::Table table{.category = category};
  const auto* dense = made_by<Dense>(model, id);
  if (dense == nullptr || dense->activation != Dense::Activation::identity) {
    table.coefficients = {{columns[id][k], 1.0F}};
    return table;
  }
  std::map<FieldId, float> sums;  // a field may stand in several columns
  for (std::size_t i = 0; i < columns[dense->input].size(); ++i)
    sums[columns[dense->input][i]] += dense->weights[i * dense->bias.size() + k];
  table.intercept = dense->bias[k];
  table.coefficients.assign(sums.begin(), sums.end());
  return table;
}

}  // namespace

Result<std::unique_ptr<FinalModel>> make_final_model(const PmmlFields& fields, const PmmlColumns& columns,
                                                     const Model& model, const std::string& target) {
  using Kind = Link::Kind;
  const Tail tail = tail_of(model);
  const bool regression = model.task == Task::regression, binary = model.classes.size() == 2;
  const bool named = regression ? !tail.link || *tail.link == Kind::exponential
                     : binary   ? tail.link == Kind::sigmoid
                                : tail.link == Kind::softmax;
  if (named)
    if (const auto layers = layers_up_to(model, tail.margins); !layers.empty())
      return std::unique_ptr<FinalModel>(
          std::make_unique<NeuralNetwork>(fields, model, columns[layers.front()->input], layers, tail.link, target));

  const auto make = [&](std::string_view normalization, std::vector<RegressionModel::Table> tables) {
    return std::unique_ptr<FinalModel>(std::make_unique<RegressionModel>(fields, normalization, std::move(tables)));
  };
  if (regression) {
    if (tail.link && !named) return make("none", {table_for(columns, model, model.scores, 0, "")});
    return make(tail.link ? "exp" : "none", {table_for(columns, model, tail.margins, 0, "")});
  }
  if (!sums_to_one(model, model.scores))
    return invalid_input(fmt::format("the class scores '{}' do not sum to 1, as PMML's classification models do",
                                     model.values[model.scores].name));
  if (binary) {
    const std::string &negative = model.classes[0], &positive = model.classes[1];
    if (tail.link == Kind::sigmoid)
      return make("logit", {table_for(columns, model, tail.margins, 0, positive), {.category = negative}});
    if (tail.link == Kind::complement)
      return make("none", {table_for(columns, model, tail.margins, 0, positive), {.category = negative}});
    return make("none", {table_for(columns, model, model.scores, 1, positive), {.category = negative}});
  }
  std::vector<RegressionModel::Table> tables;
  for (std::size_t k = 0; k < model.classes.size(); ++k)
    tables.push_back(table_for(columns, model, named ? tail.margins : model.scores, k, model.classes[k]));
  return make(named ? "softmax" : "simplemax", std::move(tables));
}

}  // namespace slipway::package
