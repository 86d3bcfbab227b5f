#include "tensor_operators.hpp"

#include <slipway/model/match.hpp>

namespace slipway::package {

namespace {

constexpr std::size_t most_compared_keys = 64;

std::int64_t size_of(const auto& list) { return static_cast<std::int64_t>(list.size()); }

class TensorOperatorWriter {
 public:
  TensorOperatorWriter(TensorGraph graph, const model::Model& model, const std::vector<std::string>& inputs)
      : graph_(std::move(graph)), model_(model), inputs_(inputs) {}

  std::string operator()(const model::Fill& op) {
    const std::string missing = graph_.add("IsNan", "missing", {inputs_[0]});
    const std::string replacement = graph_.floats("replacement", {1, size_of(op.replacement)}, op.replacement);
    const std::string filled = graph_.add("SelectV2", "filled", {missing, replacement, inputs_[0]});
    if (!op.indicator) return filled;
    const std::string both[] = {filled, graph_.cast("indicator", missing, tensor_bool, tensor_float)};
    return graph_.concatenate("both", both, tensor_float, 1);
  }

  // The table's rows: unseen, the keys, missing.
  std::string operator()(const model::Lookup& op) {
    const std::int64_t keys = size_of(op.keys), width = size_of(op.unseen);
    std::vector<float> rows = op.unseen;
    rows.insert(rows.end(), op.rows.begin(), op.rows.end());
    rows.insert(rows.end(), op.missing.begin(), op.missing.end());
    std::vector<std::string> texts = op.keys;
    texts.emplace_back();
    std::string row;
    if (texts.size() <= most_compared_keys) {
      std::vector<std::int32_t> numbers(texts.size());
      std::iota(numbers.begin(), numbers.end(), 1);
      const std::string column = graph_.expand("column", inputs_[0], tensor_string, 1);
      const std::string is_key =
          graph_.equal("is_key", column, graph_.strings("keys", {1, keys + 1}, texts), tensor_string);
      const std::string one_hot = graph_.cast("one_hot", is_key, tensor_bool, tensor_int32);
      const std::string numbered =
          graph_.add("Mul", "numbered", {one_hot, graph_.int32s("numbers", {1, keys + 1}, numbers)}, tensor_int32);
      row = graph_.sum("row", numbered, tensor_int32, false);
    } else {
      const std::string key = graph_.find_text("key", inputs_[0], texts, -1);
      const std::string shifted = graph_.add("AddV2", "shifted", {key, graph_.int64("one", 1)}, tensor_int64);
      row = graph_.cast("row", shifted, tensor_int64, tensor_int32);
    }
    return graph_.gather("gather", graph_.floats("rows", {keys + 2, width}, rows), tensor_float, row, tensor_int32, 0);
  }

  std::string operator()(const model::Affine& op) {
    const std::string scaled =
        graph_.add("Mul", "scaled", {inputs_[0], graph_.held_floats("scale", {1, size_of(op.scale)}, op.scale)});
    return graph_.add("AddV2", "shifted", {scaled, graph_.held_floats("shift", {1, size_of(op.shift)}, op.shift)});
  }

  // The segment's number is how many points behind the first x has reached.
  std::string operator()(const model::Piecewise& op) {
    const std::int64_t points = size_of(op.at);
    const std::string missing = graph_.add("IsNan", "missing", {inputs_[0]});
    const std::string x = graph_.add("SelectV2", "x", {missing, graph_.scalar("zero", 0), inputs_[0]});
    std::string value;
    if (points == 1) {
      value = graph_.floats("value", {1, 1}, op.y);
    } else {
      const std::int32_t as_row[] = {1, -1}, as_column[] = {-1, 1};
      const std::string row = graph_.reshape("x/row", x, tensor_float, graph_.int32s("x/row/shape", {2}, as_row));
      const std::string inner = graph_.floats("inner", {1, points - 1}, std::span(op.at).subspan(1));
      const std::string reached =
          graph_.add("UpperBound", "reached", {inner, row}, {{"T", tensor_float}, {"out_type", tensor_int32}});
      const std::string segment =
          graph_.reshape("segment", reached, tensor_int32, graph_.int32s("segment/shape", {2}, as_column));
      const auto look_up = [&](std::string_view part, std::span<const float> list) {
        const std::string table = graph_.floats(std::string(part) + "/table", {points}, list);
        return graph_.gather(part, table, tensor_float, segment, tensor_int32, 0);
      };
      value = look_up("y", op.y);
      if (op.kind == model::Piecewise::Kind::linear) {
        std::vector<float> width(op.at.size(), 1.0F), rise(op.at.size(), 0.0F);
        for (std::size_t i = 0; i + 1 < op.at.size(); ++i) {
          width[i] = op.at[i + 1] - op.at[i];
          rise[i] = op.y[i + 1] - op.y[i];
        }
        const std::string above = graph_.add("Maximum", "above", {x, graph_.scalar("lowest", op.at.front())});
        const std::string clamped = graph_.add("Minimum", "clamped", {above, graph_.scalar("highest", op.at.back())});
        const std::string past = graph_.add("Sub", "past", {clamped, look_up("start", op.at)});
        const std::string share = graph_.add("RealDiv", "share", {past, look_up("width", width)});
        const std::string climb = graph_.add("Mul", "climb", {share, look_up("rise", rise)});
        value = graph_.add("AddV2", "sum", {value, climb});
      }
    }
    return graph_.add("SelectV2", "result", {missing, inputs_[0], value});
  }

  std::string operator()(const model::Expression& op) { return write_tensor_expression(graph_, op, inputs_); }
  std::string operator()(const model::Foreign&) { return ""; }  // refused before
  std::string operator()(const model::Match& op) {
    const std::string matches = graph_.add("StaticRegexFullMatch", "matches", {inputs_[0]},
                                           {{"pattern", std::string_view(regular_expression(op))}});
    const std::string value = graph_.cast("value", matches, tensor_bool, tensor_float);
    const std::string missing = graph_.equal("missing", inputs_[0], graph_.text("empty", ""), tensor_string);
    const std::string none = graph_.scalar("missing/number", std::numeric_limits<float>::quiet_NaN());
    return graph_.expand("result", graph_.add("SelectV2", "chosen", {missing, none, value}), tensor_float, 1);
  }
  std::string operator()(const model::Terms& op) { return write_tensor_terms(graph_, op, inputs_[0]); }
  std::string operator()(const model::Trees& op) {
    return write_tensor_trees(graph_, op, inputs_[0], model_.values[op.input].width());
  }

  std::string operator()(const model::Dense& op) {
    const std::int64_t outputs = size_of(op.bias);
    const std::string weights = graph_.floats("weights", {size_of(op.weights) / outputs, outputs}, op.weights);
    const std::string product = graph_.add("MatMul", "product", {inputs_[0], weights},
                                           {{"T", tensor_float}, {"transpose_a", false}, {"transpose_b", false}});
    const std::string sum = graph_.add("AddV2", "sum", {product, graph_.floats("bias", {1, outputs}, op.bias)});
    switch (op.activation) {
      case model::Dense::Activation::identity:
        break;
      case model::Dense::Activation::relu: {
        // Relu may turn missing into 0.
        const std::string negative = graph_.add("Less", "negative", {sum, graph_.scalar("zero", 0)});
        return graph_.add("SelectV2", "relu", {negative, graph_.scalar("floor", 0), sum});
      }
      case model::Dense::Activation::tanh:
        return graph_.add("Tanh", "tanh", {sum});
      case model::Dense::Activation::sigmoid:
        return graph_.add("Sigmoid", "sigmoid", {sum});
    }
    return sum;
  }

  std::string operator()(const model::Join& op) {
    if (op.kind == model::Join::Kind::concatenate) {
      return inputs_.size() == 1 ? graph_.add("Identity", "same", {inputs_[0]})
                                 : graph_.concatenate("concatenate", inputs_, tensor_float, 1);
    }
    std::string sum;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::string part = "weighted_" + std::to_string(i);
      const std::string product =
          graph_.add("Mul", part, {inputs_[i], graph_.held_scalar(part + "/weight", op.weights[i])});
      sum = i == 0 ? product : graph_.add("AddV2", "sum_" + std::to_string(i), {sum, product});
    }
    return sum;
  }

  std::string operator()(const model::Link& op) {
    switch (op.kind) {
      case model::Link::Kind::identity:
        return graph_.add("Identity", "identity", {inputs_[0]});
      case model::Link::Kind::complement:
        return pair(inputs_[0]);
      case model::Link::Kind::sigmoid:
        return pair(in_double("Sigmoid", "sigmoid"));
      case model::Link::Kind::softmax:
        return in_double("Softmax", "softmax");
      case model::Link::Kind::exponential:
        return graph_.add("Exp", "exponential", {inputs_[0]});
      case model::Link::Kind::normalise:
        return graph_.add("RealDiv", "normalise", {inputs_[0], graph_.sum("total", inputs_[0], tensor_float, true)});
    }
    return inputs_[0];
  }

  std::string operator()(const model::Decide& op) {
    std::string index;
    if (model_.values[op.input].width() == 2) {
      const std::string positive = graph_.column("positive", inputs_[0], 1);
      index = graph_.add("GreaterEqual", "reached", {positive, graph_.scalar("threshold", op.threshold)});
      return graph_.cast("index", index, tensor_bool, tensor_float);
    }
    const std::string missing = graph_.add("IsNan", "missing", {inputs_[0]});
    const float lowest = -std::numeric_limits<float>::infinity();
    const std::string known = graph_.add("SelectV2", "known", {missing, graph_.scalar("lowest", lowest), inputs_[0]});
    const std::string largest =
        graph_.add("ArgMax", "largest", {known, graph_.int32("largest/axis", 1)},
                   {{"T", tensor_float}, {"Tidx", tensor_int32}, {"output_type", tensor_int32}});
    return graph_.cast("index", graph_.expand("column", largest, tensor_int32, 1), tensor_int32, tensor_float);
  }

 private:
  // TensorFlow's own float32 exp is off by some 1e-7, which isotonic calibration behind it makes a hundred times as
  // much.
  std::string in_double(std::string_view operation, std::string_view part) {
    const std::string wide = graph_.cast(std::string(part) + "/wide", inputs_[0], tensor_float, tensor_double);
    const std::string made = graph_.add(operation, std::string(part) + "/double", {wide}, tensor_double);
    return graph_.cast(part, made, tensor_double, tensor_float);
  }

  std::string pair(const std::string& p) {
    const std::string both[] = {graph_.add("Sub", "rest", {graph_.scalar("one", 1), p}), p};
    return graph_.concatenate("pair", both, tensor_float, 1);
  }

  TensorGraph graph_;
  const model::Model& model_;
  const std::vector<std::string>& inputs_;
};

}  // namespace

std::string write_tensor_operator(TensorGraph graph, const model::Model& model, const model::Operator& op,
                                  const std::vector<std::string>& inputs) {
  return std::visit(TensorOperatorWriter(std::move(graph), model, inputs), op);
}

}  // namespace slipway::package
