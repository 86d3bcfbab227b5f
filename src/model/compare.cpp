#include <bit>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/model/compare.hpp>

namespace slipway::model {

namespace {

template <class T>
concept Range = requires(const T& value) {
  value.size();
  value[0];
}
&&!std::is_same_v<T, std::string>;

// Walks two values side by side and keeps the first difference.
class Differences {
 public:
  template <class T>
  void field(const std::string& path, const T& left, const T& right) {
    if (difference_) return;
    if constexpr (std::is_same_v<T, float>) {
      if (std::bit_cast<std::uint32_t>(left) != std::bit_cast<std::uint32_t>(right))
        differ(path, format_number(left), format_number(right));
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (left != right) differ(path, fmt::format("'{}'", left), fmt::format("'{}'", right));
    } else if constexpr (std::is_enum_v<T>) {
      if (left != right) differ(path, std::to_string(static_cast<int>(left)), std::to_string(static_cast<int>(right)));
    } else if constexpr (std::is_same_v<T, ExpressionNode>) {
      field(path + ".op", left.op, right.op);
      field(path + ".constant", left.constant, right.constant);
      field(path + ".operand", left.operand, right.operand);
      field(path + ".column", left.column, right.column);
    } else if constexpr (Range<T>) {
      if (left.size() != right.size())
        return differ(path + " (size)", std::to_string(left.size()), std::to_string(right.size()));
      for (std::size_t i = 0; i < left.size() && !difference_; ++i)
        if (!same(left[i], right[i])) field(fmt::format("{}[{}]", path, i), left[i], right[i]);
    } else {
      if (left != right) differ(path, fmt::format("{}", left), fmt::format("{}", right));
    }
  }
  void optional(const std::string& path, const std::optional<float>& left, const std::optional<float>& right) {
    if (left.has_value() != right.has_value()) return differ(path, left ? "set" : "none", right ? "set" : "none");
    if (left) field(path, *left, *right);
  }
  void differ(const std::string& path, const std::string& left, const std::string& right) {
    if (!difference_) difference_ = fmt::format("{}: {}, {}", path, left, right);
  }
  std::optional<std::string> result() && { return std::move(difference_); }
  bool found() const { return difference_.has_value(); }

 private:
  // A quick look, so that the path is only spelt out where something differs.
  template <class T>
  static bool same(const T& left, const T& right) {
    if constexpr (std::is_same_v<T, float>) {
      return std::bit_cast<std::uint32_t>(left) == std::bit_cast<std::uint32_t>(right);
    } else if constexpr (std::is_integral_v<T> || std::is_same_v<T, std::string>) {
      return left == right;
    } else {
      return false;
    }
  }
  std::optional<std::string> difference_;
};

#define SLIPWAY_FIELD(name) differences.field(path + "." #name, left.name, right.name)

void compare(Differences& differences, const std::string& path, const Fill& left, const Fill& right) {
  SLIPWAY_FIELD(replacement);
  SLIPWAY_FIELD(indicator);
}
void compare(Differences& differences, const std::string& path, const Lookup& left, const Lookup& right) {
  SLIPWAY_FIELD(keys);
  SLIPWAY_FIELD(rows);
  SLIPWAY_FIELD(unseen);
  SLIPWAY_FIELD(missing);
}
void compare(Differences& differences, const std::string& path, const Affine& left, const Affine& right) {
  SLIPWAY_FIELD(scale);
  SLIPWAY_FIELD(shift);
}
void compare(Differences& differences, const std::string& path, const Piecewise& left, const Piecewise& right) {
  SLIPWAY_FIELD(kind);
  SLIPWAY_FIELD(at);
  SLIPWAY_FIELD(y);
}
void compare(Differences& differences, const std::string& path, const Expression& left, const Expression& right) {
  SLIPWAY_FIELD(nodes);
  SLIPWAY_FIELD(source);
}
void compare(Differences& differences, const std::string& path, const Terms& left, const Terms& right) {
  SLIPWAY_FIELD(unit);
  SLIPWAY_FIELD(minimum_length);
  SLIPWAY_FIELD(maximum_length);
  SLIPWAY_FIELD(terms);
  SLIPWAY_FIELD(weights);
  SLIPWAY_FIELD(norm);
  SLIPWAY_FIELD(sublinear);
  SLIPWAY_FIELD(shortest_word);
  SLIPWAY_FIELD(unicode_case);
}
void compare(Differences& differences, const std::string& path, const Match& left, const Match& right) {
  SLIPWAY_FIELD(kind);
  SLIPWAY_FIELD(pattern);
  SLIPWAY_FIELD(any_case);
}
void compare(Differences& differences, const std::string& path, const Dense& left, const Dense& right) {
  SLIPWAY_FIELD(weights);
  SLIPWAY_FIELD(bias);
  SLIPWAY_FIELD(activation);
}
void compare(Differences& differences, const std::string& path, const Trees& left, const Trees& right) {
  SLIPWAY_FIELD(outputs);
  SLIPWAY_FIELD(aggregate);
  SLIPWAY_FIELD(base);
  SLIPWAY_FIELD(roots);
  SLIPWAY_FIELD(feature);
  SLIPWAY_FIELD(threshold);
  SLIPWAY_FIELD(left);
  SLIPWAY_FIELD(right);
  SLIPWAY_FIELD(missing_left);
  SLIPWAY_FIELD(cover);
  SLIPWAY_FIELD(leaf_values);
}
void compare(Differences& differences, const std::string& path, const Join& left, const Join& right) {
  SLIPWAY_FIELD(kind);
  SLIPWAY_FIELD(weights);
}
void compare(Differences& differences, const std::string& path, const Link& left, const Link& right) {
  SLIPWAY_FIELD(kind);
}
void compare(Differences& differences, const std::string& path, const Decide& left, const Decide& right) {
  SLIPWAY_FIELD(threshold);
}

void compare(Differences& differences, const std::string& path, const Foreign& left, const Foreign& right) {
  differences.field(path + ".file (size)", left.file.size(), right.file.size());
  if (left.file != right.file) differences.differ(path + ".file", "one file", "another of the same size");
  SLIPWAY_FIELD(scores);
}

void compare(Differences& differences, const std::string& path, const Input& left, const Input& right) {
  SLIPWAY_FIELD(name);
  SLIPWAY_FIELD(kind);
  SLIPWAY_FIELD(unit);
  differences.optional(path + ".minimum", left.minimum, right.minimum);
  differences.optional(path + ".maximum", left.maximum, right.maximum);
  SLIPWAY_FIELD(categories);
  SLIPWAY_FIELD(missing_allowed);
  SLIPWAY_FIELD(out_of_range);
}
void compare(Differences& differences, const std::string& path, const Value& left, const Value& right) {
  SLIPWAY_FIELD(name);
  SLIPWAY_FIELD(kind);
  SLIPWAY_FIELD(columns);
}
void compare(Differences& differences, const std::string& path, const Operator& left, const Operator& right) {
  if (left.index() != right.index())
    return differences.differ(path, std::string(operator_name(left)), std::string(operator_name(right)));
  const std::string inner = fmt::format("{}.{}", path, operator_name(left));
  differences.field(inner + ".inputs", operator_inputs(left), operator_inputs(right));
  differences.field(inner + ".output", operator_output(left), operator_output(right));
  std::visit([&]<class T>(const T& one) { compare(differences, inner, one, std::get<T>(right)); }, left);
}

template <class T>
void compare_all(Differences& differences, const std::string& path, const std::vector<T>& left,
                 const std::vector<T>& right) {
  if (left.size() != right.size())
    return differences.differ(path + " (size)", std::to_string(left.size()), std::to_string(right.size()));
  for (std::size_t i = 0; i < left.size() && !differences.found(); ++i)
    compare(differences, fmt::format("{}[{}]", path, i), left[i], right[i]);
}

}  // namespace

std::optional<std::string> first_difference(const Model& left, const Model& right) {
  Differences differences;
  differences.field("name", left.name, right.name);
  differences.field("task", left.task, right.task);
  differences.field("target", left.target, right.target);
  differences.field("classes", left.classes, right.classes);
  compare_all(differences, "inputs", left.inputs, right.inputs);
  compare_all(differences, "values", left.values, right.values);
  compare_all(differences, "operators", left.operators, right.operators);
  differences.field("scores", left.scores, right.scores);
  differences.field("label", left.label, right.label);
  if (left.metadata != right.metadata)
    differences.differ("metadata", std::to_string(left.metadata.size()) + " entries",
                       std::to_string(right.metadata.size()) + " entries");
  return std::move(differences).result();
}

}  // namespace slipway::model
