#include "actions.hpp"

#include <fmt/format.h>

#include "descriptions.hpp"
#include "json_lists.hpp"
#include "tensorflow_models.hpp"
#include "v2_description.hpp"

namespace slipway::serving {
namespace {

// {"ready": true} or nothing at all.
Result<bool> read_ready_only(Work& work, std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return false;
  SLIPWAY_TRY(const simdjson::dom::element root, work.json.parse(body));
  bool ready = false;
  simdjson::dom::element given;
  if (root["ready"].get(given) == simdjson::SUCCESS && given.get(ready) != simdjson::SUCCESS)
    return invalid_input("'ready': expected true or false, got " + show(given));
  return ready;
}

void plain_text(Response& response, std::string text) {
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
}

std::string acknowledgement(std::string_view name, std::string_view what) {
  return fmt::format(R"({{"name":{},"{}":true}})", json_text(name), what);
}

}  // namespace

Status answer_action(const ActionContext& context, Work& work, const Request& request, const Target& target,
                     Response& response) {
  ModelRepository& models = *context.options.models;
  const std::string& product_version = context.options.product_version;
  switch (target.action) {
    case Action::root:
      response.body = describe_server(models, product_version);
      return {};
    case Action::server_metadata:
      response.body = describe_v2_server(product_version);
      return {};
    case Action::live:
      response.body = "{\"live\":true}";
      return {};
    case Action::ready:
      if (!context.ready || models.all().empty())
        return unavailable(context.ready ? "no model is served" : "the server is stopping");
      response.body = "{\"ready\":true}";
      return {};
    case Action::ping:
      if (!context.ready) return unavailable("the server is stopping");
      plain_text(response, "\n");
      return {};
    case Action::product_version:
      plain_text(response, product_version + "\n");
      return {};
    case Action::model_metadata: {
      SLIPWAY_TRY(const auto model, models.find(target.name, target.version));
      response.body = describe_v2_model(*model, models.versions(target.name));
      return {};
    }
    case Action::model_ready: {
      SLIPWAY_TRY(const auto model, models.find(target.name, target.version));
      if (!context.ready) return unavailable("the server is stopping");
      response.body = acknowledgement(model->name(), "ready");
      return {};
    }
    case Action::model_config: {
      SLIPWAY_TRY(const auto model, models.find(target.name, target.version));
      response.body = describe_v2_config(*model);
      return {};
    }
    case Action::statistics: {
      SLIPWAY_TRY(const auto chosen, v2_statistics_of(models, target.name, target.version));
      response.body = describe_v2_statistics(chosen);
      return {};
    }
    case Action::infer:
      return answer_v2_infer(work, models, request, target.name, target.version, response);
    case Action::model_list:
      response.body = describe_model_list(models);
      return {};
    case Action::index: {
      SLIPWAY_TRY(const bool ready_only, read_ready_only(work, request.body));
      response.body = describe_index(models, ready_only);
      return {};
    }
    case Action::load:
      SLIPWAY_CHECK(models.load(target.name));
      response.body = acknowledgement(target.name, "load");
      return {};
    case Action::unload:
      SLIPWAY_CHECK(models.unload(target.name));
      response.body = acknowledgement(target.name, "unload");
      return {};
    case Action::tensorflow_status: {
      TensorFlowVersion version;
      (target.label ? version.label : version.number) = target.version;
      if (context.options.kserve_status) {
        SLIPWAY_TRY(const auto model, find_tensorflow_model(models, target.name, version));
        if (!context.ready) return unavailable("the server is stopping");
        response.body = acknowledgement(model->name(), "ready");
        return {};
      }
      SLIPWAY_TRY(const auto states, tensorflow_states(models, target.name, version));
      response.body = describe_tensorflow_status(states);
      return {};
    }
    case Action::tensorflow_metadata: {
      SLIPWAY_CHECK(choose_tensorflow_model(work, models, target));
      response.body = describe_tensorflow_model(*work.model);
      return {};
    }
    case Action::tensorflow_predict:
    case Action::kserve_explain:
      return answer_tensorflow_predict(work, models, request, target, response);
    case Action::tensorflow_classify:
    case Action::tensorflow_regress:
      return answer_tensorflow_examples(work, models, request, target, response);
    case Action::score:
      return answer_score(work, models, request, response);
    case Action::invocations:
      return answer_invocations(work, models, request, response);
    case Action::openapi:
      response.body = describe_openapi(models, product_version);
      return {};
    case Action::metrics:
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = write_metrics(context.metrics, context.options, context.ready);
      return {};
    case Action::admin_models:
    case Action::admin_promote:
    case Action::admin_roll_back:
    case Action::admin_traffic:
      return answer_admin(context, request, target, response);
  }
  return internal_error("this route has no answer");
}

}  // namespace slipway::serving
