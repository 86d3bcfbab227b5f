#include "descriptions.hpp"

#include "json_lists.hpp"

namespace slipway::serving {

std::string describe_server(const ModelRepository& models, std::string_view product_version) {
  std::string out = "{\"name\":\"slipway\",\"version\":" + json_text(product_version) + ",\"models\":[";
  out += json_list(models.all(), [&](const auto& model) {
    return "{\"name\":" + json_text(model->name()) + ",\"version\":" + json_text(model->version()) +
           ",\"digest\":" + json_text(model->digest()) +
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
