// The node types of ai.onnx.ml.
#include <fmt/format.h>

#include "onnx_formula.hpp"

namespace slipway::package {

// ---- preprocessing of ai.onnx.ml

void OnnxGraphCompiler::imputer(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  std::vector<float> values;
  for (const double value : attributes.numbers("imputed_value_floats")) values.push_back(to_float(value));
  for (const std::int64_t value : attributes.integers("imputed_value_int64s"))
    values.push_back(static_cast<float>(value));
  OnnxTensor& x = input(node, 0);
  const std::size_t width = columns(x).size();
  if (values.size() == 1) values.assign(width, values[0]);
  if (values.size() != width) refuse("Imputer with {} values for {} columns", values.size(), width);
  std::optional<float> replaced;
  if (attributes.has("replaced_value_float")) replaced = to_float(attributes.number("replaced_value_float"));
  if (attributes.has("replaced_value_int64")) replaced = static_cast<float>(attributes.integer("replaced_value_int64"));
  if (!replaced || std::isnan(*replaced)) {
    const model::ValueId all = block(x);
    return give(
        node, of_value(add(model::Fill{.input = all, .replacement = values}, "Imputer", builder_.value(all).columns)));
  }
  const std::vector<OnnxColumn> from = columns(x);
  OnnxTensor made;
  for (std::size_t i = 0; i < width; ++i) {
    Formula formula;
    formula.push(from[i]).push(*replaced).then(Op::equal).push(values[i]).push(from[i]).then(Op::select);
    made.columns.push_back(finish(formula, "Imputer"));
  }
  give(node, std::move(made));
}

// (x - offset) * scale, rounded after each as the runtime does.
void OnnxGraphCompiler::scaler(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  OnnxTensor& x = input(node, 0);
  const std::size_t width = columns(x).size();
  const auto list = [&](std::string_view name, float otherwise) {
    std::vector<float> values;
    for (const double value : attributes.numbers(name)) values.push_back(to_float(value));
    if (values.empty()) values = {otherwise};
    if (values.size() == 1) values.assign(width, values[0]);
    if (values.size() != width) refuse("Scaler with {} values for {} columns", values.size(), width);
    return values;
  };
  std::vector<float> offset = list("offset", 0), scale = list("scale", 1);
  for (float& one : offset) one = -one;
  OnnxTensor made = x;
  if (std::any_of(offset.begin(), offset.end(), [](float one) { return one != 0; }))
    made = affine(made, std::vector<float>(width, 1.0F), offset, "Scaler");
  if (std::any_of(scale.begin(), scale.end(), [](float one) { return one != 1; }))
    made = affine(made, scale, std::vector<float>(width, 0.0F), "Scaler");
  give(node, std::move(made));
}

void OnnxGraphCompiler::normalizer(const onnx::Node& node) {
  const std::string norm = OnnxAttributes(node).text("norm", "MAX");
  OnnxTensor& x = input(node, 0);
  if (norm == "L1" && x.not_negative) return give(node, link(x, model::Link::Kind::normalise, "Normalizer"));
  const std::vector<OnnxColumn> from = columns(x);
  OnnxColumn size;
  if (norm == "MAX") {
    size = apply("Normalizer", Op::absolute, from[0]);
    for (std::size_t i = 1; i < from.size(); ++i)
      size = apply("Normalizer", Op::maximum, size, apply("Normalizer", Op::absolute, from[i]));
  } else if (norm == "L1") {
    size = total(x, true, false, "Normalizer").columns[0];
  } else {
    size = apply("Normalizer", Op::square_root, total(x, false, true, "Normalizer").columns[0]);
  }
  OnnxTensor made;
  for (const OnnxColumn& column : from) {
    Formula formula;  // a row of zeros stays
    formula.push(size).push(0.0F).then(Op::equal).push(column);
    formula.push(column).push(size).then(Op::divide).then(Op::select);
    made.columns.push_back(finish(formula, "Normalizer"));
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::binarizer(const onnx::Node& node) {
  const float threshold = to_float(OnnxAttributes(node).number("threshold", 0));
  OnnxTensor made;
  made.is_whole = true;
  for (const OnnxColumn& column : std::vector<OnnxColumn>(columns(input(node, 0))))
    made.columns.push_back(apply("Binarizer", Op::greater, column, {.is_constant = true, .constant = threshold}));
  give(node, std::move(made));
}

OnnxTensor OnnxGraphCompiler::lookup(const OnnxColumn& text, const std::vector<std::string>& keys,
                                     const std::vector<float>& rows, std::size_t width,
                                     const std::vector<float>& otherwise, std::string_view op_type,
                                     const std::vector<std::string>& names) {
  std::map<std::string_view, std::size_t> sorted;
  for (std::size_t i = 0; i < keys.size(); ++i) sorted.try_emplace(keys[i], i);
  model::Lookup lookup;
  lookup.input = text.value;
  lookup.unseen = lookup.missing = otherwise;
  for (const auto& [key, place] : sorted) {
    const auto row = rows.begin() + static_cast<std::ptrdiff_t>(place * width);
    if (key.empty()) {  // how ONNX files say that a text is missing
      lookup.missing.assign(row, row + static_cast<std::ptrdiff_t>(width));
      continue;
    }
    lookup.keys.emplace_back(key);
    lookup.rows.insert(lookup.rows.end(), row, row + static_cast<std::ptrdiff_t>(width));
  }
  return of_value(add(std::move(lookup), op_type, names));
}

void OnnxGraphCompiler::one_hot(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  OnnxTensor& x = input(node, 0);
  const std::vector<OnnxColumn> from = columns(x);
  const std::vector<std::string> own = names_of(from);
  const std::vector<std::string> texts = attributes.texts("cats_strings");
  const std::vector<std::int64_t> numbers = attributes.integers("cats_int64s");
  if (x.is_text == texts.empty() || (texts.empty() && numbers.empty()))
    refuse("OneHotEncoder of another type than its categories");
  const std::size_t width = std::max(texts.size(), numbers.size());
  if (width * width > (std::size_t{1} << 26)) refuse("OneHotEncoder of {} categories", width);
  OnnxTensor made;
  made.is_whole = made.not_negative = true;
  for (std::size_t c = 0; c < from.size(); ++c) {
    if (!x.is_text) {
      for (const std::int64_t number : numbers)
        made.columns.push_back(
            apply("OneHotEncoder", Op::equal, from[c], {.is_constant = true, .constant = static_cast<float>(number)}));
      continue;
    }
    std::vector<float> rows(width * width, 0.0F);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < width; ++i) {
      rows[i * width + i] = 1;
      names.push_back(own[c] + "=" + texts[i]);
    }
    const OnnxTensor columns_of_one =
        lookup(from[c], texts, rows, width, std::vector<float>(width, 0.0F), "OneHotEncoder", names);
    made.columns.insert(made.columns.end(), columns_of_one.columns.begin(), columns_of_one.columns.end());
  }
  give(node, std::move(made));
}

void OnnxGraphCompiler::label_encoder(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  std::vector<float> values;
  for (const double value : attributes.numbers("values_floats")) values.push_back(to_float(value));
  for (const std::int64_t value : attributes.integers("values_int64s")) values.push_back(static_cast<float>(value));
  std::vector<std::string> texts = attributes.texts("keys_strings");
  std::vector<double> numbers = attributes.numbers("keys_floats");
  for (const std::int64_t key : attributes.integers("keys_int64s")) numbers.push_back(static_cast<double>(key));
  float otherwise = attributes.has("default_float") ? to_float(attributes.number("default_float"))
                    : attributes.has("default_int64") || attributes.has("values_int64s")
                        ? static_cast<float>(attributes.integer("default_int64", -1))
                        : 0.0F;
  if (attributes.has("values_tensor"))
    for (const double value : attributes.constant("values_tensor").numbers) values.push_back(to_float(value));
  if (attributes.has("keys_tensor")) {
    const OnnxConstant keys = attributes.constant("keys_tensor");
    (keys.is_text ? void(texts = keys.texts) : void(numbers = keys.numbers));
  }
  if (attributes.has("default_tensor")) {
    const OnnxConstant one = attributes.constant("default_tensor");
    if (one.numbers.size() == 1) otherwise = to_float(one.numbers[0]);
  }
  if (values.empty()) refuse("LabelEncoder makes text");
  OnnxTensor& x = input(node, 0);
  const std::vector<OnnxColumn> from = columns(x);
  if (values.size() != (x.is_text ? texts.size() : numbers.size())) refuse("LabelEncoder with unequal lists");
  const std::vector<std::string> own = names_of(from);
  OnnxTensor made;
  for (std::size_t c = 0; c < from.size(); ++c) {
    if (x.is_text) {
      made.columns.push_back(lookup(from[c], texts, values, 1, {otherwise}, "LabelEncoder", {own[c]}).columns[0]);
      continue;
    }
    if (numbers.size() > 1000) refuse("LabelEncoder of {} numbers", numbers.size());
    Formula formula;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      formula.push(from[c]);
      if (std::isnan(numbers[i])) {
        formula.then(Op::is_missing);
      } else {
        formula.push(to_float(numbers[i])).then(Op::equal);
      }
      formula.push(values[i]);
    }
    formula.push(otherwise);
    for (std::size_t i = 0; i < numbers.size(); ++i) formula.then(Op::select);
    made.columns.push_back(finish(formula, "LabelEncoder"));
  }
  give(node, std::move(made));
}

// ---- models of ai.onnx.ml

OnnxTensor OnnxGraphCompiler::post_transform(OnnxTensor sums, const std::string& transform, std::string_view op_type) {
  if (transform == "NONE") return sums;
  if (transform == "LOGISTIC") return activate(sums, model::Dense::Activation::sigmoid, op_type);
  if (transform == "SOFTMAX") return link(sums, model::Link::Kind::softmax, op_type);
  refuse("{} with post_transform {}", op_type, transform);
}

void OnnxGraphCompiler::linear_classifier(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  const std::vector<double> coefficients = attributes.numbers("coefficients"),
                            intercepts = attributes.numbers("intercepts");
  const std::size_t labels =
      std::max(attributes.texts("classlabels_strings").size(), attributes.integers("classlabels_ints").size());
  const model::ValueId all = block(input(node, 0));
  const std::size_t width = builder_.value(all).width();
  const std::size_t classes = intercepts.empty() ? coefficients.size() / width : intercepts.size();
  if (classes == 0 || coefficients.size() != classes * width)
    refuse("LinearClassifier with {} coefficients for {} columns", coefficients.size(), width);
  OnnxTensor made;
  made.dense = std::make_shared<PendingDense>();
  made.dense->input = all;
  made.dense->weights.resize(classes * width);
  made.dense->bias.assign(classes, 0.0F);
  for (std::size_t k = 0; k < classes; ++k) {
    if (!intercepts.empty()) made.dense->bias[k] = to_float(intercepts[k]);
    for (std::size_t i = 0; i < width; ++i)
      made.dense->weights[i * classes + k] = to_float(coefficients[k * width + i]);
  }
  const std::string transform = attributes.text("post_transform", "NONE");
  if (classes == 1 && labels == 2) {
    if (transform != "LOGISTIC")
      refuse("LinearClassifier of one row of coefficients with post_transform {}", transform);
    return give(node, link(made, model::Link::Kind::sigmoid, "LinearClassifier"), 1);
  }
  give(node, post_transform(std::move(made), transform, "LinearClassifier"), 1);
}

void OnnxGraphCompiler::linear_regressor(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  const std::vector<double> coefficients = attributes.numbers("coefficients"),
                            intercepts = attributes.numbers("intercepts");
  const std::int64_t targets = attributes.integer("targets", 1);
  const model::ValueId all = block(input(node, 0));
  const std::size_t width = builder_.value(all).width();
  const auto outputs = static_cast<std::size_t>(std::clamp<std::int64_t>(targets, 0, most_columns));
  if (outputs == 0 || coefficients.size() != outputs * width || (!intercepts.empty() && intercepts.size() != outputs))
    refuse("LinearRegressor with {} coefficients for {} columns and {} targets", coefficients.size(), width, targets);
  OnnxTensor made;
  made.dense = std::make_shared<PendingDense>();
  made.dense->input = all;
  made.dense->weights.resize(outputs * width);
  made.dense->bias.assign(outputs, 0.0F);
  for (std::size_t k = 0; k < outputs; ++k) {
    if (!intercepts.empty()) made.dense->bias[k] = to_float(intercepts[k]);
    for (std::size_t i = 0; i < width; ++i)
      made.dense->weights[i * outputs + k] = to_float(coefficients[k * width + i]);
  }
  give(node, post_transform(std::move(made), attributes.text("post_transform", "NONE"), "LinearRegressor"));
}

// The trees over the columns of `x` and those that tell whether one equals a number.
OnnxTensor OnnxGraphCompiler::sums_of_trees(const OnnxTensor& x, OnnxTrees read) {
  OnnxTensor tested = x;
  for (const OnnxTrees::Equality& equality : read.equalities) {
    const OnnxColumn column = columns(tested)[equality.column];
    Formula formula;
    formula.push(column).push(equality.value).then(Op::equal);
    if (equality.missing_is_true) formula.push(column).then(Op::is_missing).then(Op::logical_or);
    tested.columns.push_back(finish(formula, "equal"));
  }
  read.trees.input = block(tested);
  std::vector<std::string> names;
  for (std::uint32_t k = 0; k < read.trees.outputs; ++k) names.push_back(fmt::format("sum[{}]", k));
  return of_value(add(std::move(read.trees), "trees", names));
}

void OnnxGraphCompiler::tree_regressor(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  const bool version_5 = node.op_type() == "TreeEnsemble";
  OnnxTensor& x = input(node, 0);
  OnnxTrees read = read_onnx_trees(node, columns(x).size());
  std::string aggregate = attributes.text("aggregate_function", "SUM"),
              transform = attributes.text("post_transform", "NONE");
  if (version_5) {
    constexpr std::string_view aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    constexpr std::string_view transforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    aggregate = aggregates[std::clamp<std::int64_t>(attributes.integer("aggregate_function", 1), 0, 3)];
    transform = transforms[std::clamp<std::int64_t>(attributes.integer("post_transform", 0), 0, 4)];
  }
  if (aggregate != "SUM" && aggregate != "AVERAGE") refuse("{} of trees", aggregate);
  read.trees.aggregate = aggregate == "SUM" ? model::Trees::Aggregate::sum : model::Trees::Aggregate::mean;
  for (const double base : attributes.numbers("base_values")) read.trees.base.push_back(to_float(base));
  OnnxTensor sums = sums_of_trees(x, std::move(read));
  give(node, post_transform(std::move(sums), transform, node.op_type()));
}

// ONNX Runtime's reading: with two classes and weights of one of them only, the sum belongs to the second class; the
// first gets 1 - sum where no weight is negative, else -sum.
void OnnxGraphCompiler::tree_classifier(const onnx::Node& node) {
  const OnnxAttributes attributes(node);
  OnnxTensor& x = input(node, 0);
  OnnxTrees read = read_onnx_trees(node, columns(x).size());
  for (const double base : attributes.numbers("base_values")) read.trees.base.push_back(to_float(base));
  if (read.single_class && read.trees.base.size() > 1)
    refuse("TreeEnsembleClassifier of one class with two base values");
  const bool single_class = read.single_class, no_negative_weight = read.no_negative_weight;
  OnnxTensor sums = sums_of_trees(x, std::move(read));
  const std::string transform = attributes.text("post_transform", "NONE");
  if (!single_class) return give(node, post_transform(std::move(sums), transform, "TreeEnsembleClassifier"), 1);
  if (transform == "LOGISTIC") return give(node, link(sums, model::Link::Kind::sigmoid, "TreeEnsembleClassifier"), 1);
  if (transform != "NONE" || !no_negative_weight)
    refuse("TreeEnsembleClassifier of one class with post_transform {}", transform);
  give(node, link(sums, model::Link::Kind::complement, "TreeEnsembleClassifier"), 1);
}

}  // namespace slipway::package
