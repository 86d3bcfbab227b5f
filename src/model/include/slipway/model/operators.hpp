// The operators of a Model: plain data, one clear meaning each. Whoever fits something only makes operators; whoever
// runs, writes or explains something only reads them. The std::variant is closed, so the compiler points at every place
// that a new operator must be taught: reference interpreter, ONNX, engine, explanation.
//
// All arithmetic is float32, evaluated in the order given here, so that every engine agrees. A missing number is NaN
// and goes through arithmetic as IEEE 754 says; division by zero gives an infinity or NaN. exp, log, pow, tanh are the
// C library's float versions; runtimes that approximate them agree within 1e-6. All stored numbers are finite unless
// said otherwise. Text is UTF-8. The empty text counts as missing text everywhere, because ONNX has no other way to say
// it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slipway::model {

// Index into Model::values.
using ValueId = std::uint32_t;

// Missing numbers (NaN) become a constant, by column. With `indicator`, the output is twice as wide: the filled
// columns, then one column each that is 1 where the value was missing and 0 elsewhere.
struct Fill {
  ValueId input = 0;                    // numbers
  ValueId output = 0;                   // numbers, width w or 2w
  std::vector<float> replacement = {};  // one per column
  bool indicator = false;
};

// A text value becomes a row of numbers: one row per known key, one for unseen and one for missing.
// One-hot, ordinal and target encoding, rare merging (several keys with equal rows). Rows may hold NaN, for a category
// that shall count as missing further on.
struct Lookup {
  ValueId input = 0;                   // text, width 1
  ValueId output = 0;                  // numbers, width w
  std::vector<std::string> keys = {};  // distinct, sorted by bytes, none empty
  std::vector<float> rows = {};        // keys.size() x w, row-major
  std::vector<float> unseen = {};      // w
  std::vector<float> missing = {};     // w
};

// x * scale + shift, by column (two roundings: the product, then the sum).
struct Affine {
  ValueId input = 0;
  ValueId output = 0;
  std::vector<float> scale = {};
  std::vector<float> shift = {};
};

// One column through points: `step` gives y[i] for the largest i with x >= at[i] (y[0] below all); `linear`
// interpolates between points and is flat outside: with c = x clamped to [at[0], at[last]] and i as for step, y[i] + (c
// - at[i]) / (at[i + 1] - at[i]) * (y[i + 1] - y[i]), or y[last] + 0 for the last point. Missing stays missing.
// Neighbouring `at` and `y` must differ by less than the largest float.
struct Piecewise {
  enum class Kind : std::uint8_t { step, linear };
  ValueId input = 0;   // numbers, width 1
  ValueId output = 0;  // numbers, width 1
  Kind kind = Kind::linear;
  std::vector<float> at = {};  // strictly ascending, at least one
  std::vector<float> y = {};   // same length
};

// One node of a formula, in postfix order: operands come before their operator.
struct ExpressionNode {
  enum class Op : std::uint8_t {
    constant,  // pushes `constant` (NaN for missing)
    column,    // pushes column `column` of operand value `operand`
    add,
    subtract,
    multiply,
    divide,
    negate,
    absolute,
    square_root,
    exponential,
    logarithm,
    logarithm_1p,
    floor,
    ceiling,
    round_half_even,
    minimum,  // missing if a side is missing; the left one if both are equal
    maximum,  // likewise
    power,    // C's powf: power(x, 0) and power(1, x) are 1 even where x is missing
    modulo,   // x - y * floor(x / y)
    less,     // comparisons: 1 or 0; 0 if a side is missing, not_equal included
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    logical_and,  // nonzero is true; missing is false, so that logical_not of missing is 1
    logical_or,
    logical_not,
    select,      // pops otherwise, then, condition: condition nonzero and not missing ? then : otherwise
    is_missing,  // 1 where missing, else 0
    coalesce,    // pops fallback, value: the fallback where the value is missing
    // On a time operand (pushes from value `operand` directly; missing where the time is missing). In UTC.
    hour,     // 0 to 23
    weekday,  // Monday 0 to Sunday 6
    day,      // 1 to 31
    month,    // 1 to 12
    year,
    days_since_epoch,  // whole days since 1970-01-01, rounded down
    minute,            // 0 to 59
    second,            // 0 to 59
    // SQL's: comparisons are missing if a side is; of a missing truth, and is 0 if the other side is 0, or is 1 if the
    // other side is 1, and missing otherwise; not of missing is missing.
    sql_less,
    sql_less_equal,
    sql_greater,
    sql_greater_equal,
    sql_equal,
    sql_not_equal,
    sql_and,
    sql_or,
    sql_not,
  };
  static constexpr Op last_op = Op::sql_not;
  Op op = Op::constant;
  float constant = 0;
  std::uint32_t operand = 0;  // index into Expression::inputs
  std::uint32_t column = 0;
};

// "add", "round_half_even", ...: the name of the enumerator.
std::string_view expression_op_name(ExpressionNode::Op op);
// How many operands the node pops: 0 to 3.
int expression_op_arity(ExpressionNode::Op op);
// True for hour ... second: the node reads a time value.
bool is_time_op(ExpressionNode::Op op);
// True for sql_less ... sql_not_equal; `two_valued` is the comparison that says 0 where these are missing.
bool is_sql_comparison(ExpressionNode::Op op);
ExpressionNode::Op two_valued(ExpressionNode::Op comparison);

// A formula over columns of earlier values, giving one column. It reads at least one column.
struct Expression {
  std::vector<ValueId> inputs = {};  // numbers or times
  ValueId output = 0;                // numbers, width 1
  std::vector<ExpressionNode> nodes = {};
  std::string source = {};  // as the user wrote it
};

// Matrix product and bias, then an activation. output[j] = activation(sum over i ascending of x[i] * weights[i, j] +
// bias[j]); the sum starts at 0 and the bias is added last. relu keeps missing; sigmoid(x) = 1 / (1 + exp(-x)).
struct Dense {
  enum class Activation : std::uint8_t { identity, relu, tanh, sigmoid };
  ValueId input = 0;                // width n
  ValueId output = 0;               // width m
  std::vector<float> weights = {};  // n x m, row-major
  std::vector<float> bias = {};     // m
  Activation activation = Activation::identity;
};

// Decision trees over a block of numbers. A node tests x[feature] <= threshold: true goes left. A missing value goes
// left where missing_left is 1. The sum (in tree order, float32) or the mean (that sum divided by the number of trees)
// of the leaves' rows, plus base. At least one tree. ModelBuilder brings the arrays into one form: leaf_values has a
// row of its own for every leaf, in node order; at a leaf threshold, right and missing_left are 0; an empty cover
// becomes zeros.
struct Trees {
  enum class Aggregate : std::uint8_t { sum, mean };
  static constexpr std::int32_t leaf = -1;
  ValueId input = 0;
  ValueId output = 0;         // width = outputs
  std::uint32_t outputs = 1;  // numbers per leaf
  Aggregate aggregate = Aggregate::sum;
  std::vector<float> base = {};           // `outputs` numbers, added to the aggregate; may be empty for zeros
  std::vector<std::uint32_t> roots = {};  // first node of each tree; a tree's nodes are contiguous, root first
  // Per node. Children lie behind their parent, in the same tree.
  std::vector<std::int32_t> feature = {};  // column of the input, or `leaf`
  std::vector<float> threshold = {};       // finite or +inf; 0 at a leaf
  std::vector<std::uint32_t> left = {};    // node numbers; at a leaf `left` is its row in leaf_values and right is 0
  std::vector<std::uint32_t> right = {};
  std::vector<std::uint8_t> missing_left = {};  // 0 or 1
  std::vector<float> cover = {};                // training weight that reached the node (for explanations)
  std::vector<float> leaf_values = {};          // rows of `outputs` numbers
  std::size_t node_count() const { return feature.size(); }
};

// Columns of several blocks side by side, or a weighted sum of blocks of equal width, in the order given:
// ((w0 * x0) + w1 * x1) + w2 * x2.
struct Join {
  enum class Kind : std::uint8_t { concatenate, weighted_sum };
  std::vector<ValueId> inputs = {};
  ValueId output = 0;
  Kind kind = Kind::concatenate;
  std::vector<float> weights = {};  // weighted_sum: one per input
};

// From margins to scores. `complement` turns one probability p into the pair (1 - p, p); `sigmoid` one margin into that
// pair, p = 1 / (1 + exp(-x)); `softmax` a row of margins into a distribution: exp(x - largest) divided by the sum of
// these in column order; `exponential` is exp by column; `normalise` divides a row by its sum in column order (0 / 0 is
// NaN).
struct Link {
  enum class Kind : std::uint8_t { identity, complement, sigmoid, softmax, exponential, normalise };
  ValueId input = 0;
  ValueId output = 0;
  Kind kind = Kind::identity;
};

// Scores to a class: binary (two columns): class 1 if the second column is >= threshold, else class 0; more classes:
// the largest column, the first on ties. A missing score is never the larger one; a row of only missing scores gives
// class 0. Output is one column that holds the class index.
struct Decide {
  ValueId input = 0;
  ValueId output = 0;
  float threshold = 0.5F;
};

// Text to term weights (TF-IDF): the words or character runs of the input, each known one counted (with `sublinear` a
// count c > 0 becomes 1 + ln c), the count multiplied by its weight and the row divided by its norm (a row of zeros
// stays). Letters are made lower case first: those of ASCII, with `unicode_case` all of Unicode by its simple mapping
// (base/unicode.hpp). Words are the longest runs of ASCII letters, digits, underscores and
// bytes above 127; those of fewer than `shortest_word` code points are left out, and a run of several of the others is
// joined by one space. Character runs are runs of code points, blanks included. Missing text gives zeros. See
// terms.hpp.
struct Terms {
  enum class Unit : std::uint8_t { word, character };
  enum class Norm : std::uint8_t { none, l1, l2 };
  ValueId input = 0;   // text, width 1
  ValueId output = 0;  // numbers, width terms.size()
  Unit unit = Unit::word;
  std::uint8_t minimum_length = 1, maximum_length = 1;  // n-gram lengths
  std::vector<std::string> terms = {};                  // distinct, sorted
  std::vector<float> weights = {};
  Norm norm = Norm::l2;
  bool sublinear = false;
  std::uint8_t shortest_word = 1;  // unit word: 1 or more
  bool unicode_case = false;
};

// Text against one pattern: 1 where it holds, 0 where it does not, missing where the text is.
struct Match {
  enum class Kind : std::uint8_t { like, less, less_equal };
  static constexpr std::size_t longest = 200;  // characters of a pattern
  ValueId input = 0;                           // text, width 1
  ValueId output = 0;                          // numbers, width 1
  Kind kind = Kind::like;
  // like: SQL's pattern, in which % is any run of characters, _ any one, and \ takes the %, _ or \ behind it as itself.
  // less, less_equal: what the text is compared with, by bytes, which is by code points.
  std::string pattern = {};
  bool any_case = false;  // like: both sides in lower case, as Unicode's simple mapping has it
};

// Another tool's model that cannot be said with the operators above: an ONNX file, which ONNX Runtime runs. It takes
// the Model's inputs, each by its name or, for a port of several columns, side by side in their order (missing text is
// the empty string), and gives the float output named `scores`. The interpreter cannot run it, the engine can.
struct Foreign {
  std::vector<ValueId> inputs = {};  // all of the Model's inputs, in order
  ValueId output = 0;                // numbers
  std::string file = {};             // the ONNX file's bytes
  std::string scores = {};           // the name of the output that is read
};

using Operator =
    std::variant<Fill, Lookup, Affine, Piecewise, Expression, Terms, Dense, Trees, Join, Link, Decide, Foreign, Match>;

// "Fill", "Lookup", ...: the name of the alternative.
std::string_view operator_name(const Operator& op);
std::vector<ValueId> operator_inputs(const Operator& op);
ValueId operator_output(const Operator& op);

}  // namespace slipway::model
