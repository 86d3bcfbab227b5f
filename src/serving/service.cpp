#include <chrono>
#include <condition_variable>
#include <random>

#include <fmt/format.h>

#include <slipway/base/random.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/journal/json_text.hpp>
#include <slipway/serving/service.hpp>

#include "descriptions.hpp"
#include "metrics.hpp"
#include "routes.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

using Clock = std::chrono::steady_clock;

int http_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return 400;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
    case ErrorCode::check_failed:
      return 409;
    case ErrorCode::unavailable:
    case ErrorCode::cancelled:
      return 503;
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

Response answer_error(const Error& error) {
  Response response = error_response(http_status(error.code()), error.message());
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

// Printable ASCII and not too long: it goes into an answer's header and the log.
bool usable_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// 32 hexadecimal digits, different in every process and for every call.
std::string fresh_id() {
  static const std::uint64_t process = [] {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) ^ device() ^ static_cast<std::uint64_t>(now_microseconds());
  }();
  static std::atomic<std::uint64_t> counter{0};
  const std::uint64_t number = counter.fetch_add(1, std::memory_order_relaxed);
  return fmt::format("{:016x}{:016x}", process, mix_bits(process + number));
}

}  // namespace

struct Service::State {
  ServiceOptions options;
  ServerMetrics metrics;
  std::atomic<bool> ready{true};

  Status answer(Work& work, const Request& request, const Target& target, Response& response);
  // The same, with what a library throws (memory, mostly) as an error.
  Status answer_safely(Work& work, const Request& request, const Target& target, Response& response) {
    try {
      return answer(work, request, target, response);
    } catch (const std::bad_alloc&) {
      return unavailable("there is not enough memory for this request");
    } catch (const std::exception& problem) {
      return internal_error(problem.what());
    }
  }
  void log_and_respond(Work& work, Route route, Clock::time_point begun, Response response, Respond respond);
  void finish(Route route, Clock::time_point begun, const Response& response) {
    metrics.count_request(route, response.status);
    metrics.seconds[static_cast<std::size_t>(route)].observe(
        std::chrono::duration<double>(Clock::now() - begun).count(), latency_bounds);
  }
};

Service::Service(ServiceOptions options) : state_(std::make_unique<State>()) { state_->options = std::move(options); }
Service::~Service() = default;

Status Service::State::answer(Work& work, const Request& request, const Target& target, Response& response) {
  const ModelRepository& models = *options.models;
  switch (target.action) {
    case Action::root:
      response.body = describe_server(models, options.product_version);
      return {};
    case Action::server_metadata:
      response.body = describe_v2_server(options.product_version);
      return {};
    case Action::live:
      response.body = "{\"live\":true}";
      return {};
    case Action::ready:
      if (!ready || models.all().empty()) return unavailable(ready ? "no model is served" : "the server is stopping");
      response.body = "{\"ready\":true}";
      return {};
    case Action::ping:
      if (!ready) return unavailable("the server is stopping");
      response.content_type = "text/plain; charset=utf-8";
      response.body = "\n";
      return {};
    case Action::product_version:
      response.content_type = "text/plain; charset=utf-8";
      response.body = options.product_version + "\n";
      return {};
    case Action::model_metadata: {
      SLIPWAY_TRY(const auto model, models.find(target.name, target.version));
      response.body = describe_v2_model(*model, models.versions(target.name));
      return {};
    }
    case Action::model_ready: {
      SLIPWAY_TRY(const auto model, models.find(target.name, target.version));
      if (!ready) return unavailable("the server is stopping");
      response.body = "{\"name\":";
      journal::append_json_string(response.body, model->name());
      response.body += ",\"ready\":true}";
      return {};
    }
    case Action::infer:
      return answer_v2_infer(work, models, request, target.name, target.version, response);
    case Action::model_list:
      response.body = describe_model_list(models);
      return {};
    case Action::index:
      response.body = describe_index(models);
      return {};
    case Action::load:
      SLIPWAY_CHECK(options.models->refresh());
      SLIPWAY_CHECK(models.find(target.name));
      response.body = "{\"name\":";
      journal::append_json_string(response.body, target.name);
      response.body += ",\"load\":true}";
      return {};
    case Action::tensorflow_status: {
      SLIPWAY_TRY(const auto model, models.find(target.name, target.version));
      response.body = describe_tensorflow_status(target.version.empty() ? models.versions(target.name)
                                                                        : std::vector<std::string>{model->version()});
      return {};
    }
    case Action::tensorflow_metadata: {
      SLIPWAY_TRY(const auto model, models.find(target.name, target.version));
      response.body = describe_tensorflow_model(*model);
      return {};
    }
    case Action::tensorflow_predict:
      return answer_tensorflow_predict(work, models, request, target.name, target.version, response);
    case Action::score:
      return answer_score(work, models, request, response);
    case Action::invocations:
      return answer_invocations(work, models, request, response);
    case Action::metrics:
      response.content_type = "text/plain; version=0.0.4; charset=utf-8";
      response.body = write_metrics(metrics, models, options.journal.get(), ready, options.product_version);
      return {};
  }
  return internal_error("this route has no answer");
}

void Service::State::log_and_respond(Work& work, Route route, Clock::time_point begun, Response response,
                                     Respond respond) {
  const ServedModel& model = *work.model;
  const std::size_t rows = work.rows.size(), width = work.scores.scores.width;
  const bool several = !model.is_binary() && !model.is_regression();
  std::vector<float> scores;
  std::vector<std::string> ids(rows);
  std::vector<journal::Record> records(rows);
  scores.reserve(rows * (several ? width : 1));
  const std::int64_t now = now_microseconds();
  for (std::size_t row = 0; row < rows; ++row) {
    journal::Record& record = records[row];
    ids[row] = work.row_id(row);
    record.time = now;
    record.request_id = ids[row];
    record.model = model.name();
    record.version = model.version();
    record.model_digest = model.digest();
    record.input_names = model.input_names();
    record.inputs = work.rows.cells(row);
    const std::size_t begin = scores.size();
    if (several)
      for (std::size_t k = 0; k < width; ++k) scores.push_back(work.scores.scores.at(row, k));
    else
      scores.push_back(model.score(work.scores, row));
    record.scores = std::span(scores).subspan(begin);
    if (several) record.classes = model.model().classes;
    record.label = model.label(work.scores, row);
    record.findings = work.rows.findings(row);
  }
  options.journal->append(records, [this, route, begun, response = std::move(response),
                                    respond = std::move(respond)](Status status) mutable {
    if (!status.ok()) response = answer_error(status.error());
    finish(route, begun, response);
    respond(std::move(response));
  });
}

void Service::handle(const Request& request, Respond respond) {
  const Clock::time_point begun = Clock::now();
  thread_local Work work;
  work.reset();
  Response response;
  const Result<Target> target = parse_target(request.target);
  if (!target.ok()) {
    response = answer_error(target.error());
    state_->finish(Route::other, begun, response);
    respond(std::move(response));
    return;
  }
  const std::string_view method = request.method == "HEAD" ? "GET" : request.method;
  if (target->allowed.find(method) == std::string_view::npos || method.empty()) {
    response = error_response(
        405, fmt::format("{} is not allowed here: expected {}", show_text(request.method), target->allowed));
    response.headers.emplace_back("Allow", target->allowed);
  } else if (const std::string_view encoding = request.header("content-encoding");
             !encoding.empty() && encoding != "identity") {
    response = error_response(
        415, fmt::format("Content-Encoding {} is not supported: send the body as it is", show_text(encoding)));
  } else {
    const std::string_view id = request.header("x-request-id");
    work.request_id = usable_id(id) ? std::string(id) : target->scores ? fresh_id() : std::string();
    if (!work.request_id.empty()) response.headers.emplace_back("X-Request-Id", work.request_id);
    const Status status = state_->answer_safely(work, request, *target, response);
    if (!status.ok()) {
      if (target->scores && work.model != nullptr && status.error().code() == ErrorCode::invalid_input)
        add(work.model->metrics().rejected[static_cast<std::size_t>(work.rows.rejection())]);
      Response refused = answer_error(status.error());
      refused.headers.insert(refused.headers.end(), response.headers.begin(), response.headers.end());
      response = std::move(refused);
    }
  }
  if (work.scored && response.status == 200 && work.rows.size() > 0 && state_->options.journal != nullptr) {
    state_->log_and_respond(work, target->route, begun, std::move(response), std::move(respond));
  } else {
    state_->finish(target->route, begun, response);
    respond(std::move(response));
  }
  work.reset();
}

Response Service::handle(const Request& request) {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Response> result;
  handle(request, [&](Response response) {
    const std::lock_guard guard(mutex);
    result = std::move(response);
    answered.notify_one();
  });
  std::unique_lock guard(mutex);
  answered.wait(guard, [&] { return result.has_value(); });
  return std::move(*result);
}

void Service::set_ready(bool ready) { state_->ready = ready; }
void Service::count_refused(int status) { state_->metrics.count_request(Route::other, status); }
void Service::count_connections(int change) {
  state_->metrics.connections.fetch_add(change, std::memory_order_relaxed);
}

}  // namespace slipway::serving
