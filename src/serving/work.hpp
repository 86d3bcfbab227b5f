// What one request needs on its way through a protocol: decode into rows, score, write the answer. One per thread,
// reused.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/serving/http.hpp>
#include <slipway/serving/models.hpp>

#include "json_body.hpp"
#include "routes.hpp"
#include "rows.hpp"
#include "served_model.hpp"

namespace slipway::serving {

inline constexpr std::size_t default_reasons = 4;

struct Work {
  JsonBody json;
  Rows rows;
  Scores scores;
  std::vector<std::vector<explain::Reason>> reasons;  // per row, where reason_count > 0
  std::shared_ptr<const ServedModel> model;
  std::size_t reason_count = 0;
  std::string request_id;
  std::vector<std::string> row_ids;  // one per row; empty: made from request_id
  bool scored = false;
  bool large = false;                          // the request's memory should not be kept
  std::shared_ptr<const TrafficPlan> traffic;  // of the model's name, where the request names no version
  std::string_view role;                       // "canary", or "" for the version that was asked for
  std::string routing_key;                     // of a canary, where a header gives it
  // When the request came, its rows were read, and their scores were there.
  using Clock = std::chrono::steady_clock;
  Clock::time_point begun, read, inferred;

  void reset() {
    large = false;
    traffic.reset();
    role = {};
    routing_key.clear();
    reasons.clear();
    model.reset();
    reason_count = 0;
    request_id.clear();
    row_ids.clear();
    rows.clear_rejection();
    scored = false;
  }
  // The id of a row: its own, the request's, or, of several rows, the request's with "/<row>" behind.
  std::string row_id(std::size_t row) const;
};

// Sets the model and, where the request names no version, the traffic rule of its name.
Status choose_model(Work& work, const ModelRepository& models, std::string_view name, std::string_view version);

// Checks the rows, scores them (on the canary, where the traffic rule says so), finds the reasons, and counts. The
// model must be set.
Status score_rows(Work& work);
// Scores the same rows on the shadow version, if there is one, and counts where it differs.
// Gives that version, or null; its scores are in `scores`.
std::shared_ptr<const ServedModel> score_shadow(Work& work, Scores& scores);

// Appends `"score":0.25,"label":"1"`, `"scores":{"a":0.1,...},"label":"b"` or `"score":12.5`, without braces.
void append_scores(std::string& out, const Work& work, std::size_t row);
// Appends `[{"input":"amount","value":12.5,"contribution":0.2,"text":"..."}]`.
void append_reasons(std::string& out, const Work& work, std::size_t row);

// A query's parameter, decoded; nothing if it is not there.
std::optional<std::string> query_parameter(std::string_view target, std::string_view name);
// ?reasons=K
Result<std::size_t> query_reasons(std::string_view target);

// The protocols. Each decodes the request, scores through score_rows and writes the answer's body; errors become
// answers in the service. `name` and `version` are those of the path, decoded ("" = default).
Status answer_v2_infer(Work& work, const ModelRepository& models, const Request& request, const std::string& name,
                       const std::string& version, Response& response);
Status choose_tensorflow_model(Work& work, const ModelRepository& models, const Target& target);
Status answer_tensorflow_examples(Work& work, const ModelRepository& models, const Request& request,
                                  const Target& target, Response& response);
Status answer_tensorflow_predict(Work& work, const ModelRepository& models, const Request& request,
                                 const Target& target, Response& response);
Status answer_score(Work& work, const ModelRepository& models, const Request& request, Response& response);
Status answer_invocations(Work& work, const ModelRepository& models, const Request& request, Response& response);

}  // namespace slipway::serving
