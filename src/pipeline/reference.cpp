#include <cmath>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/evaluate/thresholds.hpp>
#include <slipway/features/features.hpp>
#include <slipway/learners/calibration.hpp>
#include <slipway/learners/learner.hpp>
#include <slipway/metrics/metrics.hpp>
#include <slipway/pipeline/configuration.hpp>
#include <slipway/pipeline/reference.hpp>
#include <slipway/table/sample.hpp>

namespace slipway::pipeline {
namespace {

// "|" would end a table's cell.
std::string cell(std::string_view text) {
  std::string out;
  for (char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string range_text(const params::Range& range) {
  if (!range.choices.empty()) {
    std::string text;
    for (const std::string& choice : split(range.choices, '|')) text += (text.empty() ? "`" : ", `") + choice + "`";
    return text;
  }
  const bool low = std::isfinite(range.minimum);
  const bool high = std::isfinite(range.maximum);
  std::string text;
  if (low) text = fmt::format("{} {}", range.open_minimum ? "above" : "at least", format_number(range.minimum));
  if (high) text += fmt::format("{}at most {}", low ? ", " : "", format_number(range.maximum));
  return text;
}

std::string group(std::string_view title, std::string_view where, const std::vector<params::Description>& options) {
  std::string text = fmt::format(
      "\n## {}\n\n{}\n\n| option | type | default | takes | meaning |\n|---|---|---|---|---|\n", title, where);
  for (const auto& option : options)
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.name, option.type,
                        option.default_value.empty() ? "" : "`" + option.default_value + "`",
                        cell(range_text(option.range)), cell(option.documentation));
  return text;
}

template <class Options, std::size_t size>
std::vector<params::Description> describe(const params::Option<Options> (&table)[size]) {
  return params::describe(std::span<const params::Option<Options>>(table));
}

}  // namespace

std::string options_reference() {
  std::string text =
      "# Options\n\nWritten by `slipway reference`; a test compares this page with the program. Every option is "
      "declared once "
      "in the source,\nand its YAML key, its flag, its checks and this page come from that declaration.\n";
  text += group("source",
                "Under `source:` in slipway.yaml, beside the sources' names and `sql`; a source's own map may hold "
                "`max_rejects` too.",
                describe(source_options));
  text += group("split", "Under `split:` in slipway.yaml.", describe(split_options));
  text += group("features",
                "Under `features:`, beside `numeric`, `categorical`, `time`, `derived`, `text`, `polynomial`, `pca` "
                "and `select`. Each "
                "for all columns, or as a map from columns to values for those that differ: `scale: {amount: robust}`.",
                describe(features::feature_options));
  text += group("text", "Under `features: text: {column: {...}}`; `ngrams: [1, 2]` sets both lengths.",
                describe(features::text_options));
  text +=
      group("polynomial", "Under `features: polynomial:`, beside `columns`.", describe(features::polynomial_options));
  text += group("pca", "Under `features: pca:`, beside `columns`; `pca: 5` alone sets `components`.",
                describe(features::component_options));
  text += group("select", "Under `features: select:`.", describe(features::select_options));
  text += group(
      "augment",
      "Under `augment:`: of training rows only, inside every fold; validation, test and served rows stay as they are.",
      describe(learners::augment_options));
  text += group("search", "Under `search:`, beside the learner's options with the values to try.",
                describe(search_options));
  text += group("calibrate",
                "Under `calibrate:`, or as `calibrate: platt`; `--calibrate` of `train`. For any classifier: the "
                "probabilities are fitted anew on rows that the classifier was not fitted on.",
                learners::calibration_descriptions());
  text += group("evaluate", "Under `evaluate:`, beside `threshold`, `gates`, `slices` (columns) and `costs`.",
                describe(evaluate_options));
  text +=
      group("threshold", "Under `evaluate: {threshold: {...}}`; one of them.", describe(evaluate::threshold_options));
  text += group("costs", "Under `evaluate: {costs: {...}}`: numbers, or formulas over columns such as `amount * 0.8`.",
                describe(cost_options));
  text += group("card", "Under `card:`, for the model card.", describe(card_options));
  text += group("explain", "Under `explain:`, beside `partial_dependence`.", describe(explain_options));
  for (const auto& learner : learners::catalogue())
    text += group(
        learner.name,
        fmt::format("{} Under `learner: {{{}: {{...}}}}`, as `--set option=value` of `train`, and under `search:`.",
                    learner.documentation, learner.name),
        learner.options);
  text +=
      "\n## metrics\n\nFor `search: {metric: ...}`, `evaluate: {gates: {...}}` and `--gate`. scikit-learn's scorer "
      "names "
      "are understood too. `<...>` stands for a number, as in `recall_at_fpr_0.01`.\n\n"
      "| metric | tasks | better | meaning |\n|---|---|---|---|\n";
  const auto add = [&](const metrics::Metric& metric) {
    std::string tasks;
    for (const auto& [applies, name] :
         {std::pair{metric.binary, "two classes"}, std::pair{metric.multiclass, "several"},
          std::pair{metric.regression, "numbers"}})
      if (applies) tasks += (tasks.empty() ? "" : ", ") + std::string(name);
    text += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, tasks, metric.higher_is_better ? "higher" : "lower",
                        cell(metric.documentation));
  };
  for (const metrics::Metric& metric : metrics::catalogue()) add(metric);
  for (const metrics::MetricFamily& family : metrics::families()) add(family.metric);
  text += group("sample", "Flags of `slipway sample`.", describe(table::sample_options));
  return text;
}

}  // namespace slipway::pipeline
