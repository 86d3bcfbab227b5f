#include "descriptions.hpp"

#include <fmt/format.h>

#include "json_lists.hpp"

namespace slipway::serving {

namespace {

std::string describe_policy(const ServedModel& model) {
  if (!model.policy()) return {};
  return fmt::format(R"(,"policy":{{"version":{},"threshold":{},"method":{}}})", json_text(model.policy()->version),
                     model.policy()->threshold, json_text(model.policy()->method));
}

}  // namespace

std::string describe_server(const ModelRepository& models, std::string_view product_version) {
  std::string out =
      "{\"name\":\"slipway\",\"status\":\"alive\",\"version\":" + json_text(product_version) + ",\"models\":[";
  out += json_list(models.all(), [&](const auto& model) {
    return "{\"name\":" + json_text(model->name()) + ",\"version\":" + json_text(model->version()) +
           ",\"digest\":" + json_text(model->digest()) + describe_policy(*model) +
           ",\"default\":" + (models.is_default(*model) ? "true" : "false") + "}";
  });
  return out +
         "],\"links\":{\"score\":\"POST /score\",\"health\":\"/v2/health/ready\",\"metrics\":\"/metrics\","
         "\"open_inference\":\"POST /v2/models/{name}[/versions/{version}]/infer\","
         "\"tensorflow\":\"POST /v1/models/{name}[/versions/{version}]:predict\","
         "\"mlflow\":\"POST /invocations\",\"schema\":\"/v2/models/{name}\",\"models\":\"/v2/models\"}}";
}

std::string describe_model_list(const ModelRepository& models) {
  std::vector<std::string> names;
  for (const auto& model : models.all())
    if (names.empty() || names.back() != model->name()) names.push_back(model->name());
  return "{\"models\":[" + json_list(names, json_text) + "]}";
}

}  // namespace slipway::serving
