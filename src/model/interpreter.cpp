#include <fmt/format.h>

#include <slipway/model/interpreter.hpp>
#include <slipway/model/match.hpp>
#include <slipway/model/terms.hpp>

#include "expression_evaluation.hpp"

namespace slipway::model {

namespace {

// Everything known of a value while rows run through the graph.
struct Known {
  Block numbers;
  TextView text;
  TimeView time;
};

std::string_view text_at(const TextView& view, std::size_t row) {
  const std::int32_t code = view.codes[row];
  return code < 0 ? std::string_view{} : view.dictionary[static_cast<std::size_t>(code)];
}

// The leaf row that one row of numbers falls into.
std::uint32_t find_leaf(const Trees& op, std::uint32_t root, const Block& x, std::size_t row) {
  std::uint32_t node = root;
  while (op.feature[node] != Trees::leaf) {
    const float value = x.at(row, static_cast<std::size_t>(op.feature[node]));
    const bool left = std::isnan(value) ? op.missing_left[node] == 1 : value <= op.threshold[node];
    node = left ? op.left[node] : op.right[node];
  }
  return op.left[node];
}

// The output block of one operator.
class Evaluation {
 public:
  Evaluation(const std::vector<Known>& values, std::size_t rows, std::size_t width)
      : values_(values), rows_(rows), width_(width) {}

  Block operator()(const Fill& op) const {
    const Block& x = values_[op.input].numbers;
    Block y(rows_, width_);
    for (std::size_t c = 0; c < x.width; ++c)
      for (std::size_t r = 0; r < rows_; ++r) {
        const bool missing = std::isnan(x.at(r, c));
        y.column(c)[r] = missing ? op.replacement[c] : x.at(r, c);
        if (op.indicator) y.column(x.width + c)[r] = missing ? 1.0F : 0.0F;
      }
    return y;
  }

  Block operator()(const Lookup& op) const {
    Block y(rows_, width_);
    for (std::size_t r = 0; r < rows_; ++r) {
      const std::string_view text = text_at(values_[op.input].text, r);
      const auto found = std::lower_bound(op.keys.begin(), op.keys.end(), text);
      const bool known = found != op.keys.end() && *found == text;
      const float* row = text.empty() ? op.missing.data()
                         : known      ? op.rows.data() + static_cast<std::size_t>(found - op.keys.begin()) * width_
                                      : op.unseen.data();
      for (std::size_t c = 0; c < width_; ++c) y.column(c)[r] = row[c];
    }
    return y;
  }

  Block operator()(const Affine& op) const {
    const Block& x = values_[op.input].numbers;
    Block y(rows_, width_);
    for (std::size_t c = 0; c < width_; ++c)
      for (std::size_t r = 0; r < rows_; ++r) {
        const float product = x.at(r, c) * op.scale[c];
        y.column(c)[r] = product + op.shift[c];
      }
    return y;
  }

  Block operator()(const Piecewise& op) const {
    const Block& x = values_[op.input].numbers;
    Block y(rows_, 1);
    for (std::size_t r = 0; r < rows_; ++r) y.values[r] = piecewise(op, x.values[r]);
    return y;
  }

  Block operator()(const Expression& op) const {
    Block y(rows_, 1);
    std::vector<std::vector<float>> numbers(op.inputs.size());
    std::vector<FormulaOperand> operands(op.inputs.size());
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t i = 0; i < op.inputs.size(); ++i) {
        const Known& known = values_[op.inputs[i]];
        numbers[i].resize(known.numbers.width);
        for (std::size_t c = 0; c < known.numbers.width; ++c) numbers[i][c] = known.numbers.at(r, c);
        operands[i] = {numbers[i], known.time.empty() ? 0 : known.time[r]};
      }
      y.values[r] = evaluate_expression(op.nodes, operands);
    }
    return y;
  }

  Block operator()(const Match& op) const {
    Block y(rows_, 1);
    const TextPattern pattern(op);
    for (std::size_t r = 0; r < rows_; ++r) y.values[r] = pattern.test(text_at(values_[op.input].text, r));
    return y;
  }

  Block operator()(const Foreign&) const { return {}; }  // refused before
  Block operator()(const Terms& op) const {
    Block y(rows_, width_);
    const TermWeigher weigher(op);
    std::vector<float> row(width_);
    for (std::size_t r = 0; r < rows_; ++r) {
      weigher.weigh(text_at(values_[op.input].text, r), row);
      for (std::size_t c = 0; c < width_; ++c) y.column(c)[r] = row[c];
    }
    return y;
  }

  Block operator()(const Dense& op) const {
    const Block& x = values_[op.input].numbers;
    Block y(rows_, width_);
    for (std::size_t r = 0; r < rows_; ++r)
      for (std::size_t j = 0; j < width_; ++j) {
        float sum = 0;
        for (std::size_t i = 0; i < x.width; ++i) {
          const float product = x.at(r, i) * op.weights[i * width_ + j];
          sum = sum + product;
        }
        y.column(j)[r] = activate(op.activation, sum + op.bias[j]);
      }
    return y;
  }

  Block operator()(const Trees& op) const {
    const Block& x = values_[op.input].numbers;
    Block y(rows_, width_);
    for (std::size_t r = 0; r < rows_; ++r) {
      std::vector<float> sum(op.outputs, 0.0F);
      for (const std::uint32_t root : op.roots) {
        const std::size_t row = find_leaf(op, root, x, r);
        for (std::size_t k = 0; k < op.outputs; ++k) sum[k] = sum[k] + op.leaf_values[row * op.outputs + k];
      }
      for (std::size_t k = 0; k < op.outputs; ++k) {
        if (op.aggregate == Trees::Aggregate::mean) sum[k] = sum[k] / static_cast<float>(op.roots.size());
        if (!op.base.empty()) sum[k] = sum[k] + op.base[k];
        y.column(k)[r] = sum[k];
      }
    }
    return y;
  }

  Block operator()(const Join& op) const {
    Block y(rows_, width_);
    if (op.kind == Join::Kind::concatenate) {
      std::size_t next = 0;
      for (const ValueId id : op.inputs)
        for (std::size_t c = 0; c < values_[id].numbers.width; ++c)
          std::ranges::copy(values_[id].numbers.column(c), y.column(next++).begin());
      return y;
    }
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      float sum = op.weights[0] * values_[op.inputs[0]].numbers.values[i];
      for (std::size_t k = 1; k < op.inputs.size(); ++k) {
        const float product = op.weights[k] * values_[op.inputs[k]].numbers.values[i];
        sum = sum + product;
      }
      y.values[i] = sum;
    }
    return y;
  }

  Block operator()(const Link& op) const {
    const Block& x = values_[op.input].numbers;
    Block y(rows_, width_);
    for (std::size_t r = 0; r < rows_; ++r) {
      std::vector<float> row(x.width);
      for (std::size_t c = 0; c < x.width; ++c) row[c] = x.at(r, c);
      const std::vector<float> linked = link(op.kind, row);
      for (std::size_t c = 0; c < width_; ++c) y.column(c)[r] = linked[c];
    }
    return y;
  }

  Block operator()(const Decide& op) const {
    const Block& x = values_[op.input].numbers;
    Block y(rows_, 1);
    for (std::size_t r = 0; r < rows_; ++r) {
      if (x.width == 2) {
        y.values[r] = x.at(r, 1) >= op.threshold ? 1.0F : 0.0F;
        continue;
      }
      std::size_t best = 0;
      for (std::size_t c = 1; c < x.width; ++c)
        if (missing_is_lowest(x.at(r, c)) > missing_is_lowest(x.at(r, best))) best = c;
      y.values[r] = static_cast<float>(best);
    }
    return y;
  }

 private:
  static float missing_is_lowest(float x) { return std::isnan(x) ? -std::numeric_limits<float>::infinity() : x; }

  static float piecewise(const Piecewise& op, float x) {
    if (std::isnan(x)) return x;
    std::size_t i = 0;
    while (i + 1 < op.at.size() && x >= op.at[i + 1]) ++i;
    if (op.kind == Piecewise::Kind::step) return op.y[i];
    const float clamped = std::min(std::max(x, op.at.front()), op.at.back());
    const bool last = i + 1 == op.at.size();
    const float width = last ? 1.0F : op.at[i + 1] - op.at[i];
    const float rise = last ? 0.0F : op.y[i + 1] - op.y[i];
    const float share = (clamped - op.at[i]) / width;
    const float product = share * rise;
    return op.y[i] + product;
  }

  static float activate(Dense::Activation activation, float x) {
    switch (activation) {
      case Dense::Activation::identity:
        return x;
      case Dense::Activation::relu:
        return x < 0 ? 0.0F : x;
      case Dense::Activation::tanh:
        return std::tanh(x);
      case Dense::Activation::sigmoid:
        return 1.0F / (1.0F + std::exp(-x));
    }
    return x;
  }

  static std::vector<float> link(Link::Kind kind, std::vector<float> row) {
    switch (kind) {
      case Link::Kind::identity:
        return row;
      case Link::Kind::complement:
        return {1.0F - row[0], row[0]};
      case Link::Kind::sigmoid: {
        const float p = 1.0F / (1.0F + std::exp(-row[0]));
        return {1.0F - p, p};
      }
      case Link::Kind::softmax: {
        float largest = row[0];
        for (const float x : row) largest = x > largest ? x : largest;
        float sum = 0;
        for (float& x : row) {
          x = std::exp(x - largest);
          sum = sum + x;
        }
        for (float& x : row) x = x / sum;
        return row;
      }
      case Link::Kind::exponential:
        for (float& x : row) x = std::exp(x);
        return row;
      case Link::Kind::normalise: {
        float sum = 0;
        for (const float x : row) sum = sum + x;
        for (float& x : row) x = x / sum;
        return row;
      }
    }
    return row;
  }

  const std::vector<Known>& values_;
  std::size_t rows_;
  std::size_t width_;
};

Status check_codes(std::span<const Input> inputs, const RowBatch& batch) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (const auto* text = std::get_if<TextView>(&batch.columns[i]))
      for (std::size_t row = 0; row < text->codes.size(); ++row)
        if (text->codes[row] < -1 || text->codes[row] >= static_cast<std::int64_t>(text->dictionary.size()))
          return invalid_input(fmt::format("input '{}', row {}: code {} of {}", inputs[i].name, row, text->codes[row],
                                           text->dictionary.size()));
  return {};
}

// Which operators the wanted values need.
std::vector<std::uint8_t> needed_operators(std::size_t inputs, std::span<const Operator> operators,
                                           std::span<const ValueId> wanted) {
  std::vector<std::uint8_t> needed(operators.size(), 0);
  for (const ValueId id : wanted)
    if (id >= inputs) needed[id - inputs] = 1;
  for (std::size_t i = operators.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const ValueId id : operator_inputs(operators[i]))
      if (id >= inputs) needed[id - inputs] = 1;
  }
  return needed;
}

Result<std::vector<Known>> run(std::span<const Input> inputs, std::span<const Value> values,
                               std::span<const Operator> operators, const RowBatch& batch,
                               std::span<const ValueId> wanted) {
  for (const ValueId id : wanted)
    if (id >= values.size() || id >= inputs.size() + operators.size())
      return invalid_input(fmt::format("value {} of {}", id, values.size()));
  SLIPWAY_CHECK(check_batch(inputs, batch));
  SLIPWAY_CHECK(check_codes(inputs, batch));
  std::vector<Known> known(values.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (const auto* numbers = std::get_if<NumberView>(&batch.columns[i])) {
      known[i].numbers = Block(batch.rows, 1);
      std::ranges::copy(*numbers, known[i].numbers.values.begin());
    } else if (const auto* text = std::get_if<TextView>(&batch.columns[i])) {
      known[i].text = *text;
    } else {
      known[i].time = std::get<TimeView>(batch.columns[i]);
    }
  }
  const std::vector<std::uint8_t> needed = needed_operators(inputs.size(), operators, wanted);
  for (std::size_t i = 0; i < operators.size(); ++i)
    if (needed[i] && std::holds_alternative<Foreign>(operators[i]))
      return invalid_input("another tool's model runs in ONNX Runtime, not in the interpreter");
  for (std::size_t i = 0; i < operators.size(); ++i)
    if (needed[i]) {
      const std::size_t id = inputs.size() + i;
      known[id].numbers = std::visit(Evaluation(known, batch.rows, values[id].width()), operators[i]);
    }
  return known;
}

}  // namespace

Result<Interpretation> interpret(const Model& model, const RowBatch& batch) {
  const ValueId wanted[] = {model.scores, model.label};
  SLIPWAY_TRY(auto known, run(model.inputs, model.values, model.operators, batch, wanted));
  return Interpretation{known[model.scores].numbers, known[model.label].numbers.values};
}

Result<Block> evaluate_value(std::span<const Input> inputs, std::span<const Value> values,
                             std::span<const Operator> operators, const RowBatch& batch, ValueId value) {
  if (value < values.size() && values[value].kind != ValueKind::numbers)
    return invalid_input(fmt::format("'{}' is no block of numbers", values[value].name));
  SLIPWAY_TRY(auto known, run(inputs, values, operators, batch, std::span(&value, 1)));
  return std::move(known[value].numbers);
}

Result<Block> evaluate_value(const Model& model, const RowBatch& batch, ValueId value) {
  return evaluate_value(model.inputs, model.values, model.operators, batch, value);
}

}  // namespace slipway::model
