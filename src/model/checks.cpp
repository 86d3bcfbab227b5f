#include "checks.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/unicode.hpp>
#include <slipway/model/expression.hpp>
#include <slipway/model/match.hpp>

namespace slipway::model {

namespace {

Status expect_size(std::string_view what, std::size_t found, std::size_t expected) {
  if (found == expected) return {};
  return invalid_input(fmt::format("{} has {} entries, expected {}", what, found, expected));
}

Status expect_finite(std::string_view what, std::span<const float> numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!std::isfinite(numbers[i]))
      return invalid_input(fmt::format("{}[{}] is {}, expected a finite number", what, i, format_number(numbers[i])));
  return {};
}

Status expect_finite_or_missing(std::string_view what, std::span<const float> numbers) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (std::isinf(numbers[i]))
      return invalid_input(
          fmt::format("{}[{}] is {}, expected a finite number or NaN", what, i, format_number(numbers[i])));
  return {};
}

// Distinct, ascending by bytes, none empty, all UTF-8.
Status expect_sorted_texts(std::string_view what, std::span<const std::string> texts) {
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty())
      return invalid_input(fmt::format("{}[{}] is empty; the empty text counts as missing", what, i));
    if (!is_utf8(texts[i])) return invalid_input(fmt::format("{}[{}] is not UTF-8 text", what, i));
    if (i > 0 && texts[i - 1] >= texts[i])
      return invalid_input(
          fmt::format("{} must be sorted and distinct, but '{}' stands before '{}'", what, texts[i - 1], texts[i]));
  }
  return {};
}

Status expect_distinct(std::string_view what, std::span<const std::string> names) {
  std::set<std::string_view> seen;
  for (const auto& name : names)
    if (!seen.insert(name).second) return invalid_input(fmt::format("{} '{}' stands twice", what, name));
  return {};
}

// Checks one operator against the values that it may read.
class OperatorCheck {
 public:
  OperatorCheck(std::span<const Value> values, const Value& output) : values_(values), output_(output) {}

  Status operator()(const Fill& op) const {
    SLIPWAY_TRY(const std::size_t width, numbers(op.input));
    SLIPWAY_CHECK(expect_size("replacement", op.replacement.size(), width));
    SLIPWAY_CHECK(expect_finite("replacement", op.replacement));
    return expect_output(op.indicator ? 2 * width : width);
  }

  Status operator()(const Lookup& op) const {
    SLIPWAY_CHECK(single(op.input, ValueKind::text));
    SLIPWAY_CHECK(expect_sorted_texts("keys", op.keys));
    const std::size_t width = output_.width();
    SLIPWAY_CHECK(expect_size("rows", op.rows.size(), op.keys.size() * width));
    SLIPWAY_CHECK(expect_size("unseen", op.unseen.size(), width));
    SLIPWAY_CHECK(expect_size("missing", op.missing.size(), width));
    SLIPWAY_CHECK(expect_finite_or_missing("rows", op.rows));
    SLIPWAY_CHECK(expect_finite_or_missing("unseen", op.unseen));
    return expect_finite_or_missing("missing", op.missing);
  }

  Status operator()(const Affine& op) const {
    SLIPWAY_TRY(const std::size_t width, numbers(op.input));
    SLIPWAY_CHECK(expect_size("scale", op.scale.size(), width));
    SLIPWAY_CHECK(expect_size("shift", op.shift.size(), width));
    SLIPWAY_CHECK(expect_finite("scale", op.scale));
    SLIPWAY_CHECK(expect_finite("shift", op.shift));
    return expect_output(width);
  }

  Status operator()(const Piecewise& op) const {
    SLIPWAY_CHECK(single(op.input, ValueKind::numbers));
    if (op.at.empty()) return invalid_input("at is empty, expected at least one point");
    SLIPWAY_CHECK(expect_size("y", op.y.size(), op.at.size()));
    SLIPWAY_CHECK(expect_finite("at", op.at));
    SLIPWAY_CHECK(expect_finite("y", op.y));
    for (std::size_t i = 1; i < op.at.size(); ++i) {
      if (!(op.at[i - 1] < op.at[i]))
        return invalid_input(
            fmt::format("at must ascend, but at[{}] = {} and at[{}] = {}", i - 1, op.at[i - 1], i, op.at[i]));
      if (!std::isfinite(op.at[i] - op.at[i - 1]) || !std::isfinite(op.y[i] - op.y[i - 1]))
        return invalid_input(fmt::format("points {} and {} are too far apart for float32", i - 1, i));
    }
    return expect_output(1);
  }

  Status operator()(const Expression& op) const {
    if (op.inputs.empty()) return invalid_input("a formula needs at least one column");
    for (const ValueId id : op.inputs) {
      SLIPWAY_CHECK(known(id));
      if (values_[id].kind == ValueKind::text)
        return invalid_input(fmt::format("'{}' is text; a formula reads numbers and times", values_[id].name));
    }
    for (std::size_t i = 0; i < op.nodes.size(); ++i) {
      const ExpressionNode& node = op.nodes[i];
      const bool column = node.op == ExpressionNode::Op::column;
      if (node.op > ExpressionNode::last_op) return invalid_input(fmt::format("node {} has no such operation", i));
      if (node.op == ExpressionNode::Op::constant && std::isinf(node.constant))
        return invalid_input(fmt::format("node {} is the constant {}", i, format_number(node.constant)));
      if (!column && !is_time_op(node.op)) continue;
      if (node.operand >= op.inputs.size())
        return invalid_input(fmt::format("node {} reads operand {} of {}", i, node.operand, op.inputs.size()));
      const Value& value = values_[op.inputs[node.operand]];
      if (node.column >= value.width())
        return invalid_input(
            fmt::format("node {} reads column {} of '{}', which has {}", i, node.column, value.name, value.width()));
      if ((value.kind == ValueKind::time) == column)
        return invalid_input(column ? fmt::format("node {} reads the time '{}' as a number", i, value.name)
                                    : fmt::format("node {} reads the number '{}' as a time", i, value.name));
    }
    SLIPWAY_CHECK(expression_stack_size(op.nodes));
    const bool reads = std::any_of(op.nodes.begin(), op.nodes.end(), [](const ExpressionNode& node) {
      return node.op == ExpressionNode::Op::column || is_time_op(node.op);
    });
    if (!reads) return invalid_input("the formula reads no column");
    if (!is_utf8(op.source)) return invalid_input("source is not UTF-8 text");
    return expect_output(1);
  }

  Status operator()(const Match& op) const {
    SLIPWAY_CHECK(single(op.input, ValueKind::text));
    if (op.kind > Match::Kind::less_equal) return invalid_input("no such kind");
    if (!is_utf8(op.pattern)) return invalid_input("the pattern is not UTF-8 text");
    if (op.kind != Match::Kind::like && (op.pattern.empty() || op.any_case))
      return invalid_input("a comparison needs a text, in its own case");
    SLIPWAY_CHECK(check_pattern(op));
    return expect_output(1);
  }

  Status operator()(const Terms& op) const {
    SLIPWAY_CHECK(single(op.input, ValueKind::text));
    if (op.unit > Terms::Unit::character || op.norm > Terms::Norm::l2) return invalid_input("no such unit or norm");
    if (op.minimum_length < 1 || op.minimum_length > op.maximum_length)
      return invalid_input(
          fmt::format("lengths {} to {}: expected 1 or more, ascending", op.minimum_length, op.maximum_length));
    if (op.shortest_word < 1) return invalid_input("shortest_word is 0");
    if (op.terms.empty()) return invalid_input("terms is empty");
    SLIPWAY_CHECK(expect_sorted_texts("terms", op.terms));
    SLIPWAY_CHECK(expect_size("weights", op.weights.size(), op.terms.size()));
    SLIPWAY_CHECK(expect_finite("weights", op.weights));
    return expect_output(op.terms.size());
  }

  Status operator()(const Dense& op) const {
    SLIPWAY_TRY(const std::size_t width, numbers(op.input));
    if (op.activation > Dense::Activation::sigmoid) return invalid_input("no such activation");
    SLIPWAY_CHECK(expect_size("bias", op.bias.size(), output_.width()));
    SLIPWAY_CHECK(expect_size("weights", op.weights.size(), width * output_.width()));
    SLIPWAY_CHECK(expect_finite("bias", op.bias));
    SLIPWAY_CHECK(expect_finite("weights", op.weights));
    return expect_output(op.bias.size());
  }

  Status operator()(const Trees& op) const {
    SLIPWAY_TRY(const std::size_t width, numbers(op.input));
    if (op.outputs < 1) return invalid_input("outputs is 0");
    if (op.aggregate > Trees::Aggregate::mean) return invalid_input("no such aggregate");
    if (!op.base.empty()) SLIPWAY_CHECK(expect_size("base", op.base.size(), op.outputs));
    SLIPWAY_CHECK(expect_finite("base", op.base));
    SLIPWAY_CHECK(expect_finite("leaf_values", op.leaf_values));
    SLIPWAY_CHECK(check_tree_arrays(op));
    for (std::size_t tree = 0; tree < op.roots.size(); ++tree) {
      const std::size_t end = tree + 1 < op.roots.size() ? op.roots[tree + 1] : op.node_count();
      SLIPWAY_CHECK(check_tree(op, op.roots[tree], end, width).with_context(fmt::format("tree {}", tree)));
    }
    return expect_output(op.outputs);
  }

  Status operator()(const Join& op) const {
    if (op.inputs.empty()) return invalid_input("nothing to join");
    std::size_t total = 0;
    for (const ValueId id : op.inputs) {
      SLIPWAY_TRY(const std::size_t width, numbers(id));
      total += width;
      if (op.kind == Join::Kind::weighted_sum && width != values_[op.inputs[0]].width())
        return invalid_input(fmt::format("a weighted sum of '{}' with {} columns and '{}' with {}",
                                         values_[op.inputs[0]].name, values_[op.inputs[0]].width(), values_[id].name,
                                         width));
    }
    if (op.kind == Join::Kind::concatenate) {
      SLIPWAY_CHECK(expect_size("weights", op.weights.size(), 0));
      return expect_output(total);
    }
    if (op.kind != Join::Kind::weighted_sum) return invalid_input("no such kind");
    SLIPWAY_CHECK(expect_size("weights", op.weights.size(), op.inputs.size()));
    SLIPWAY_CHECK(expect_finite("weights", op.weights));
    return expect_output(values_[op.inputs[0]].width());
  }

  Status operator()(const Link& op) const {
    SLIPWAY_TRY(const std::size_t width, numbers(op.input));
    if (op.kind > Link::Kind::normalise) return invalid_input("no such kind");
    const bool pair = op.kind == Link::Kind::complement || op.kind == Link::Kind::sigmoid;
    if (pair && width != 1)
      return invalid_input(fmt::format("this link takes one column, '{}' has {}", values_[op.input].name, width));
    return expect_output(pair ? 2 : width);
  }

  Status operator()(const Foreign& op) const {
    if (op.file.empty()) return invalid_input("has no file");
    if (op.scores.empty() || !is_utf8(op.scores)) return invalid_input("the name of its output is empty or not UTF-8");
    for (std::size_t i = 0; i < op.inputs.size(); ++i)
      if (op.inputs[i] != i) return invalid_input("does not read the model's inputs in their order");
    return op.inputs.empty() ? Status(invalid_input("reads nothing")) : known(op.inputs.back());
  }

  Status operator()(const Decide& op) const {
    SLIPWAY_TRY(const std::size_t width, numbers(op.input));
    if (width < 2)
      return invalid_input(fmt::format("takes a column per class, '{}' has {}", values_[op.input].name, width));
    if (!std::isfinite(op.threshold)) return invalid_input("threshold is not finite");
    return expect_output(1);
  }

 private:
  Status known(ValueId id) const {
    if (id < values_.size()) return {};
    return invalid_input(fmt::format("reads value {}, but only {} are made before it", id, values_.size()));
  }

  Result<std::size_t> numbers(ValueId id) const {
    SLIPWAY_CHECK(known(id));
    if (values_[id].kind != ValueKind::numbers)
      return invalid_input(fmt::format("reads '{}', which is {}, as numbers", values_[id].name,
                                       values_[id].kind == ValueKind::text ? "text" : "a time"));
    return values_[id].width();
  }

  Status single(ValueId id, ValueKind kind) const {
    SLIPWAY_CHECK(known(id));
    if (values_[id].kind != kind)
      return invalid_input(
          fmt::format("reads '{}', which is not {}", values_[id].name, kind == ValueKind::text ? "text" : "a number"));
    if (values_[id].width() != 1)
      return invalid_input(fmt::format("takes one column, '{}' has {}", values_[id].name, values_[id].width()));
    return {};
  }

  Status expect_output(std::size_t width) const {
    if (output_.width() == width) return {};
    return invalid_input(fmt::format("makes {} columns, but {} names were given", width, output_.width()));
  }

  static Status check_tree_arrays(const Trees& op) {
    const std::size_t nodes = op.node_count();
    SLIPWAY_CHECK(expect_size("threshold", op.threshold.size(), nodes));
    SLIPWAY_CHECK(expect_size("left", op.left.size(), nodes));
    SLIPWAY_CHECK(expect_size("right", op.right.size(), nodes));
    SLIPWAY_CHECK(expect_size("missing_left", op.missing_left.size(), nodes));
    if (!op.cover.empty()) SLIPWAY_CHECK(expect_size("cover", op.cover.size(), nodes));
    if (op.leaf_values.size() % op.outputs != 0)
      return invalid_input(
          fmt::format("leaf_values has {} entries, not a multiple of {} outputs", op.leaf_values.size(), op.outputs));
    if (op.roots.empty() || op.roots[0] != 0) return invalid_input("roots must begin with node 0");
    for (std::size_t tree = 1; tree < op.roots.size(); ++tree)
      if (op.roots[tree] <= op.roots[tree - 1])
        return invalid_input(fmt::format("roots must ascend, but roots[{}] does not", tree));
    if (op.roots.back() >= nodes)
      return invalid_input(fmt::format("the last root is node {} of {}", op.roots.back(), nodes));
    return {};
  }

  static Status check_tree(const Trees& op, std::size_t begin, std::size_t end, std::size_t width) {
    std::vector<std::uint8_t> reached(end - begin, 0);
    reached[0] = 1;
    for (std::size_t node = begin; node < end; ++node) {
      if (!reached[node - begin]) return invalid_input(fmt::format("node {} has no parent before it", node));
      if (!op.cover.empty() && !(op.cover[node] >= 0 && std::isfinite(op.cover[node])))
        return invalid_input(fmt::format("node {} has cover {}", node, format_number(op.cover[node])));
      if (op.feature[node] == Trees::leaf) {
        if (op.left[node] >= op.leaf_values.size() / op.outputs)
          return invalid_input(
              fmt::format("leaf {} has row {} of {}", node, op.left[node], op.leaf_values.size() / op.outputs));
        continue;
      }
      if (op.feature[node] < 0 || static_cast<std::size_t>(op.feature[node]) >= width)
        return invalid_input(fmt::format("node {} tests column {} of {}", node, op.feature[node], width));
      if (!(op.threshold[node] >= -std::numeric_limits<float>::max()))
        return invalid_input(fmt::format("node {} has threshold {}", node, format_number(op.threshold[node])));
      if (op.missing_left[node] > 1)
        return invalid_input(fmt::format("node {} has missing_left {}", node, op.missing_left[node]));
      for (const std::uint32_t child : {op.left[node], op.right[node]}) {
        if (child <= node || child >= end)
          return invalid_input(
              fmt::format("node {} has child {}, expected one of {} to {}", node, child, node + 1, end - 1));
        if (reached[child - begin]++) return invalid_input(fmt::format("node {} has two parents", child));
      }
    }
    return {};
  }

  std::span<const Value> values_;
  const Value& output_;
};

}  // namespace

Status check_input(const Input& input) {
  if (input.name.empty()) return invalid_input("an input has no name");
  const auto context = [&] { return fmt::format("input '{}'", input.name); };
  if (!is_utf8(input.name) || !is_utf8(input.unit))
    return invalid_input("name or unit is not UTF-8 text").with_context(context());
  if (input.kind > InputKind::time || input.out_of_range > OutOfRange::reject)
    return invalid_input("no such kind or rule").with_context(context());
  if (input.kind != InputKind::number && (input.minimum || input.maximum))
    return invalid_input("only numbers have a range").with_context(context());
  for (const auto& bound : {input.minimum, input.maximum})
    if (bound && !std::isfinite(*bound)) return invalid_input("the range is not finite").with_context(context());
  if (input.minimum && input.maximum && *input.minimum > *input.maximum)
    return invalid_input("the minimum is above the maximum").with_context(context());
  if (input.kind != InputKind::text && !input.categories.empty())
    return invalid_input("only text has categories").with_context(context());
  return expect_sorted_texts("categories", input.categories).with_context(context());
}

Status check_operator(const Operator& op, std::span<const Value> values, const Value& output) {
  const auto context = [&] { return fmt::format("{} '{}'", operator_name(op), output.name); };
  if (output.kind != ValueKind::numbers) return invalid_input("an operator makes numbers").with_context(context());
  if (output.columns.empty()) return invalid_input("has no columns").with_context(context());
  if (!is_utf8(output.name)) return invalid_input("name is not UTF-8 text").with_context(context());
  for (const auto& column : output.columns)
    if (!is_utf8(column)) return invalid_input("a column's name is not UTF-8 text").with_context(context());
  return std::visit(OperatorCheck(values, output), op).with_context(context());
}

Status check_outputs(const Model& model) {
  for (const std::string* text : {&model.name, &model.target})
    if (!is_utf8(*text)) return invalid_input("the model's name or target is not UTF-8 text");
  for (const auto& [key, value] : model.metadata) {
    if (key.empty() || key.starts_with("slipway."))
      return invalid_input(fmt::format("metadata key '{}' is not allowed", key));
    if (!is_utf8(key) || !is_utf8(value)) return invalid_input(fmt::format("metadata '{}' is not UTF-8 text", key));
  }
  if (model.inputs.empty()) return invalid_input("the model has no inputs");
  if (model.scores >= model.values.size() || model.label >= model.values.size())
    return invalid_input("the model's outputs are not set");
  const Value& scores = model.values[model.scores];
  const Value& label = model.values[model.label];
  if (scores.kind != ValueKind::numbers)
    return invalid_input(fmt::format("the scores '{}' are not numbers", scores.name));
  if (model.task == Task::regression) {
    if (!model.classes.empty()) return invalid_input("a regression has no classes");
    if (scores.width() != 1)
      return invalid_input(fmt::format("a regression has one score, '{}' has {}", scores.name, scores.width()));
    if (model.label != model.scores) return invalid_input("the label of a regression is its score");
    return {};
  }
  if (model.task > Task::regression) return invalid_input("no such task");
  if (model.task == Task::binary ? model.classes.size() != 2 : model.classes.size() < 2)
    return invalid_input(fmt::format("{} classes for a {} task", model.classes.size(), task_name(model.task)));
  SLIPWAY_CHECK(expect_distinct("class", model.classes));
  for (const auto& name : model.classes)
    if (!is_utf8(name)) return invalid_input("a class's name is not UTF-8 text");
  if (scores.width() != model.classes.size())
    return invalid_input(
        fmt::format("'{}' has {} columns for {} classes", scores.name, scores.width(), model.classes.size()));
  const std::size_t first = model.inputs.size();
  if (model.label < first || !std::holds_alternative<Decide>(model.operators[model.label - first]))
    return invalid_input(fmt::format("the label '{}' is not made by Decide", label.name));
  const auto& decide = std::get<Decide>(model.operators[model.label - first]);
  if (model.values[decide.input].width() != model.classes.size())
    return invalid_input(fmt::format("the label '{}' decides between another number of classes", label.name));
  return {};
}

}  // namespace slipway::model
