#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/explain/explanation_plan.hpp>

namespace slipway::explain {

using nlohmann::json;

std::string plan_json(const ExplainerOptions& options, std::span<const model::Input> inputs) {
  const json document = {{"method", method_name(options.method)},
                         {"baselines", options.baselines ? options.baselines->to_json(inputs) : json(nullptr)}};
  return document.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

namespace {

Result<ExplainerOptions> parse_options(const std::string& text, std::span<const model::Input> inputs) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object() || !document.contains("method") || !document["method"].is_string())
    return invalid_input("expected an object with a 'method'");
  ExplainerOptions options;
  SLIPWAY_TRY(options.method, find_method(document["method"].get_ref<const std::string&>()));
  const auto baselines = document.find("baselines");
  if (baselines != document.end() && !baselines->is_null()) {
    SLIPWAY_TRY(options.baselines, Baselines::parse(*baselines, inputs));
  }
  return options;
}

}  // namespace

Result<ExplanationPlan> read_plan(std::span<const model::Input> inputs,
                                  const std::function<bool(std::string_view)>& has,
                                  const std::function<Result<std::string>(std::string_view)>& read) {
  ExplanationPlan plan;
  if (has(plan_file)) {
    SLIPWAY_TRY(const std::string text, read(plan_file));
    SLIPWAY_TRY(plan.options, parse_options(text, inputs).with_context(std::string(plan_file)));
  }
  if (has(catalogue_file)) {
    SLIPWAY_TRY(const std::string text, read(catalogue_file));
    SLIPWAY_TRY(ReasonCatalogue catalogue, ReasonCatalogue::parse(text, catalogue_file, inputs));
    plan.catalogue = std::make_shared<const ReasonCatalogue>(std::move(catalogue));
  }
  return plan;
}

}  // namespace slipway::explain
