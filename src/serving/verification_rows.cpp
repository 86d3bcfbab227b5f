#include "verification_rows.hpp"

#include <cmath>

#include <fmt/format.h>

#include "json_body.hpp"
#include "rows.hpp"

namespace slipway::serving {
namespace {

namespace dom = simdjson::dom;

constexpr double bound = 1e-6;  // exp and log of another machine's C library may differ in the last bit
constexpr int passes = 3;

Status compare(const ServedModel& model, const Scores& scores, const dom::array& expected, std::size_t row) {
  if (expected.size() != scores.scores.width)
    return invalid_input(
        fmt::format("verification row {}: expected {} scores, got {}", row, scores.scores.width, expected.size()));
  std::size_t k = 0;
  for (const dom::element element : expected) {
    double stored = 0;
    if (element.get(stored) != simdjson::SUCCESS)
      return invalid_input(fmt::format("verification row {}: a score is no number", row));
    const double now = static_cast<double>(scores.scores.at(0, k++));
    const double scale = model.is_regression() ? std::max(1.0, std::abs(stored)) : 1.0;
    if (!(std::abs(now - stored) <= bound * scale))
      return check_failed(
          fmt::format("verification row {} scores {} here and scored {} when the bundle was made: "
                      "this version is not served",
                      row, now, stored));
  }
  return {};
}

}  // namespace

Status score_verification_rows(const ServedModel& model, std::string_view text) {
  JsonBody json;
  SLIPWAY_TRY(const dom::element root, json.parse(text));
  dom::array rows, expected;
  if (root["rows"].get(rows) != simdjson::SUCCESS || root["scores"].get(expected) != simdjson::SUCCESS ||
      rows.size() != expected.size())
    return invalid_input("verification rows: expected equally many 'rows' and 'scores'");
  Rows one;
  Scores scores;
  std::vector<std::vector<explain::Reason>> reasons;
  for (int pass = 0; pass < passes; ++pass) {
    auto score = expected.begin();
    std::size_t number = 0;
    for (const dom::element element : rows) {
      const dom::element wanted = *score;
      ++score;
      dom::object fields;
      dom::array numbers;
      if (element.get(fields) != simdjson::SUCCESS || wanted.get(numbers) != simdjson::SUCCESS)
        return invalid_input("verification rows: expected objects of named fields and lists of scores");
      SLIPWAY_CHECK(one.begin(model, 1));
      SLIPWAY_CHECK(one.set_object(0, fields).with_context("verification rows"));
      if (one.check().ok()) {
        SLIPWAY_CHECK(model.predict(one.batch(), scores));
        SLIPWAY_CHECK(compare(model, scores, numbers, number));
        if (model.can_explain().ok()) SLIPWAY_CHECK(model.explain(one.batch(), scores, 1, reasons));
      }
      ++number;
    }
  }
  return {};
}

}  // namespace slipway::serving
