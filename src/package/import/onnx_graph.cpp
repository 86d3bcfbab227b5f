#include "onnx_graph.hpp"

#include <fmt/format.h>

#include "onnx_formula.hpp"

namespace slipway::package {

namespace {

constexpr std::size_t most_operators = 200'000;

}  // namespace

// ---- tensors and columns

OnnxTensor& OnnxGraphCompiler::tensor(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse("'{}' is not known where it is read", name);
  return found->second;
}

bool OnnxGraphCompiler::has_input(const onnx::Node& node, int index) const {
  return index < node.input_size() && !node.input(index).empty();
}

OnnxTensor& OnnxGraphCompiler::input(const onnx::Node& node, int index) {
  if (!has_input(node, index)) refuse("{} has no input {}", node.op_type(), index);
  return tensor(node.input(index));
}

const OnnxConstant& OnnxGraphCompiler::constant(const onnx::Node& node, int index) {
  const OnnxTensor& found = input(node, index);
  if (!found.constant) refuse("{} reads input {} from the data, where a constant is expected", node.op_type(), index);
  return *found.constant;
}

std::vector<OnnxColumn>& OnnxGraphCompiler::columns(OnnxTensor& tensor) {
  if (tensor.dense) {
    const PendingDense pending = *std::exchange(tensor.dense, nullptr);
    const model::ValueId value =
        add(model::Dense{.input = pending.input, .weights = pending.weights, .bias = pending.bias}, "MatMul", {});
    tensor.columns = of_value(value).columns;
  }
  if (tensor.constant && tensor.columns.empty()) {
    if (tensor.constant->is_text) refuse("a constant text is used as numbers");
    for (const double number : tensor.constant->numbers)
      tensor.columns.push_back({.is_constant = true, .constant = to_float(number)});
  }
  if (tensor.columns.empty() || tensor.columns.size() > most_columns)
    refuse("a tensor has {} columns", tensor.columns.size());
  return tensor.columns;
}

void OnnxGraphCompiler::give(const onnx::Node& node, OnnxTensor tensor, int output) {
  if (output < node.output_size()) tensors_[node.output(output)] = std::move(tensor);
}

OnnxTensor OnnxGraphCompiler::of_value(model::ValueId value) const {
  OnnxTensor tensor;
  for (std::uint32_t c = 0; c < builder_.value(value).width(); ++c)
    tensor.columns.push_back({.value = value, .column = c});
  return tensor;
}

std::string OnnxGraphCompiler::fresh_name(std::string_view op_type) {
  auto& count = counts_[std::string(op_type)];
  return fmt::format("{} {}", op_type, ++count);
}

// Columns are named after the value where no names are given.
model::ValueId OnnxGraphCompiler::add(model::Operator op, std::string_view op_type, std::vector<std::string> names) {
  if (builder_.so_far().operators.size() >= most_operators)
    refuse("it would take more than {} operators", most_operators);
  std::string name = fresh_name(op_type);
  if (names.empty()) {
    const auto* dense = std::get_if<model::Dense>(&op);
    const std::size_t width = dense ? dense->bias.size() : 1;
    for (std::size_t c = 0; c < width; ++c) names.push_back(width == 1 ? name : fmt::format("{}[{}]", name, c));
  }
  return builder_.add(std::move(op), std::move(name), std::move(names));
}

std::vector<std::string> OnnxGraphCompiler::names_of(const std::vector<OnnxColumn>& columns) const {
  std::vector<std::string> names;
  for (const OnnxColumn& column : columns)
    names.push_back(column.is_constant ? "constant" : builder_.value(column.value).columns[column.column]);
  return names;
}

model::ValueId OnnxGraphCompiler::block_of(const std::string& name) { return block(tensor(name)); }

model::ValueId OnnxGraphCompiler::block(OnnxTensor& tensor) {
  std::vector<OnnxColumn>& all = columns(tensor);
  if (tensor.is_text) refuse("text is used as numbers");
  const auto is_whole_value = [&](std::size_t at) {
    if (all[at].is_constant || all[at].column != 0) return false;
    const std::size_t width = builder_.value(all[at].value).width();
    if (at + width > all.size()) return false;
    for (std::size_t c = 0; c < width; ++c)
      if (all[at + c].is_constant || all[at + c].value != all[at].value || all[at + c].column != c) return false;
    return true;
  };
  if (is_whole_value(0) && builder_.value(all[0].value).width() == all.size()) return all[0].value;
  const std::vector<std::string> names = names_of(all);
  model::Join join;
  for (std::size_t at = 0; at < all.size();) {
    if (is_whole_value(at)) {
      join.inputs.push_back(all[at].value);
      at += builder_.value(all[at].value).width();
      continue;
    }
    if (all[at].is_constant) refuse("a constant stands among columns of the data");
    Formula formula;
    formula.push(all[at]);
    join.inputs.push_back(add(formula.take(names[at]), "column", {names[at]}));
    ++at;
  }
  const model::ValueId value = join.inputs.size() == 1 ? join.inputs[0] : add(std::move(join), "Concat", names);
  all = of_value(value).columns;
  return value;
}

std::vector<OnnxColumn> OnnxGraphCompiler::as_columns(OnnxTensor& tensor, std::size_t width) {
  const std::vector<OnnxColumn>& own = columns(tensor);
  if (tensor.is_text) refuse("text is used as numbers");
  if (own.size() == width) return own;
  if (own.size() != 1) refuse("tensors of {} and {} columns do not go together", own.size(), width);
  return std::vector<OnnxColumn>(width, own[0]);
}

OnnxColumn OnnxGraphCompiler::finish(Formula& formula, std::string_view op_type) {
  if (!formula.reads()) refuse("{} of constants", op_type);
  return {.value = add(formula.take(std::string(op_type)), op_type, {})};
}

OnnxColumn OnnxGraphCompiler::apply(std::string_view op_type, Op op, const OnnxColumn& left, const OnnxColumn& right) {
  if (left.is_constant && right.is_constant) {
    const float a = left.constant, b = right.constant;
    if (op == Op::add) return {.is_constant = true, .constant = a + b};
    if (op == Op::subtract) return {.is_constant = true, .constant = a - b};
    if (op == Op::multiply) return {.is_constant = true, .constant = a * b};
    if (op == Op::divide) return {.is_constant = true, .constant = a / b};
  }
  Formula formula;
  formula.push(left).push(right).then(op);
  return finish(formula, op_type);
}

OnnxColumn OnnxGraphCompiler::apply(std::string_view op_type, Op op, const OnnxColumn& x) {
  Formula formula;
  formula.push(x).then(op);
  return finish(formula, op_type);
}

OnnxTensor OnnxGraphCompiler::affine(OnnxTensor& x, std::vector<float> scale, std::vector<float> shift,
                                     std::string_view op_type) {
  const model::ValueId input = block(x);
  const std::vector<std::string> names = builder_.value(input).columns;
  for (auto* list : {&scale, &shift})
    if (list->size() == 1) list->assign(names.size(), list->front());
  return of_value(
      add(model::Affine{.input = input, .scale = std::move(scale), .shift = std::move(shift)}, op_type, names));
}

OnnxTensor OnnxGraphCompiler::activate(OnnxTensor& x, model::Dense::Activation kind, std::string_view op_type) {
  model::Dense dense;
  dense.activation = kind;
  if (x.dense) {
    dense.input = x.dense->input;
    dense.weights = x.dense->weights;
    dense.bias = x.dense->bias;
  } else {
    dense.input = block(x);
    const std::size_t width = builder_.value(dense.input).width();
    if (width > 1024) refuse("{} of {} columns", op_type, width);
    dense.weights.assign(width * width, 0.0F);
    for (std::size_t i = 0; i < width; ++i) dense.weights[i * width + i] = 1;
    dense.bias.assign(width, 0.0F);
  }
  OnnxTensor made = of_value(add(std::move(dense), op_type, {}));
  made.not_negative = kind != model::Dense::Activation::tanh;
  return made;
}

OnnxTensor OnnxGraphCompiler::link(OnnxTensor& x, model::Link::Kind kind, std::string_view op_type) {
  const model::ValueId input = block(x);
  std::vector<std::string> names = builder_.value(input).columns;
  if (kind == model::Link::Kind::sigmoid || kind == model::Link::Kind::complement) names = {"0", "1"};
  OnnxTensor made = of_value(add(model::Link{.input = input, .kind = kind}, op_type, names));
  made.not_negative = true;
  return made;
}

// ---- what only moves columns

void OnnxGraphCompiler::pass(const onnx::Node& node) {
  OnnxTensor& x = input(node, 0);
  give(node, x);
}

// Only a last dimension that keeps every row's columns together can be followed.
void OnnxGraphCompiler::reshape(const onnx::Node& node) {
  OnnxTensor& x = input(node, 0);
  if (!x.constant) {
    const OnnxConstant& shape = constant(node, 1);
    const std::size_t width = columns(x).size();
    const std::vector<double>& sizes = shape.numbers;
    const bool keeps = !sizes.empty() && (sizes.back() == static_cast<double>(width) ||
                                          (sizes.back() == -1 && (width == 1 || sizes.front() != -1)));
    if (!keeps && !(width == 1 && sizes.size() <= 2)) refuse("Reshape mixes rows and columns");
  }
  give(node, x);
}

void OnnxGraphCompiler::cast(const onnx::Node& node) {
  OnnxTensor& x = input(node, 0);
  const std::int64_t to = OnnxAttributes(node).integer("to");
  const bool to_text = to == 8, to_truth = to == 9, to_whole = to == 2 || to == 3 || to == 5 || to == 6 || to == 7;
  if (x.constant || x.is_text == to_text) {
    if (x.constant || to_text || (!to_truth && !to_whole) || x.is_whole) return give(node, x);
  }
  if (x.is_text || to_text) refuse("Cast between text and numbers");
  OnnxTensor made;
  made.is_whole = true;
  for (const OnnxColumn& column : columns(x)) {
    Formula formula;
    if (to_truth) {
      formula.push(column).push(0.0F).then(Op::not_equal);
    } else {
      // Towards zero.
      formula.push(column).push(0.0F).then(Op::less).push(column).then(Op::ceiling);
      formula.push(column).then(Op::floor).then(Op::select);
    }
    made.columns.push_back(finish(formula, "Cast"));
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::concatenate(const onnx::Node& node) {
  if (node.op_type() == "Concat") {
    const std::int64_t axis = OnnxAttributes(node).integer("axis");
    if (axis != 1 && axis != -1) refuse("Concat along axis {}", axis);
  }
  OnnxTensor made;
  made.is_whole = made.not_negative = true;
  for (int i = 0; i < node.input_size(); ++i) {
    OnnxTensor& x = input(node, i);
    const std::vector<OnnxColumn>& more = columns(x);
    if (i > 0 && x.is_text != made.is_text) refuse("Concat of text and numbers");
    made.is_text = x.is_text;
    made.is_whole &= x.is_whole;
    made.not_negative &= x.not_negative;
    made.columns.insert(made.columns.end(), more.begin(), more.end());
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::extract(const onnx::Node& node) {
  if (node.op_type() == "Gather" && OnnxAttributes(node).integer("axis", 0) != 1)
    refuse("Gather along another axis than 1");
  OnnxTensor& x = input(node, 0);
  const std::vector<OnnxColumn>& from = columns(x);
  OnnxTensor made = x;
  made.columns.clear();
  for (const double index : constant(node, 1).numbers) {
    const double at = index < 0 ? index + static_cast<double>(from.size()) : index;
    if (!(at >= 0 && at < static_cast<double>(from.size()))) refuse("{} of column {}", node.op_type(), index);
    made.columns.push_back(from[static_cast<std::size_t>(at)]);
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::slice(const onnx::Node& node) {
  OnnxTensor& x = input(node, 0);
  const std::vector<OnnxColumn>& from = columns(x);
  const auto one = [&](int index, double otherwise) {
    if (!has_input(node, index)) return otherwise;
    const std::vector<double>& numbers = constant(node, index).numbers;
    if (numbers.size() != 1 || std::isnan(numbers[0])) refuse("Slice along several axes");
    return numbers[0];
  };
  const double axis = one(3, 0), step = one(4, 1);
  if ((axis != 1 && axis != -1) || step != 1) refuse("Slice along axis {} with step {}", axis, step);
  const auto width = static_cast<double>(from.size());
  const auto bound = [&](double at) { return std::clamp(at < 0 ? at + width : at, 0.0, width); };
  const auto begin = static_cast<std::ptrdiff_t>(bound(one(1, 0))),
             end = static_cast<std::ptrdiff_t>(bound(one(2, width)));
  if (begin >= end) refuse("Slice takes nothing");
  OnnxTensor made = x;
  made.columns.assign(from.begin() + begin, from.begin() + end);
  give(node, std::move(made));
}

void OnnxGraphCompiler::split(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  const std::int64_t axis = attributes.integer("axis", 0);
  if (axis != 1 && axis != -1) refuse("Split along axis {}", axis);
  const OnnxTensor x = input(node, 0);
  const std::vector<OnnxColumn> from = columns(input(node, 0));
  std::vector<double> sizes;
  for (const std::int64_t size : attributes.integers("split")) sizes.push_back(static_cast<double>(size));
  if (has_input(node, 1)) sizes = constant(node, 1).numbers;
  const auto outputs = static_cast<std::size_t>(node.output_size());
  if (sizes.empty() && outputs > 0 && from.size() % outputs == 0)
    sizes.assign(outputs, static_cast<double>(from.size() / outputs));
  if (sizes.size() != outputs) refuse("Split into {} parts for {} outputs", sizes.size(), outputs);
  std::size_t at = 0;
  for (std::size_t i = 0; i < outputs; ++i) {
    if (!(sizes[i] >= 1 && static_cast<double>(at) + sizes[i] <= static_cast<double>(from.size())))
      refuse("Split takes more columns than there are");
    OnnxTensor made;
    made.is_text = x.is_text;
    made.is_whole = x.is_whole;
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(at);
    made.columns.assign(begin, begin + static_cast<std::ptrdiff_t>(sizes[i]));
    at += static_cast<std::size_t>(sizes[i]);
    give(node, std::move(made), static_cast<int>(i));
  }
}

void OnnxGraphCompiler::constant_node(const onnx::Node& node) {
  OnnxTensor made;
  made.constant = OnnxAttributes(node).constant("value");
  give(node, std::move(made));
}

// ---- arithmetic, column by column

void OnnxGraphCompiler::unary(const onnx::Node& node) {
  static const std::map<std::string_view, Op> operations = {
      {"Abs", Op::absolute},    {"Neg", Op::negate},      {"Sqrt", Op::square_root}, {"Exp", Op::exponential},
      {"Log", Op::logarithm},   {"Floor", Op::floor},     {"Ceil", Op::ceiling},     {"Round", Op::round_half_even},
      {"Not", Op::logical_not}, {"IsNaN", Op::is_missing}};
  OnnxTensor& x = input(node, 0);
  if (x.is_text) refuse("{} of text", node.op_type());
  const std::vector<OnnxColumn> from = columns(x);
  OnnxTensor made;
  made.is_whole = node.op_type() == "Not" || node.op_type() == "IsNaN";
  made.not_negative = node.op_type() == "Abs" || node.op_type() == "Exp" || node.op_type() == "Sqrt";
  for (const OnnxColumn& column : from) {
    if (node.op_type() == "Reciprocal") {
      made.columns.push_back(apply(node.op_type(), Op::divide, {.is_constant = true, .constant = 1}, column));
    } else {
      made.columns.push_back(apply(node.op_type(), operations.at(node.op_type()), column));
    }
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::binary(const onnx::Node& node) {
  static const std::map<std::string_view, Op> operations = {
      {"Add", Op::add},         {"Sub", Op::subtract},
      {"Mul", Op::multiply},    {"Div", Op::divide},
      {"Pow", Op::power},       {"Less", Op::less},
      {"Greater", Op::greater}, {"LessOrEqual", Op::less_equal},
      {"Equal", Op::equal},     {"GreaterOrEqual", Op::greater_equal},
      {"And", Op::logical_and}, {"Or", Op::logical_or}};
  const std::string& name = node.op_type();
  const Op op = operations.at(name);
  OnnxTensor &x = input(node, 0), &y = input(node, 1);
  // A bias behind a product.
  for (const auto& [product, bias] : {std::pair(&x, &y), std::pair(&y, &x)})
    if (op == Op::add && product->dense && bias->constant && !bias->constant->is_text) {
      const std::vector<double>& numbers = bias->constant->numbers;
      const std::size_t width = product->dense->bias.size();
      if (numbers.size() != width && numbers.size() != 1)
        refuse("Add of {} numbers to {} columns", numbers.size(), width);
      const bool fresh =
          std::all_of(product->dense->bias.begin(), product->dense->bias.end(), [](float b) { return b == 0; });
      if (!fresh) continue;
      OnnxTensor made;
      made.dense = std::make_shared<PendingDense>(*product->dense);
      for (std::size_t i = 0; i < width; ++i) made.dense->bias[i] = to_float(numbers[numbers.size() == 1 ? 0 : i]);
      return give(node, std::move(made));
    }
  const std::size_t width = std::max(columns(x).size(), columns(y).size());
  const std::vector<OnnxColumn> left = as_columns(x, width), right = as_columns(y, width);
  const bool whole_block = !x.constant && y.constant && columns(x).size() == width && width > 1;
  const auto finite = [&] {
    return std::all_of(right.begin(), right.end(), [](const OnnxColumn& c) { return std::isfinite(c.constant); });
  };
  if (whole_block && (op == Op::add || op == Op::subtract || op == Op::multiply) && finite()) {
    std::vector<float> scale(width, 1.0F), shift(width, 0.0F);
    for (std::size_t i = 0; i < width; ++i) {
      if (op == Op::multiply) scale[i] = right[i].constant;
      if (op == Op::add) shift[i] = right[i].constant;
      if (op == Op::subtract) shift[i] = -right[i].constant;
    }
    return give(node, affine(x, std::move(scale), std::move(shift), name));
  }
  OnnxTensor made;
  made.is_whole = op >= Op::less && op <= Op::logical_or;
  for (std::size_t i = 0; i < width; ++i) made.columns.push_back(apply(name, op, left[i], right[i]));
  give(node, std::move(made));
}

void OnnxGraphCompiler::many(const onnx::Node& node) {
  const Op op = node.op_type() == "Sum" ? Op::add : node.op_type() == "Max" ? Op::maximum : Op::minimum;
  std::size_t width = 0;
  for (int i = 0; i < node.input_size(); ++i) width = std::max(width, columns(input(node, i)).size());
  OnnxTensor made;
  made.columns = as_columns(input(node, 0), width);
  for (int i = 1; i < node.input_size(); ++i) {
    const std::vector<OnnxColumn> next = as_columns(input(node, i), width);
    for (std::size_t c = 0; c < width; ++c) made.columns[c] = apply(node.op_type(), op, made.columns[c], next[c]);
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::clip(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  std::optional<float> lowest, highest;
  if (attributes.has("min")) lowest = to_float(attributes.number("min"));
  if (attributes.has("max")) highest = to_float(attributes.number("max"));
  if (has_input(node, 1)) lowest = to_float(constant(node, 1).numbers.at(0));
  if (has_input(node, 2)) highest = to_float(constant(node, 2).numbers.at(0));
  OnnxTensor made;
  for (const OnnxColumn& column : std::vector<OnnxColumn>(columns(input(node, 0)))) {
    Formula formula;
    formula.push(column);
    if (lowest && std::isfinite(*lowest)) formula.push(*lowest).then(Op::maximum);
    if (highest && std::isfinite(*highest)) formula.push(*highest).then(Op::minimum);
    made.columns.push_back(finish(formula, "Clip"));
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::where(const onnx::Node& node) {
  std::size_t width = 0;
  for (int i = 0; i < 3; ++i) width = std::max(width, columns(input(node, i)).size());
  const auto condition = as_columns(input(node, 0), width), then = as_columns(input(node, 1), width),
             otherwise = as_columns(input(node, 2), width);
  OnnxTensor made;
  for (std::size_t i = 0; i < width; ++i) {
    Formula formula;
    formula.push(condition[i]).push(then[i]).push(otherwise[i]).then(Op::select);
    made.columns.push_back(finish(formula, "Where"));
  }
  give(node, std::move(made));
}

OnnxTensor OnnxGraphCompiler::total(OnnxTensor& x, bool absolute, bool squared, std::string_view op_type) {
  const std::vector<OnnxColumn> from = columns(x);
  if (from.size() > 4096) refuse("{} of {} columns", op_type, from.size());
  Formula formula;
  for (std::size_t i = 0; i < from.size(); ++i) {
    formula.push(from[i]);
    if (absolute) formula.then(Op::absolute);
    if (squared) formula.push(from[i]).then(Op::multiply);
    if (i > 0) formula.then(Op::add);
  }
  OnnxTensor made;
  made.columns.push_back(finish(formula, op_type));
  return made;
}

void OnnxGraphCompiler::reduce(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  std::vector<double> axes;
  for (const std::int64_t axis : attributes.integers("axes")) axes.push_back(static_cast<double>(axis));
  if (has_input(node, 1)) axes = constant(node, 1).numbers;
  if (axes.size() != 1 || (axes[0] != 1 && axes[0] != -1)) refuse("{} over other axes than 1", node.op_type());
  OnnxTensor& x = input(node, 0);
  const bool squared = node.op_type() == "ReduceSumSquare" || node.op_type() == "ReduceL2";
  OnnxTensor made = total(x, node.op_type() == "ReduceL1", squared, node.op_type());
  if (node.op_type() == "ReduceMean")
    made.columns[0] = apply("ReduceMean", Op::divide, made.columns[0],
                            {.is_constant = true, .constant = static_cast<float>(columns(x).size())});
  if (node.op_type() == "ReduceL2") made.columns[0] = apply("ReduceL2", Op::square_root, made.columns[0]);
  give(node, std::move(made));
}

// ---- products and activations

void OnnxGraphCompiler::product(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  const OnnxConstant& matrix = constant(node, 1);
  if (matrix.is_text || matrix.shape.empty() || matrix.shape.size() > 2) refuse("{} with no matrix", node.op_type());
  if (attributes.integer("transA", 0) != 0) refuse("Gemm of a transposed input");
  const bool transposed = attributes.integer("transB", 0) != 0;
  const auto first = static_cast<std::size_t>(matrix.shape[0]);
  const std::size_t second = matrix.shape.size() == 2 ? static_cast<std::size_t>(matrix.shape[1]) : 1;
  const std::size_t inputs = transposed ? second : first, outputs = transposed ? first : second;
  const double alpha = attributes.number("alpha", 1), beta = attributes.number("beta", 1);
  auto dense = std::make_shared<PendingDense>();
  dense->input = block(input(node, 0));
  if (builder_.value(dense->input).width() != inputs || inputs * outputs != matrix.size())
    refuse("{} of {} columns with a matrix of {} x {}", node.op_type(), builder_.value(dense->input).width(), inputs,
           outputs);
  dense->weights.resize(inputs * outputs);
  dense->bias.assign(outputs, 0.0F);
  for (std::size_t i = 0; i < inputs; ++i)
    for (std::size_t j = 0; j < outputs; ++j)
      dense->weights[i * outputs + j] = to_float(alpha * matrix.numbers[transposed ? j * inputs + i : i * outputs + j]);
  if (node.op_type() == "Gemm" && has_input(node, 2)) {
    const std::vector<double>& bias = constant(node, 2).numbers;
    if (bias.size() != 1 && bias.size() != outputs) refuse("Gemm with {} numbers for {} columns", bias.size(), outputs);
    for (std::size_t j = 0; j < outputs; ++j) dense->bias[j] = to_float(beta * bias[bias.size() == 1 ? 0 : j]);
  }
  OnnxTensor made;
  made.dense = std::move(dense);
  give(node, std::move(made));
}

void OnnxGraphCompiler::activation(const onnx::Node& node) {
  using Activation = model::Dense::Activation;
  const Activation kind = node.op_type() == "Relu"   ? Activation::relu
                          : node.op_type() == "Tanh" ? Activation::tanh
                                                     : Activation::sigmoid;
  give(node, activate(input(node, 0), kind, node.op_type()));
}

void OnnxGraphCompiler::softmax(const onnx::Node& node) {
  const std::int64_t axis = OnnxAttributes(node).integer("axis", -1);
  if (axis != 1 && axis != -1) refuse("Softmax along axis {}", axis);
  give(node, link(input(node, 0), model::Link::Kind::softmax, "Softmax"));
}

// ---- which function compiles which node

const std::map<std::string_view, OnnxGraphCompiler::Handler>& OnnxGraphCompiler::handlers() {
  using Self = OnnxGraphCompiler;
  static const std::map<std::string_view, Handler> all = {{"Identity", &Self::pass},
                                                          {"Flatten", &Self::pass},
                                                          {"Squeeze", &Self::pass},
                                                          {"Unsqueeze", &Self::pass},
                                                          {"Dropout", &Self::pass},
                                                          {"Reshape", &Self::reshape},
                                                          {"Cast", &Self::cast},
                                                          {"Concat", &Self::concatenate},
                                                          {"FeatureVectorizer", &Self::concatenate},
                                                          {"ArrayFeatureExtractor", &Self::extract},
                                                          {"Gather", &Self::extract},
                                                          {"Slice", &Self::slice},
                                                          {"Split", &Self::split},
                                                          {"Constant", &Self::constant_node},
                                                          {"Abs", &Self::unary},
                                                          {"Neg", &Self::unary},
                                                          {"Sqrt", &Self::unary},
                                                          {"Exp", &Self::unary},
                                                          {"Log", &Self::unary},
                                                          {"Floor", &Self::unary},
                                                          {"Ceil", &Self::unary},
                                                          {"Round", &Self::unary},
                                                          {"Reciprocal", &Self::unary},
                                                          {"Not", &Self::unary},
                                                          {"IsNaN", &Self::unary},
                                                          {"Add", &Self::binary},
                                                          {"Sub", &Self::binary},
                                                          {"Mul", &Self::binary},
                                                          {"Div", &Self::binary},
                                                          {"Pow", &Self::binary},
                                                          {"Less", &Self::binary},
                                                          {"Greater", &Self::binary},
                                                          {"LessOrEqual", &Self::binary},
                                                          {"GreaterOrEqual", &Self::binary},
                                                          {"Equal", &Self::binary},
                                                          {"And", &Self::binary},
                                                          {"Or", &Self::binary},
                                                          {"Sum", &Self::many},
                                                          {"Min", &Self::many},
                                                          {"Max", &Self::many},
                                                          {"Clip", &Self::clip},
                                                          {"Where", &Self::where},
                                                          {"ReduceSum", &Self::reduce},
                                                          {"ReduceMean", &Self::reduce},
                                                          {"ReduceL1", &Self::reduce},
                                                          {"ReduceL2", &Self::reduce},
                                                          {"ReduceSumSquare", &Self::reduce},
                                                          {"MatMul", &Self::product},
                                                          {"Gemm", &Self::product},
                                                          {"Relu", &Self::activation},
                                                          {"Tanh", &Self::activation},
                                                          {"Sigmoid", &Self::activation},
                                                          {"Softmax", &Self::softmax},
                                                          {"Imputer", &Self::imputer},
                                                          {"Scaler", &Self::scaler},
                                                          {"Normalizer", &Self::normalizer},
                                                          {"Binarizer", &Self::binarizer},
                                                          {"OneHotEncoder", &Self::one_hot},
                                                          {"LabelEncoder", &Self::label_encoder},
                                                          {"LinearClassifier", &Self::linear_classifier},
                                                          {"LinearRegressor", &Self::linear_regressor},
                                                          {"TreeEnsembleRegressor", &Self::tree_regressor},
                                                          {"TreeEnsemble", &Self::tree_regressor},
                                                          {"TreeEnsembleClassifier", &Self::tree_classifier}};
  return all;
}

void OnnxGraphCompiler::compile(const onnx::Node& node) {
  const auto handler = handlers().find(node.op_type());
  const bool standard = node.domain().empty() || node.domain() == "ai.onnx" || node.domain() == "ai.onnx.ml";
  if (!standard || handler == handlers().end())
    refuse("no operator of a Model does what {}{}{} does", node.domain(), node.domain().empty() ? "" : ".",
           node.op_type());
  (this->*handler->second)(node);
}

}  // namespace slipway::package
