// Numbers of documents as cells of the report, with the place they come from.
#pragma once
#include <string>

#include <nlohmann/json.hpp>

#include <slipway/report/page.hpp>

namespace slipway::pipeline {

// A value at a JSON pointer of a document, for the report. `file` is the document's name, as "evaluation.json".
class Citation {
 public:
  Citation(const nlohmann::json& document, std::string file) : document_(document), file_(std::move(file)) {}
  bool has(const std::string& pointer) const;
  const nlohmann::json& at(const std::string& pointer) const;  // null if absent
  // The value as text with its source: whole numbers as they are, others with this many significant digits;
  // "undefined" where it is absent.
  report::Cell cell(const std::string& pointer, int digits = 4) const;
  // A share as a percentage with one decimal.
  report::Cell percent(const std::string& pointer) const;
  // The array of two numbers there as "0.91 to 0.95"; an empty cell where there is none.
  report::Cell interval(const std::string& pointer, int digits = 4) const;
  std::string source(const std::string& pointer) const { return file_ + "#" + pointer; }

 private:
  const nlohmann::json& document_;
  std::string file_;
};

// A name as a part of a JSON pointer: "~" and "/" escaped.
std::string pointer_part(std::string_view name);
// "/a/b" from parts.
template <class... Parts>
std::string pointer(const Parts&... parts) {
  std::string path;
  const auto add = [&](const auto& part) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(part)>>) {
      path += "/" + std::to_string(part);
    } else {
      path += "/" + pointer_part(part);
    }
  };
  (add(parts), ...);
  return path;
}

}  // namespace slipway::pipeline
