#include "read_operators.hpp"

#include <cstring>

#include <fmt/format.h>

#include "schema.hpp"

namespace slipway::package {

Parts::Parts(const onnx::Graph& graph) {
  for (const onnx::Node& node : graph.node()) nodes_.emplace(node.name(), &node);
  for (const onnx::Tensor& tensor : graph.initializer()) constants_.emplace(tensor.name(), &tensor);
}

const onnx::Node* Parts::node(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : found->second;
}

namespace {

template <class Number>
std::optional<std::vector<Number>> raw_numbers(const onnx::Tensor& tensor, ElementType type) {
  if (tensor.data_type() != type || tensor.raw_data().size() % sizeof(Number) != 0) return std::nullopt;
  std::vector<Number> numbers(tensor.raw_data().size() / sizeof(Number));
  if (!numbers.empty()) std::memcpy(numbers.data(), tensor.raw_data().data(), tensor.raw_data().size());
  return numbers;
}

}  // namespace

std::optional<std::vector<float>> Parts::floats(const std::string& name) const {
  const auto found = constants_.find(name);
  return found == constants_.end() ? std::nullopt : raw_numbers<float>(*found->second, element_float);
}

std::optional<std::vector<std::int64_t>> Parts::integers(const std::string& name) const {
  const auto found = constants_.find(name);
  return found == constants_.end() ? std::nullopt : raw_numbers<std::int64_t>(*found->second, element_int64);
}

std::vector<std::string_view> Parts::beginning_with(std::string_view prefix) const {
  std::vector<std::string_view> names;
  for (auto at = nodes_.lower_bound(prefix); at != nodes_.end() && at->first.starts_with(prefix); ++at)
    names.push_back(at->first);
  for (auto at = constants_.lower_bound(prefix); at != constants_.end() && at->first.starts_with(prefix); ++at)
    names.push_back(at->first);
  return names;
}

const onnx::Attribute* find_attribute(const onnx::Node& node, std::string_view name) {
  for (const onnx::Attribute& attribute : node.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

namespace {

class OperatorReader {
 public:
  explicit OperatorReader(const ReadContext& context) : context_(context) {}

  Result<model::Operator> fill() {
    model::Fill op;
    SLIPWAY_TRY(op.input, value_read_by("missing", 0));
    SLIPWAY_TRY(op.replacement, floats("replacement"));
    op.indicator = find("indicator") != nullptr;
    return finish(op);
  }

  Result<model::Operator> lookup() {
    model::Lookup op;
    SLIPWAY_TRY(op.input, value_read_by("index", 0));
    SLIPWAY_TRY(const onnx::Node* encoder, node("index"));
    SLIPWAY_TRY(const onnx::Attribute* keys, attribute(*encoder, "keys_strings"));
    SLIPWAY_TRY(op.rows, floats("rows"));
    if (keys->strings_size() == 0) return damaged("keys_strings");
    const auto count = static_cast<std::size_t>(keys->strings_size() - 1);
    op.keys.assign(keys->strings().begin(), keys->strings().end() - 1);
    const std::size_t width = context_.description.model.values[context_.output].width();
    if (width == 0 || op.rows.size() / width != count + 2 || op.rows.size() % width != 0) return damaged("rows");
    const auto unseen = op.rows.begin() + static_cast<std::ptrdiff_t>(count * width);
    op.unseen.assign(unseen, unseen + static_cast<std::ptrdiff_t>(width));
    op.missing.assign(unseen + static_cast<std::ptrdiff_t>(width), op.rows.end());
    op.rows.resize(count * width);
    return finish(op);
  }

  Result<model::Operator> affine() {
    model::Affine op;
    SLIPWAY_TRY(op.input, value_read_by("scaled", 0));
    SLIPWAY_TRY(op.scale, floats("scale"));
    SLIPWAY_TRY(op.shift, floats("shift"));
    return finish(op);
  }

  Result<model::Operator> piecewise() {
    model::Piecewise op;
    SLIPWAY_TRY(op.input, value_read_by("missing", 0));
    op.kind = find("linear") ? model::Piecewise::Kind::linear : model::Piecewise::Kind::step;
    SLIPWAY_TRY(op.at, floats("at"));
    SLIPWAY_TRY(op.y, floats("y"));
    return finish(op);
  }

  Result<model::Operator> dense() {
    model::Dense op;
    SLIPWAY_TRY(op.input, value_read_by("product", 0));
    SLIPWAY_TRY(op.weights, floats("weights"));
    SLIPWAY_TRY(op.bias, floats("bias"));
    op.activation = find("relu")      ? model::Dense::Activation::relu
                    : find("tanh")    ? model::Dense::Activation::tanh
                    : find("sigmoid") ? model::Dense::Activation::sigmoid
                                      : model::Dense::Activation::identity;
    return finish(op);
  }

  Result<model::Operator> terms() {
    const auto described = context_.description.terms.find(context_.output);
    if (described == context_.description.terms.end()) return damaged("terms");
    model::Terms op = described->second;
    SLIPWAY_TRY(op.input, value_read_by("flat", 0));
    SLIPWAY_TRY(op.weights, floats("weights"));
    return finish(op);
  }

  Result<model::Operator> match() {
    const auto described = context_.description.matches.find(context_.output);
    if (described == context_.description.matches.end()) return damaged("match");
    model::Match op = described->second;
    SLIPWAY_TRY(op.input, value_read_by("matches", 0));
    return finish(op);
  }

  Result<model::Operator> join() {
    model::Join op;
    if (const onnx::Node* concatenate = find("concatenate")) {
      for (const std::string& name : concatenate->input()) {
        SLIPWAY_TRY(const model::ValueId id, value(name));
        op.inputs.push_back(id);
      }
      return finish(op);
    }
    op.kind = model::Join::Kind::weighted_sum;
    for (std::size_t i = 0; find("weighted/" + std::to_string(i)); ++i) {
      const std::string part = "weighted/" + std::to_string(i);
      SLIPWAY_TRY(const model::ValueId id, value_read_by(part, 0));
      SLIPWAY_TRY(const auto weight, floats(part + "/weight"));
      if (weight.size() != 1) return damaged(part);
      op.inputs.push_back(id);
      op.weights.push_back(weight[0]);
    }
    return finish(op);
  }

  Result<model::Operator> link() {
    using Kind = model::Link::Kind;
    struct Form {
      Kind kind;
      std::string part;   // the node that stands for the kind
      std::string reads;  // the node that reads the operator's input
      int input;
    };
    static const Form forms[] = {
        {Kind::identity, "identity", "identity", 0},          {Kind::complement, "complement", "rest", 1},
        {Kind::sigmoid, "sigmoid", "sigmoid/p", 0},           {Kind::softmax, "softmax", "softmax", 0},
        {Kind::exponential, "exponential", "exponential", 0}, {Kind::normalise, "normalise", "normalise", 0}};
    for (const Form& form : forms) {
      if (!find(form.part)) continue;
      model::Link op;
      op.kind = form.kind;
      SLIPWAY_TRY(op.input, value_read_by(form.reads, form.input));
      return finish(op);
    }
    return damaged("link");
  }

  Result<model::Operator> decide() {
    model::Decide op;
    const bool many = find("largest") != nullptr;
    SLIPWAY_TRY(op.input, value_read_by(many ? "missing" : "positive", 0));
    if (many) return finish(op);
    SLIPWAY_TRY(const auto threshold, floats("threshold"));
    if (threshold.size() != 1) return damaged("threshold");
    op.threshold = threshold[0];
    return finish(op);
  }

  // Everything but the nodes follows from their names: "4/divide/..." is node 4.
  Result<model::Operator> expression() {
    model::Expression op;
    const auto formula = context_.description.formulas.find(context_.output);
    if (formula == context_.description.formulas.end()) return damaged("formula");
    op.inputs = formula->second.reads;
    op.source = formula->second.source;
    std::map<std::size_t, model::ExpressionNode> nodes;
    for (const std::string_view name : context_.parts.beginning_with(context_.prefix)) {
      std::string_view rest = name.substr(context_.prefix.size());
      std::size_t index = 0;
      if (!take_number(rest, index)) return damaged(name);
      const std::size_t end = rest.find('/');
      if (end == std::string_view::npos) return damaged(name);
      const auto operation = operation_named(rest.substr(0, end));
      if (!operation) return damaged(name);
      rest.remove_prefix(end + 1);
      model::ExpressionNode& node = nodes[index];
      node.op = *operation;
      if (*operation == model::ExpressionNode::Op::constant) {
        SLIPWAY_TRY(const auto value, floats(name.substr(context_.prefix.size())));
        if (value.size() != 1) return damaged(name);
        node.constant = value[0];
      } else if (*operation == model::ExpressionNode::Op::column) {
        SLIPWAY_CHECK(read_column(node, rest, name));
      } else if (std::size_t operand = 0; is_time_op(*operation) && take_number(rest, operand) && rest.empty()) {
        node.operand = static_cast<std::uint32_t>(operand);
      }
    }
    for (const auto& [index, node] : nodes) {
      if (index != op.nodes.size()) return damaged("formula");
      op.nodes.push_back(node);
    }
    return finish(op);
  }

  Result<model::Operator> trees();

 private:
  Error damaged(std::string_view part) const {
    return invalid_input(fmt::format("'{}{}' is not as expected", context_.prefix, part));
  }

  template <class Operator>
  Result<model::Operator> finish(Operator& op) const {
    op.output = context_.output;
    return model::Operator(std::move(op));
  }

  const onnx::Node* find(std::string_view part) const {
    return context_.parts.node(context_.prefix + std::string(part));
  }

  Result<const onnx::Node*> node(std::string_view part) const {
    if (const onnx::Node* found = find(part)) return found;
    return damaged(part);
  }

  Result<std::vector<float>> floats(std::string_view part) const {
    if (auto found = context_.parts.floats(context_.prefix + std::string(part))) return std::move(*found);
    return damaged(part);
  }

  Result<const onnx::Attribute*> attribute(const onnx::Node& node, std::string_view name) const {
    if (const onnx::Attribute* found = find_attribute(node, name)) return found;
    return damaged(name);
  }

  Result<model::ValueId> value(const std::string& tensor) const {
    const auto found = context_.values.find(tensor);
    if (found == context_.values.end()) return damaged(tensor);
    return found->second;
  }

  Result<model::ValueId> value_read_by(std::string_view part, int input) const {
    SLIPWAY_TRY(const onnx::Node* reader, node(part));
    if (input >= reader->input_size()) return damaged(part);
    return value(reader->input(input));
  }

  static bool take_number(std::string_view& text, std::size_t& number) {
    std::size_t digits = 0;
    number = 0;
    for (; digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9'; ++digits)
      number = number * 10 + static_cast<std::size_t>(text[digits] - '0');
    if (digits == 0) return false;
    text.remove_prefix(digits);
    if (text.starts_with('/')) text.remove_prefix(1);
    return true;
  }

  static std::optional<model::ExpressionNode::Op> operation_named(std::string_view name) {
    for (int op = 0; op <= static_cast<int>(model::ExpressionNode::last_op); ++op)
      if (expression_op_name(static_cast<model::ExpressionNode::Op>(op)) == name)
        return static_cast<model::ExpressionNode::Op>(op);
    return std::nullopt;
  }

  // "2" is the node that takes a column of operand 2, "2/index" the column's number.
  Status read_column(model::ExpressionNode& node, std::string_view rest, std::string_view name) {
    std::size_t operand = 0;
    if (!take_number(rest, operand)) return damaged(name);
    node.operand = static_cast<std::uint32_t>(operand);
    if (rest != "index") return {};
    const auto index = context_.parts.integers(std::string(name));
    if (!index || index->size() != 1 || (*index)[0] < 0 || (*index)[0] > std::numeric_limits<std::int32_t>::max())
      return damaged(name);
    node.column = static_cast<std::uint32_t>((*index)[0]);
    return {};
  }

  Result<std::vector<std::int64_t>> list(const onnx::Node& ensemble, std::string_view name, std::size_t size) const {
    SLIPWAY_TRY(const onnx::Attribute* found, attribute(ensemble, name));
    if (static_cast<std::size_t>(found->ints_size()) != size) return damaged(name);
    return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
  }

  const ReadContext& context_;
};

Result<model::Operator> OperatorReader::trees() {
  if (find("compact")) return read_compact_trees(context_);
  model::Trees op;
  SLIPWAY_TRY(op.input, value_read_by("ensemble", 0));
  SLIPWAY_TRY(const onnx::Node* ensemble, node("ensemble"));
  SLIPWAY_TRY(const onnx::Attribute* targets, attribute(*ensemble, "n_targets"));
  SLIPWAY_TRY(const onnx::Attribute* aggregate, attribute(*ensemble, "aggregate_function"));
  SLIPWAY_TRY(const onnx::Attribute* thresholds, attribute(*ensemble, "nodes_values"));
  SLIPWAY_TRY(const onnx::Attribute* covers, attribute(*ensemble, "nodes_hitrates"));
  SLIPWAY_TRY(const onnx::Attribute* modes, attribute(*ensemble, "nodes_modes"));
  SLIPWAY_TRY(const onnx::Attribute* weights, attribute(*ensemble, "target_weights"));
  if (targets->i() < 1 || targets->i() > std::numeric_limits<std::int32_t>::max()) return damaged("n_targets");
  op.outputs = static_cast<std::uint32_t>(targets->i());
  op.aggregate = aggregate->s() == "AVERAGE" ? model::Trees::Aggregate::mean : model::Trees::Aggregate::sum;
  if (const onnx::Attribute* base = find_attribute(*ensemble, "base_values"))
    op.base.assign(base->floats().begin(), base->floats().end());
  op.threshold.assign(thresholds->floats().begin(), thresholds->floats().end());
  op.cover.assign(covers->floats().begin(), covers->floats().end());
  op.leaf_values.assign(weights->floats().begin(), weights->floats().end());
  const std::size_t nodes = op.threshold.size();
  if (nodes >= std::numeric_limits<std::uint32_t>::max() || static_cast<std::size_t>(modes->strings_size()) != nodes)
    return damaged("nodes_modes");
  SLIPWAY_TRY(const auto trees, list(*ensemble, "nodes_treeids", nodes));
  SLIPWAY_TRY(const auto features, list(*ensemble, "nodes_featureids", nodes));
  SLIPWAY_TRY(const auto left, list(*ensemble, "nodes_truenodeids", nodes));
  SLIPWAY_TRY(const auto right, list(*ensemble, "nodes_falsenodeids", nodes));
  SLIPWAY_TRY(const auto missing, list(*ensemble, "nodes_missing_value_tracks_true", nodes));
  op.feature.resize(nodes);
  op.left.resize(nodes);
  op.right.resize(nodes);
  op.missing_left.resize(nodes);
  std::uint32_t leaves = 0;
  for (std::size_t i = 0; i < nodes; ++i) {
    if (i == 0 || trees[i] != trees[i - 1]) op.roots.push_back(static_cast<std::uint32_t>(i));
    if (modes->strings(static_cast<int>(i)) == "LEAF") {
      op.feature[i] = model::Trees::leaf;
      op.left[i] = leaves++;
      continue;
    }
    const auto limit = static_cast<std::int64_t>(nodes - op.roots.back());
    if (features[i] < 0 || features[i] > std::numeric_limits<std::int32_t>::max() || left[i] < 0 || left[i] >= limit ||
        right[i] < 0 || right[i] >= limit || missing[i] < 0 || missing[i] > 1)
      return damaged(fmt::format("ensemble, node {}", i));
    op.feature[i] = static_cast<std::int32_t>(features[i]);
    op.left[i] = op.roots.back() + static_cast<std::uint32_t>(left[i]);
    op.right[i] = op.roots.back() + static_cast<std::uint32_t>(right[i]);
    op.missing_left[i] = static_cast<std::uint8_t>(missing[i]);
  }
  return finish(op);
}

}  // namespace

Form form_of(std::string_view name, const ReadContext& context) {
  return name == "Trees" && context.parts.node(context.prefix + "compact") ? Form::compact : Form::standard;
}

Result<model::Operator> read_operator(std::string_view name, const ReadContext& context) {
  OperatorReader reader(context);
  if (name == "Fill") return reader.fill();
  if (name == "Lookup") return reader.lookup();
  if (name == "Affine") return reader.affine();
  if (name == "Piecewise") return reader.piecewise();
  if (name == "Expression") return reader.expression();
  if (name == "Terms") return reader.terms();
  if (name == "Match") return reader.match();
  if (name == "Dense") return reader.dense();
  if (name == "Trees") return reader.trees();
  if (name == "Join") return reader.join();
  if (name == "Link") return reader.link();
  if (name == "Decide") return reader.decide();
  return invalid_input(fmt::format("there is no operator '{}'", name));
}

}  // namespace slipway::package
