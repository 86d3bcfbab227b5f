#include "write_operators.hpp"

#include <slipway/model/match.hpp>

namespace slipway::package {

namespace {

std::int64_t size_of(const auto& list) { return static_cast<std::int64_t>(list.size()); }

class OperatorWriter {
 public:
  OperatorWriter(PartWriter& writer, const model::Model& model, const std::vector<std::string>& inputs, Form form)
      : writer_(writer), model_(model), inputs_(inputs), form_(form) {}

  Status operator()(const model::Fill& op) {
    const std::string missing = writer_.add("IsNaN", "missing", {inputs_[0]});
    const std::string replacement = writer_.floats("replacement", {size_of(op.replacement)}, op.replacement);
    const std::string filled = writer_.add("Where", "filled", {missing, replacement, inputs_[0]});
    if (op.indicator) {
      const std::string parts[] = {filled, writer_.cast("indicator", missing, element_float)};
      writer_.concatenate("both", parts);
    }
    return done();
  }

  // Text -> index by LabelEncoder -> row by Gather; the table's last two rows are for unseen and missing text.
  Status operator()(const model::Lookup& op) {
    onnx::Node* encoder = writer_.node("LabelEncoder", "index", {inputs_[0]});
    encoder->set_domain(std::string(onnx_ml_domain));
    onnx::Attribute* keys = add_strings(*encoder, "keys_strings");
    for (const std::string& key : op.keys) keys->add_strings(key);
    keys->add_strings("");
    onnx::Attribute* values = add_integers(*encoder, "values_int64s");
    for (std::int64_t i = 0; i < size_of(op.keys); ++i) values->add_ints(i);
    values->add_ints(size_of(op.keys) + 1);
    set_attribute(*encoder, "default_int64", size_of(op.keys));
    const std::string index = encoder->output(0);
    std::vector<float> rows = op.rows;
    rows.insert(rows.end(), op.unseen.begin(), op.unseen.end());
    rows.insert(rows.end(), op.missing.begin(), op.missing.end());
    const std::string table = writer_.floats("rows", {size_of(op.keys) + 2, size_of(op.unseen)}, rows);
    const std::string gathered = writer_.add("Gather", "gather", {table, index});
    const std::int64_t middle = 1;
    writer_.add("Squeeze", "row", {gathered, writer_.integers("row/axes", {1}, std::span(&middle, 1))});
    return done();
  }

  Status operator()(const model::Affine& op) {
    const std::string scaled =
        writer_.add("Mul", "scaled", {inputs_[0], writer_.floats("scale", {size_of(op.scale)}, op.scale)});
    writer_.add("Add", "shifted", {scaled, writer_.floats("shift", {size_of(op.shift)}, op.shift)});
    return done();
  }

  // The index of the segment is one less than the number of points that x has reached, but not below 0.
  Status operator()(const model::Piecewise& op) {
    const bool linear = op.kind == model::Piecewise::Kind::linear;
    const std::size_t points = op.at.size();
    const std::string at = writer_.floats("at", {size_of(op.at)}, op.at);
    const std::string reached = writer_.add("GreaterOrEqual", "reached", {inputs_[0], at});
    const std::string ones = writer_.cast("reached/ones", reached, element_int64);
    const std::string axes = writer_.integers("count/axes", {1}, std::array<std::int64_t, 1>{1});
    const std::string count = writer_.add("ReduceSum", "count", {ones, axes});
    const std::string below = writer_.add("Sub", "below", {count, writer_.integer("one", 1)});
    const std::string index = writer_.add("Max", "index", {below, writer_.integer("zero", 0)});
    std::string value = writer_.add("Gather", "value", {writer_.floats("y", {size_of(op.y)}, op.y), index});
    if (linear) {
      std::vector<float> width(points, 1.0F), rise(points, 0.0F);
      for (std::size_t i = 0; i + 1 < points; ++i) {
        width[i] = op.at[i + 1] - op.at[i];
        rise[i] = op.y[i + 1] - op.y[i];
      }
      const std::string lowest = writer_.scalar("lowest", op.at.front());
      const std::string clamped =
          writer_.add("Clip", "clamped", {inputs_[0], lowest, writer_.scalar("highest", op.at.back())});
      const std::string past = writer_.add("Sub", "past", {clamped, writer_.add("Gather", "start", {at, index})});
      const std::string widths = writer_.floats("widths", {size_of(width)}, width);
      const std::string share = writer_.add("Div", "share", {past, writer_.add("Gather", "width", {widths, index})});
      const std::string rises = writer_.floats("rises", {size_of(rise)}, rise);
      const std::string climb = writer_.add("Mul", "climb", {share, writer_.add("Gather", "rise", {rises, index})});
      value = writer_.add("Add", "sum", {value, climb});
    }
    const std::string missing = writer_.add("IsNaN", "missing", {inputs_[0]});
    writer_.add("Where", linear ? "linear" : "step", {missing, inputs_[0], value});
    return done();
  }

  Status operator()(const model::Expression& op) {
    write_expression(writer_, op, inputs_);
    return done();
  }

  Status operator()(const model::Foreign&) { return invalid_input("another tool's model must come first"); }
  Status operator()(const model::Terms& op) {
    SLIPWAY_CHECK(write_terms(writer_, op, inputs_[0]));
    return done();
  }

  Status operator()(const model::Match& op) {
    onnx::Node* node = writer_.node("RegexFullMatch", "matches", {inputs_[0]});
    set_attribute(*node, "pattern", std::string_view(regular_expression(op)));
    const std::string value = writer_.cast("value", node->output(0), element_float);
    const std::string missing = writer_.add("Equal", "missing", {inputs_[0], writer_.texts("empty", {""})});
    writer_.add("Where", "result",
                {missing, writer_.scalar("missing/number", std::numeric_limits<float>::quiet_NaN()), value});
    return done();
  }

  Status operator()(const model::Dense& op) {
    const std::int64_t outputs = size_of(op.bias);
    const std::string weights = writer_.floats("weights", {size_of(op.weights) / outputs, outputs}, op.weights);
    const std::string product = writer_.add("MatMul", "product", {inputs_[0], weights});
    const std::string sum = writer_.add("Add", "sum", {product, writer_.floats("bias", {outputs}, op.bias)});
    switch (op.activation) {
      case model::Dense::Activation::identity:
        break;
      case model::Dense::Activation::relu:
        writer_.add("Relu", "relu", {sum});
        break;
      case model::Dense::Activation::tanh:
        writer_.add("Tanh", "tanh", {sum});
        break;
      case model::Dense::Activation::sigmoid:
        writer_.add("Sigmoid", "sigmoid", {sum});
        break;
    }
    return done();
  }

  Status operator()(const model::Trees& op) {
    if (form_ == Form::compact && op.outputs == 1) {
      write_compact_trees(writer_, op, inputs_[0]);
      return done();
    }
    onnx::Node& node = *writer_.node("TreeEnsembleRegressor", "ensemble", {inputs_[0]});
    node.set_domain(std::string(onnx_ml_domain));
    set_attribute(node, "aggregate_function",
                  std::string_view(op.aggregate == model::Trees::Aggregate::mean ? "AVERAGE" : "SUM"));
    set_attribute(node, "n_targets", static_cast<std::int64_t>(op.outputs));
    set_attribute(node, "post_transform", std::string_view("NONE"));
    if (!op.base.empty()) *add_floats(node, "base_values")->mutable_floats() = {op.base.begin(), op.base.end()};
    write_nodes(node, op);
    write_leaves(node, op);
    return done();
  }

  Status operator()(const model::Join& op) {
    if (op.kind == model::Join::Kind::concatenate) {
      writer_.concatenate("concatenate", inputs_);
      return done();
    }
    std::string sum;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::string part = "weighted/" + std::to_string(i);
      const std::string product =
          writer_.add("Mul", part, {inputs_[i], writer_.scalar(part + "/weight", op.weights[i])});
      sum = i == 0 ? product : writer_.add("Add", "sum/" + std::to_string(i), {sum, product});
    }
    return done();
  }

  Status operator()(const model::Link& op) {
    using Kind = model::Link::Kind;
    switch (op.kind) {
      case Kind::identity:
        writer_.add("Identity", "identity", {inputs_[0]});
        break;
      case Kind::complement:
        pair("complement", inputs_[0]);
        break;
      case Kind::sigmoid:
        pair("sigmoid", writer_.add("Sigmoid", "sigmoid/p", {inputs_[0]}));
        break;
      case Kind::softmax:
        set_attribute(*writer_.node("Softmax", "softmax", {inputs_[0]}), "axis", 1);
        break;
      case Kind::exponential:
        writer_.add("Exp", "exponential", {inputs_[0]});
        break;
      case Kind::normalise: {
        const std::int64_t columns = 1;
        const std::string total = writer_.add(
            "ReduceSum", "total", {inputs_[0], writer_.integers("total/axes", {1}, std::span(&columns, 1))});
        writer_.add("Div", "normalise", {inputs_[0], total});
        break;
      }
    }
    return done();
  }

  Status operator()(const model::Decide& op) {
    if (model_.values[op.input].width() == 2) {
      const std::string positive = writer_.column("positive", inputs_[0], 1);
      const std::string threshold = writer_.scalar("threshold", op.threshold);
      writer_.cast("index", writer_.add("GreaterOrEqual", "reached", {positive, threshold}), element_float);
    } else {
      const std::string missing = writer_.add("IsNaN", "missing", {inputs_[0]});
      const std::string lowest = writer_.scalar("lowest", -std::numeric_limits<float>::infinity());
      const std::string known = writer_.add("Where", "known", {missing, lowest, inputs_[0]});
      onnx::Node* largest = writer_.node("ArgMax", "largest", {known});
      set_attribute(*largest, "axis", 1);
      set_attribute(*largest, "keepdims", 1);
      writer_.cast("index", largest->output(0), element_float);
    }
    return done();
  }

 private:
  Status done() {
    writer_.last_is_result();
    return {};
  }

  void pair(std::string_view part, const std::string& p) {
    const std::string rest = writer_.add("Sub", "rest", {writer_.scalar("one", 1), p});
    const std::string both[] = {rest, p};
    writer_.concatenate(part, both);
  }

  static void write_nodes(onnx::Node& node, const model::Trees& op) {
    const auto nodes = static_cast<int>(op.node_count());
    const auto integers = [&](std::string_view name, auto value) {
      auto* list = add_integers(node, name)->mutable_ints();
      list->Reserve(nodes);
      for (std::size_t tree = 0, i = 0; tree < op.roots.size(); ++tree) {
        const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count();
        for (; i < end; ++i) list->AddAlreadyReserved(value(tree, i));
      }
    };
    const auto child = [&](const std::vector<std::uint32_t>& side) {
      return [&](std::size_t tree, std::size_t i) -> std::int64_t {
        return op.feature[i] == model::Trees::leaf ? 0 : side[i] - op.roots[tree];
      };
    };
    integers("nodes_treeids", [](std::size_t tree, std::size_t) { return static_cast<std::int64_t>(tree); });
    integers("nodes_nodeids",
             [&](std::size_t tree, std::size_t i) { return static_cast<std::int64_t>(i - op.roots[tree]); });
    integers("nodes_featureids", [&](std::size_t, std::size_t i) { return std::max<std::int64_t>(op.feature[i], 0); });
    *add_floats(node, "nodes_values")->mutable_floats() = {op.threshold.begin(), op.threshold.end()};
    std::vector<float> cover = op.cover;
    cover.resize(op.node_count());
    *add_floats(node, "nodes_hitrates")->mutable_floats() = {cover.begin(), cover.end()};
    auto* modes = add_strings(node, "nodes_modes")->mutable_strings();
    modes->Reserve(nodes);
    for (const std::int32_t feature : op.feature) modes->Add(feature == model::Trees::leaf ? "LEAF" : "BRANCH_LEQ");
    integers("nodes_truenodeids", child(op.left));
    integers("nodes_falsenodeids", child(op.right));
    integers("nodes_missing_value_tracks_true",
             [&](std::size_t, std::size_t i) -> std::int64_t { return op.missing_left[i]; });
  }

  static void write_leaves(onnx::Node& node, const model::Trees& op) {
    std::vector<std::int64_t> trees, nodes, targets;
    std::vector<float> weights;
    for (std::size_t tree = 0, i = 0; tree < op.roots.size(); ++tree) {
      const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count();
      for (; i < end; ++i) {
        if (op.feature[i] != model::Trees::leaf) continue;
        for (std::uint32_t k = 0; k < op.outputs; ++k) {
          trees.push_back(static_cast<std::int64_t>(tree));
          nodes.push_back(static_cast<std::int64_t>(i - op.roots[tree]));
          targets.push_back(k);
          weights.push_back(op.leaf_values[std::size_t{op.left[i]} * op.outputs + k]);
        }
      }
    }
    *add_integers(node, "target_treeids")->mutable_ints() = {trees.begin(), trees.end()};
    *add_integers(node, "target_nodeids")->mutable_ints() = {nodes.begin(), nodes.end()};
    *add_integers(node, "target_ids")->mutable_ints() = {targets.begin(), targets.end()};
    *add_floats(node, "target_weights")->mutable_floats() = {weights.begin(), weights.end()};
  }

  PartWriter& writer_;
  const model::Model& model_;
  const std::vector<std::string>& inputs_;
  Form form_;
};

}  // namespace

Status write_operator(PartWriter writer, const model::Model& model, const model::Operator& op,
                      const std::vector<std::string>& inputs, Form form) {
  return std::visit(OperatorWriter(writer, model, inputs, form), op);
}

}  // namespace slipway::package
