// The Model: a small graph of typed operators from raw columns to scores. Plain data, made only through ModelBuilder,
// which checks it. This is what every learner produces and every later stage consumes; its only form on disk is ONNX.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/operators.hpp>

namespace slipway::model {

enum class InputKind : std::uint8_t { number, text, time };
std::string_view input_kind_name(InputKind kind);

// What to do with a value that can be read but lies outside what training saw.
enum class OutOfRange : std::uint8_t { pass, clamp, reject };

// One raw column as the user knows it, pinned at training.
struct Input {
  std::string name;
  InputKind kind = InputKind::number;
  std::string unit = {};                            // free text, "" if unknown
  std::optional<float> minimum = {}, maximum = {};  // numbers: smallest and largest training value
  std::vector<std::string> categories = {};  // text: those seen in training (up to 10,000), sorted; empty = not pinned
  bool missing_allowed = true;               // false: a row without this field is refused when serving
  OutOfRange out_of_range = OutOfRange::pass;  // counted always
};

enum class ValueKind : std::uint8_t { numbers, text, time };

// One block of columns in the graph. Values 0 .. inputs.size()-1 are the inputs themselves, width 1 each; value
// inputs.size() + k is the output of operator k.
struct Value {
  std::string name;
  ValueKind kind = ValueKind::numbers;
  std::vector<std::string> columns;  // one name per column; its length is the width
  std::size_t width() const { return columns.size(); }
};

enum class Task : std::uint8_t { binary, multiclass, regression };
std::string_view task_name(Task task);

struct Model {
  std::string name;
  Task task = Task::binary;
  std::string target;                // name of the target column
  std::vector<std::string> classes;  // labels as in the data; binary: [negative, positive]; regression: empty
  std::vector<Input> inputs;
  std::vector<Value> values;
  std::vector<Operator> operators;  // in order of evaluation
  ValueId scores = 0;               // probabilities (n x classes), or the prediction (n x 1)
  ValueId label = 0;                // class index (Decide's output); for regression equal to scores
  // Free text that travels with the model: "schema digest", "training data digest", "created by", ... Keys do not begin
  // with "slipway.".
  std::map<std::string, std::string> metadata;

  std::size_t score_width() const { return values[scores].width(); }
};

// Builds a Model step by step. Every call checks what it is given (known values, kinds, widths, ranges, finite numbers,
// tree shape); the first error is kept and returned by build(), so that calls can be chained without looking at each.
class ModelBuilder {
 public:
  explicit ModelBuilder(std::string name);
  // Inputs come first, before any operator. Names are distinct.
  ValueId input(Input input);
  // Adds an operator; its `output` field is overwritten with a fresh value named `name` with these column names
  // (for Decide and single-column outputs pass one name). Returns that value's id.
  ValueId add(Operator op, std::string name, std::vector<std::string> columns);
  void set_task(Task task, std::string target, std::vector<std::string> classes);
  void set_outputs(ValueId scores, ValueId label);
  void set_metadata(std::string key, std::string value);
  // The columns of a value made so far.
  const Value& value(ValueId id) const;
  // What has been built so far, checked or not; for fitting later steps on the output of earlier ones.
  const Model& so_far() const { return model_; }
  std::size_t input_count() const { return model_.inputs.size(); }
  Result<Model> build() &&;

 private:
  void fail(std::string message);
  Model model_;
  std::optional<Error> error_;
};

// All the checks of the builder over a finished Model (used by readers of outside files).
Status validate(const Model& model);

// For every column of `value`: the inputs it is computed from, as ascending indices into Model::inputs. Explanations
// use it to map encoded features back to the columns the user knows.
std::vector<std::vector<std::uint32_t>> column_sources(const Model& model, ValueId value);

}  // namespace slipway::model
