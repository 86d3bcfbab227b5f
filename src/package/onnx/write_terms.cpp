// Terms in standard operators (ai.onnx 20): there is no operator that cuts a text into words or characters, so the text
// is rewritten with blanks around what counts, character by character: StringSplit at the character, then a Loop that
// joins the pieces again. StringSplit at blanks and TfIdfVectorizer do the rest.
#include <slipway/model/terms.hpp>

#include "write_operators.hpp"

namespace slipway::package {

namespace {

using model::Terms;

// Bytes that no UTF-8 text has, so that they can stand for something else.
constexpr std::string_view blank_token = "\xf8";       // a blank that counts as a character
constexpr std::string_view end_token = "\xfe";         // behind every text, so that none is without tokens
constexpr std::string_view impossible_token = "\xfd";  // of terms that no text has

std::vector<std::string> code_points(std::string_view text) {
  std::vector<std::string> points;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xc0) == 0x80 && !points.empty()) {
      points.back() += c;
    } else {
      points.emplace_back(1, c);
    }
  }
  return points;
}

class TermsWriter {
 public:
  TermsWriter(PartWriter& writer, const Terms& op, const std::string& input)
      : writer_(writer), op_(op), input_(input) {}

  void run() {
    empty_ = writer_.texts("empty", {""});
    zero_ = writer_.integer("zero", 0);
    // One row more, so that there is one.
    const std::string flat =
        writer_.add("Reshape", "flat", {input_, writer_.integers("flat/shape", {1}, std::array<std::int64_t, 1>{-1})});
    onnx::Node* one_more = writer_.node("Concat", "one_more", {flat, empty_});
    set_attribute(*one_more, "axis", std::int64_t{0});
    onnx::Node* lower = writer_.node("StringNormalizer", "lower", {one_more->output(0)});
    set_attribute(*lower, "case_change_action", std::string_view("LOWER"));
    set_attribute(*lower, "is_case_sensitive", std::int64_t{1});
    set_attribute(*lower, "locale",
                  std::string_view("C"));  // ASCII letters only, and there on every host; the others below
    std::string text = lower->output(0);
    for (const auto& [upper, small] : upper_forms_in_terms(op_)) text = replace(text, upper, small);
    for (const auto& [character, written] : rewritten()) text = replace(text, character, written);
    if (op_.unit == Terms::Unit::word && op_.shortest_word > 1 && op_.maximum_length > 1) text = long_words(text);
    const std::string ended =
        writer_.add("StringConcat", "ended", {text, writer_.texts("end", {" " + std::string(end_token)})});
    onnx::Node* tokens = writer_.node("StringSplit", "tokens", {ended});
    tokens->add_output(writer_.full_name("tokens/count"));
    const std::string counts = count(tokens->output(0));
    const std::string first = writer_.integers("rows/first", {1}, std::array<std::int64_t, 1>{0}),
                      last = writer_.integers("rows/last", {1}, std::array<std::int64_t, 1>{-1});
    std::string value = writer_.add("Slice", "rows", {counts, first, last, first});
    value = weigh(value);
    normalise(value);
  }

 private:
  // What is put in place of which characters. Blanks are where texts are cut.
  std::vector<std::pair<std::string, std::string>> rewritten() const {
    std::vector<std::pair<std::string, std::string>> all;
    if (op_.unit == Terms::Unit::word) {
      for (char c = 1; c < 127; ++c) {
        const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!word && c != ' ') all.emplace_back(std::string(1, c), " ");
      }
      all.emplace_back("\x7f", " ");
      return all;
    }
    all.emplace_back(" ", " " + std::string(blank_token) + " ");
    std::set<std::string> known;
    for (const std::string& term : op_.terms)
      if (can_occur(op_, term))
        for (std::string& point : code_points(term)) known.insert(std::move(point));
    for (const std::string& point : known)
      if (point != " ") all.emplace_back(point, " " + point + " ");
    return all;
  }

  // The pieces between occurrences of a character, joined by another text.
  std::string replace(const std::string& text, const std::string& character, const std::string& by) {
    PartWriter part = writer_.inside(std::to_string(replaced_++));
    onnx::Node* split = part.node("StringSplit", "pieces", {text});
    set_attribute(*split, "delimiter", std::string_view(character));
    split->add_output(part.full_name("count"));
    const std::string pieces = split->output(0), count = split->output(1);
    onnx::Node* shape = part.node("Shape", "shape", {pieces});
    set_attribute(*shape, "start", std::int64_t{1});
    set_attribute(*shape, "end", std::int64_t{2});
    const std::string most = part.add("Squeeze", "most", {shape->output(0)});
    const std::string start = empty_like(part, text);
    const std::string separator = part.texts("by", {by});
    return fold(part, pieces, most, start, [&](PartWriter& inner, const Step& step) {
      const std::string later = inner.add("Greater", "later", {step.number, zero_});
      const std::string within = inner.add("Less", "within", {step.number, count});
      const std::string between =
          inner.add("Where", "between", {inner.add("And", "both", {later, within}), separator, empty_});
      const std::string longer = inner.add("StringConcat", "longer", {step.before, between});
      inner.add("StringConcat", "after", {longer, step.piece});
    });
  }

  // The words between blanks without the short ones, a blank in front of each: a run may reach over a word left out.
  std::string long_words(const std::string& text) {
    PartWriter part = writer_.inside("long");
    onnx::Node* split = part.node("StringSplit", "pieces", {text});
    split->add_output(part.full_name("count"));
    const std::string pieces = split->output(0);
    onnx::Node* shape = part.node("Shape", "shape", {pieces});
    set_attribute(*shape, "start", std::int64_t{1});
    set_attribute(*shape, "end", std::int64_t{2});
    const std::string most = part.add("Squeeze", "most", {shape->output(0)});
    const std::string start = empty_like(part, text);
    const std::string blank = part.texts("blank", {" "});
    // In code points, as RE2 counts them.
    const std::string pattern = ".{" + std::to_string(op_.shortest_word) + ",}";
    return fold(part, pieces, most, start, [&](PartWriter& inner, const Step& step) {
      onnx::Node* match = inner.node("RegexFullMatch", "long", {step.piece});
      set_attribute(*match, "pattern", std::string_view(pattern));
      const std::string is_long = match->output(0);
      const std::string added = inner.add("StringConcat", "added", {blank, step.piece});
      const std::string longer = inner.add("StringConcat", "longer", {step.before, added});
      inner.add("Where", "after", {is_long, longer, step.before});
    });
  }

  std::string empty_like(PartWriter& part, const std::string& text) {
    const std::string own = part.add("Equal", "own", {text, text});
    return part.add("Where", "start", {own, empty_, empty_});
  }

  // One turn of a Loop over the pieces of every text: its number, the texts made before it, and its pieces.
  struct Step {
    std::string number, before, piece;
  };

  // Runs through the columns of `pieces`; `write_step` writes the nodes of one turn, the last of them named "after".
  template <class WriteStep>
  static std::string fold(PartWriter& part, const std::string& pieces, const std::string& most,
                          const std::string& start, const WriteStep& write_step) {
    onnx::Node* loop = part.node("Loop", "joined", {most, "", start});
    onnx::Graph& body = set_graph(*loop, "body");
    body.set_name(part.full_name("body"));
    PartWriter inner(body, part.full_name("body/"), "");
    const auto port = [&](onnx::ValueInfo* info, std::string_view name, ElementType type, bool scalar) {
      info->set_name(inner.full_name(name));
      onnx::TensorType* tensor = info->mutable_type()->mutable_tensor_type();
      tensor->set_elem_type(type);
      if (scalar) tensor->mutable_shape();
      return inner.full_name(name);
    };
    const std::string step = port(body.add_input(), "step", element_int64, true);
    const std::string condition = port(body.add_input(), "condition", element_bool, true);
    const std::string before = port(body.add_input(), "before", element_string, false);
    inner.add("Identity", "go_on", {condition});
    onnx::Node* piece = inner.node("Gather", "piece", {pieces, step});
    set_attribute(*piece, "axis", std::int64_t{1});
    write_step(inner, {step, before, piece->output(0)});
    port(body.add_output(), "go_on", element_bool, true);
    port(body.add_output(), "after", element_string, false);
    return part.full_name("joined");
  }

  std::string count(const std::string& tokens) {
    // Terms by their number of tokens, as the operator wants them.
    std::map<std::size_t, std::vector<std::pair<std::vector<std::string>, std::int64_t>>> by_length;
    for (std::size_t i = 0; i < op_.terms.size(); ++i) {
      std::vector<std::string> parts;
      if (!can_occur(op_, op_.terms[i])) {
        parts.assign(op_.minimum_length, std::string(impossible_token) + std::to_string(i));
      } else if (op_.unit == Terms::Unit::character) {
        for (std::string& point : code_points(op_.terms[i]))
          parts.push_back(point == " " ? std::string(blank_token) : std::move(point));
      } else {
        std::string_view rest = op_.terms[i];
        for (std::size_t end = rest.find(' '); end != std::string_view::npos; end = rest.find(' ')) {
          parts.emplace_back(rest.substr(0, end));
          rest.remove_prefix(end + 1);
        }
        parts.emplace_back(rest);
      }
      const std::size_t length = parts.size();
      by_length[length].emplace_back(std::move(parts), static_cast<std::int64_t>(i));
    }
    onnx::Node* node = writer_.node("TfIdfVectorizer", "count", {tokens});
    const std::string made = node->output(0);
    set_attribute(*node, "mode", std::string_view("TF"));
    set_attribute(*node, "min_gram_length", std::int64_t{op_.minimum_length});
    set_attribute(*node, "max_gram_length", std::int64_t{op_.maximum_length});
    set_attribute(*node, "max_skip_count", std::int64_t{0});
    onnx::Attribute* starts = add_integers(*node, "ngram_counts");
    std::vector<std::int64_t> columns;
    std::vector<std::string> pool;
    for (std::size_t length = 1; length <= op_.maximum_length; ++length) {
      starts->add_ints(static_cast<std::int64_t>(pool.size()));
      for (auto& [parts, column] : by_length[length]) {
        pool.insert(pool.end(), parts.begin(), parts.end());
        columns.push_back(column);
      }
    }
    *add_integers(*node, "ngram_indexes")->mutable_ints() = {columns.begin(), columns.end()};
    onnx::Attribute* strings = add_strings(*node, "pool_strings");
    for (const std::string& one : pool) strings->add_strings(one);
    return made;
  }

  std::string weigh(std::string value) {
    if (op_.sublinear) {
      const std::string unit = writer_.scalar("sublinear/one", 1);
      const std::string logarithm =
          writer_.add("Log", "sublinear/logarithm", {writer_.add("Max", "sublinear/count", {value, unit})});
      const std::string damped = writer_.add("Add", "sublinear/damped", {unit, logarithm});
      const std::string occurs =
          writer_.add("Greater", "sublinear/occurs", {value, writer_.scalar("sublinear/zero", 0)});
      value = writer_.add("Where", "sublinear", {occurs, damped, value});
    }
    const auto width = static_cast<std::int64_t>(op_.weights.size());
    return writer_.add("Mul", "weighted", {value, writer_.floats("weights", {width}, op_.weights)});
  }

  // A row of zeros stays.
  void normalise(const std::string& value) {
    if (op_.norm == Terms::Norm::none) return;
    const bool squared = op_.norm == Terms::Norm::l2;
    const std::string parts =
        squared ? writer_.add("Mul", "norm/squares", {value, value}) : writer_.add("Abs", "norm/sizes", {value});
    std::string total = writer_.add("ReduceSum", "norm/total",
                                    {parts, writer_.integers("norm/axes", {1}, std::array<std::int64_t, 1>{1})});
    if (squared) total = writer_.add("Sqrt", "norm/root", {total});
    const std::string positive = writer_.add("Greater", "norm/positive", {total, writer_.scalar("norm/zero", 0)});
    const std::string divisor = writer_.add("Where", "norm/divisor", {positive, total, writer_.scalar("norm/one", 1)});
    writer_.add("Div", "normalised", {value, divisor});
  }

  PartWriter& writer_;
  const Terms& op_;
  const std::string& input_;
  std::string empty_, zero_;
  std::size_t replaced_ = 0;
};

}  // namespace

Status write_terms(PartWriter& writer, const Terms& op, const std::string& input) {
  TermsWriter(writer, op, input).run();
  return {};
}

}  // namespace slipway::package
