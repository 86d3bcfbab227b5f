#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/evaluate/gates.hpp>

namespace slipway::evaluate {

namespace {

// Longer signs first.
constexpr std::pair<std::string_view, Gate::Comparison> signs[] = {{">=", Gate::Comparison::at_least},
                                                                   {"<=", Gate::Comparison::at_most},
                                                                   {">", Gate::Comparison::above},
                                                                   {"<", Gate::Comparison::below}};

std::string_view sign_of(Gate::Comparison comparison) {
  for (const auto& [sign, known] : signs)
    if (known == comparison) return sign;
  return "";
}

bool holds(const Gate& gate, double value) {
  switch (gate.comparison) {
    case Gate::Comparison::at_least:
      return value >= gate.bound;
    case Gate::Comparison::above:
      return value > gate.bound;
    case Gate::Comparison::at_most:
      return value <= gate.bound;
    case Gate::Comparison::below:
      return value < gate.bound;
  }
  return false;
}

}  // namespace

Result<Gate> parse_gate(std::string_view metric, std::string_view condition) {
  const std::string_view text = trim(condition);
  for (const auto& [sign, comparison] : signs) {
    if (!text.starts_with(sign)) continue;
    const std::optional<double> bound = parse_number(text.substr(sign.size()));
    if (bound && !std::isnan(*bound)) return Gate{std::string(metric), comparison, *bound};
    break;
  }
  return invalid_input(fmt::format("gate {}: '{}' is no condition; expected a comparison such as '>= 0.5' or '< 0.1'",
                                   metric, condition));
}

std::string gate_text(const Gate& gate) {
  return fmt::format("{} {} {}", gate.metric, sign_of(gate.comparison), gate.bound);
}

Result<std::vector<GateResult>> try_gates(const Evaluation& evaluation, std::span<const Gate> gates) {
  std::vector<std::string> known;
  for (const Measure& measure : evaluation.measures) known.push_back(measure.name);
  for (const metrics::Metric& metric : metrics::catalogue())
    if (metric.applies_to(evaluation.task) && !evaluation.find(metric.name)) known.emplace_back(metric.name);
  std::vector<GateResult> results;
  for (const Gate& gate : gates) {
    GateResult result{gate, std::numeric_limits<double>::quiet_NaN(), false, {}};
    const Measure* measure = evaluation.find(gate.metric);
    if (!measure) {
      const auto metric = metrics::find_metric(gate.metric);
      if (metric.ok()) measure = evaluation.find((*metric)->name);
      if (!measure && !(metric.ok() && (*metric)->applies_to(evaluation.task)))
        return not_found(fmt::format("gate on '{}': this evaluation has no such metric{}; it has {}", gate.metric,
                                     suggestion(gate.metric, known), list_names(known, known.size())));
    }
    if (!measure) {
      result.text = fmt::format("{} is undefined on these rows, so it is not {} {}", gate.metric,
                                sign_of(gate.comparison), gate.bound);
    } else {
      // scikit-learn's scorers of losses are negated.
      result.value = gate.metric.starts_with("neg_") ? -measure->value : measure->value;
      result.passed = holds(gate, result.value);
      result.text = fmt::format("{} {:.6g} {}{} {}", gate.metric, result.value, result.passed ? "" : "is not ",
                                sign_of(gate.comparison), gate.bound);
    }
    results.push_back(std::move(result));
  }
  return results;
}

Status check_gates(const Evaluation& evaluation, std::span<const Gate> gates) {
  SLIPWAY_TRY(const std::vector<GateResult> results, try_gates(evaluation, gates));
  std::string failed;
  std::size_t count = 0;
  for (const GateResult& result : results) {
    if (result.passed) continue;
    failed += (count++ > 0 ? "; " : "") + result.text;
  }
  if (count == 0) return {};
  return check_failed(fmt::format("{} of {} gates failed: {}", count, gates.size(), failed));
}

}  // namespace slipway::evaluate
