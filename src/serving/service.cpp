#include <chrono>
#include <cmath>
#include <condition_variable>

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/serving/service.hpp>

#include "actions.hpp"
#include "encoding.hpp"
#include "grpc/calls.hpp"
#include "json_lists.hpp"
#include "loader.hpp"
#include "trace_context.hpp"
#include "work.hpp"

namespace slipway::serving {
namespace {

using Clock = Work::Clock;

constexpr std::size_t worth_packing = 1400;  // bytes; less fits one packet anyway

// HTTP's status and gRPC's code of an error.
struct Codes {
  int http, grpc;
};
Codes codes_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_input:
      return {400, 3};
    case ErrorCode::not_found:
      return {404, 5};
    case ErrorCode::conflict:
      return {409, 6};
    case ErrorCode::check_failed:
      return {409, 9};
    case ErrorCode::unavailable:
      return {503, 14};
    case ErrorCode::cancelled:
      return {503, 1};
    case ErrorCode::internal:
      return {500, 13};
  }
  return {500, 13};
}
constexpr int grpc_forbidden = 7, grpc_exhausted = 8, grpc_unimplemented = 12, grpc_unauthenticated = 16;

Response answer_error(const Error& error) {
  Response response = error_response(codes_of(error.code()).http, error.message());
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Reply reply_error(int code, std::string_view message) {
  Reply reply;
  reply.code = code;
  reply.error = message;
  return reply;
}

// MLflow's clients look for `message`, all others for `error`.
void shape_mlflow_error(Response& response, std::string_view message) {
  response.body = fmt::format(R"({{"error_code":"{}","message":{},"error":{}}})",
                              response.status == 404  ? "RESOURCE_DOES_NOT_EXIST"
                              : response.status < 500 ? "BAD_REQUEST"
                                                      : "INTERNAL_ERROR",
                              json_text(message), json_text(message));
}

// Printable ASCII and not too long: it goes into an answer's header and the log.
bool usable_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string fresh_id() { return fmt::format("{:016x}{:016x}", fresh_number(), fresh_number()); }

std::string_view find_header(std::span<const Header> headers, std::string_view name) {
  return Request{{}, {}, headers, {}}.header(name);
}

std::uint64_t nanoseconds(Clock::duration duration) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count()));
}

Work& thread_work() {
  thread_local Work work;
  return work;
}

std::optional<TensorFlowMethod> tensorflow_method(Action action) {
  switch (action) {
    case Action::tensorflow_predict:
      return TensorFlowMethod::predict;
    case Action::tensorflow_classify:
      return TensorFlowMethod::classify;
    case Action::tensorflow_regress:
      return TensorFlowMethod::regress;
    default:
      return std::nullopt;
  }
}
// The same of a gRPC method's path.
std::optional<TensorFlowMethod> tensorflow_method(std::string_view path) {
  constexpr std::string_view service = "/tensorflow.serving.PredictionService/";
  if (!path.starts_with(service)) return std::nullopt;
  for (std::size_t at = 0; at < static_cast<std::size_t>(TensorFlowMethod::count); ++at)
    if (path.substr(service.size()) == tensorflow_method_name(static_cast<TensorFlowMethod>(at)))
      return static_cast<TensorFlowMethod>(at);
  return std::nullopt;
}

// What is known of a request until it has been answered.
struct Exchange {
  Route route = Route::other;
  Clock::time_point begun = Clock::now();
  const CallMethod* call = nullptr;  // of gRPC
  // The rest only where there is an access log.
  std::string method, path, client, peer, request_id, model, version;
  std::uint64_t rows = 0;
  TraceContext trace;
};

}  // namespace

struct Service::State {
  ServiceOptions options;
  ServerMetrics metrics;
  std::atomic<bool> ready{true};
  std::mutex telling;
  std::function<void()> told;  // under `telling`
  Loader loader;               // last: its tasks use what stands above

  // A refusal, or nothing if the request may go on.
  std::optional<Admission> refuse(const Credentials& credentials, bool open, bool admin, Exchange& exchange) {
    if (open) return std::nullopt;
    if (options.access != nullptr) {
      Admission admission = options.access->admit(credentials, admin);
      exchange.client = std::move(admission.client);
      if (admission.verdict != Admission::Verdict::admitted) return admission;
    }
    if (admin && !options.open_administration && (options.access == nullptr || !options.access->is_closed())) {
      Admission admission;
      admission.verdict = Admission::Verdict::forbidden;
      admission.message = "nobody may change what is served here: start the server with clients, or with --admin";
      return admission;
    }
    return std::nullopt;
  }

  bool is_full() const {
    return options.in_flight > 0 && metrics.in_flight.load(std::memory_order_relaxed) > options.in_flight;
  }

  // Whether rows of this request go to the prediction log.
  bool is_logged(const Work& work) const { return options.journal != nullptr && work.scored && work.rows.size() > 0; }
  void log_rows(Work& work, std::function<void(Status)> done);
  void tell() {
    const std::lock_guard guard(telling);
    if (told) told();
  }
  // An action that loads models, on the loader's thread.
  void load_apart(Exchange exchange, const Request& request, const Target& target, Response response, Respond respond);
  void call_apart(Exchange exchange, std::string_view message, RespondCall respond);
  void score_and_log_shadow(Work& work);
  void count_model(Work& work, bool ok, ErrorCode code);
  void count_tensorflow(const Work& work, TensorFlowMethod method, bool grpc) const;
  void describe(Exchange& exchange, const Work& work) const;
  void finish(const Exchange& exchange, int status, std::string_view error);
};

Service::Service(ServiceOptions options) : state_(std::make_unique<State>()) {
  state_->options = std::move(options);
  state_->options.models->on_change([state = state_.get()] { state->tell(); });
}
Service::~Service() { state_->options.models->on_change({}); }

namespace {

// The records of scored rows, with the memory that they point into.
struct LoggedRows {
  std::vector<float> scores;
  std::vector<std::string> ids;
  std::vector<journal::Record> records;

  LoggedRows(const Work& work, const ServedModel& model, const Scores& scored, std::string_view role) {
    const std::size_t rows = work.rows.size(), width = scored.scores.width;
    const bool several = !model.is_binary() && !model.is_regression();
    ids.resize(rows);
    records.resize(rows);
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
      record.role = role;
      record.input_names = model.input_names();
      record.inputs = work.rows.cells(row);
      const std::size_t begin = scores.size();
      if (several)
        for (std::size_t k = 0; k < width; ++k) scores.push_back(scored.scores.at(row, k));
      else
        scores.push_back(model.score(scored, row));
      record.scores = std::span(scores).subspan(begin);
      if (several) record.classes = model.model().classes;
      record.label = model.label(scored, row);
      record.findings = work.rows.findings(row);
    }
  }
};

}  // namespace

void Service::State::log_rows(Work& work, std::function<void(Status)> done) {
  const LoggedRows rows(work, *work.model, work.scores, work.role);
  options.journal->append(rows.records, std::move(done));
}

void Service::State::score_and_log_shadow(Work& work) {
  if (!work.scored || work.traffic == nullptr) return;
  thread_local Scores scores;
  const auto shadow = score_shadow(work, scores);
  if (shadow == nullptr || options.journal == nullptr) return;
  const LoggedRows rows(work, *shadow, scores, "shadow");
  options.journal->append(rows.records, {});
}

void Service::State::count_model(Work& work, bool ok, ErrorCode code) {
  if (work.model == nullptr) return;
  ModelMetrics& counts = work.model->metrics();
  const Clock::time_point now = Clock::now();
  const std::uint64_t whole = nanoseconds(now - work.begun);
  if (ok) {
    add(counts.requests);
    add(counts.request_nanoseconds, whole);
    add(counts.input_nanoseconds, nanoseconds(work.read - work.begun));
    add(counts.infer_nanoseconds, nanoseconds(work.inferred - work.read));
    add(counts.output_nanoseconds, nanoseconds(now - work.inferred));
    counts.seconds.observe(static_cast<double>(whole) * 1e-9, latency_bounds);
    counts.last_milliseconds.store(static_cast<std::uint64_t>(now_microseconds() / 1000), std::memory_order_relaxed);
    return;
  }
  add(counts.failures);
  const FailureReason reason = code == ErrorCode::unavailable ? FailureReason::rejected
                               : code == ErrorCode::cancelled ? FailureReason::canceled
                               : code == ErrorCode::internal  ? FailureReason::backend
                                                              : FailureReason::other;
  add(counts.failure_reasons[static_cast<std::size_t>(reason)]);
  add(counts.failure_nanoseconds, whole);
  if (code == ErrorCode::invalid_input) add(counts.rejected[static_cast<std::size_t>(work.rows.rejection())]);
}

void Service::State::count_tensorflow(const Work& work, TensorFlowMethod method, bool grpc) const {
  ModelMetrics& counts = work.model->metrics();
  const auto at = static_cast<std::size_t>(method);
  const auto microseconds = [](Clock::duration duration) { return static_cast<double>(nanoseconds(duration)) * 1e-3; };
  counts.tensorflow_latency[grpc ? 1 : 0][at].observe(microseconds(Clock::now() - work.begun),
                                                      tensorflow_latency_bounds);
  counts.tensorflow_runtime[at].observe(microseconds(work.inferred - work.read), tensorflow_latency_bounds);
}

void Service::State::describe(Exchange& exchange, const Work& work) const {
  if (options.access_log == nullptr) return;
  exchange.request_id = work.request_id;
  if (work.model != nullptr) {
    exchange.model = work.model->name();
    exchange.version = work.model->version();
  }
  if (work.scored) exchange.rows = work.rows.size();
}

void Service::State::finish(const Exchange& exchange, int status, std::string_view error) {
  metrics.in_flight.fetch_sub(1, std::memory_order_relaxed);
  const auto duration = Clock::now() - exchange.begun;
  if (exchange.call != nullptr)
    metrics.count_call(static_cast<std::size_t>(exchange.call - call_methods().data()), status);
  else
    metrics.count_request(exchange.route, status);
  metrics.seconds[static_cast<std::size_t>(exchange.route)].observe(std::chrono::duration<double>(duration).count(),
                                                                    latency_bounds);
  if (options.access_log == nullptr) return;
  AccessEntry entry;
  entry.protocol = exchange.call != nullptr ? "grpc" : "http";
  entry.method = exchange.method;
  entry.path = exchange.path;
  entry.status = status;
  entry.microseconds = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  entry.client = exchange.client;
  entry.peer = exchange.peer;
  entry.request_id = exchange.request_id;
  entry.model = exchange.model;
  entry.version = exchange.version;
  entry.rows = exchange.rows;
  entry.trace_id = exchange.trace.trace_id;
  entry.span_id = exchange.trace.span_id;
  entry.parent_id = exchange.trace.parent_id;
  entry.error = error;
  options.access_log->write(entry);
}

namespace {

// Runs what may throw (memory, mostly), and gives that as an error.
template <class Function>
Status safely(const Function& function) {
  try {
    return function();
  } catch (const std::bad_alloc&) {
    return unavailable("there is not enough memory for this request");
  } catch (const std::exception& problem) {
    return internal_error(problem.what());
  }
}

std::optional<Response> refusal_of(const Admission& admission) {
  using Verdict = Admission::Verdict;
  const int status = admission.verdict == Verdict::unauthenticated ? 401
                     : admission.verdict == Verdict::forbidden     ? 403
                                                                   : 429;
  Response response = error_response(status, admission.message);
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"slipway\"");
  if (status == 429)
    response.headers.emplace_back("Retry-After",
                                  std::to_string(static_cast<int>(std::ceil(admission.retry_after_seconds))));
  return response;
}

}  // namespace

void Service::State::load_apart(Exchange exchange, const Request& request, const Target& target, Response response,
                                Respond respond) {
  struct Task {
    Exchange exchange;
    std::string body;
    Target target;
    Response response;
    Respond respond;
  };
  const auto task = std::make_shared<Task>(
      Task{std::move(exchange), std::string(request.body), target, std::move(response), std::move(respond)});
  const auto conclude = [this](Task& done, const Status& status) {
    std::string_view error;
    if (!status.ok()) {
      Response refusal = answer_error(status.error());
      refusal.headers.insert(refusal.headers.end(), done.response.headers.begin(), done.response.headers.end());
      done.response = std::move(refusal);
      error = status.error().message();
    }
    finish(done.exchange, done.response.status, error);
    done.respond(std::move(done.response));
  };
  const bool taken = loader.run([this, task, conclude] {
    const Status status = safely([&]() -> Status {
      Work& work = thread_work();
      work.reset();
      Request owned;
      owned.body = task->body;
      return answer_action({options, metrics, ready, task->exchange.client}, work, owned, task->target, task->response);
    });
    conclude(*task, status);
  });
  if (!taken) conclude(*task, unavailable("too many loads are waiting: try again in a second"));
}

void Service::State::call_apart(Exchange exchange, std::string_view message, RespondCall respond) {
  struct Task {
    Exchange exchange;
    std::string message;
    RespondCall respond;
  };
  const auto task = std::make_shared<Task>(Task{std::move(exchange), std::string(message), std::move(respond)});
  const auto conclude = [this](Task& done, const Status& status, Reply reply) {
    if (!status.ok()) reply = reply_error(codes_of(status.error().code()).grpc, status.error().message());
    finish(done.exchange, reply.code, reply.error);
    done.respond(std::move(reply));
  };
  const bool taken = loader.run([this, task, conclude] {
    Reply reply;
    const Status status = safely([&]() -> Status {
      Work& work = thread_work();
      work.reset();
      CallContext context{work, *options.models, ready, options.product_version};
      return task->exchange.call->handler(context, task->message, reply.message);
    });
    conclude(*task, status, std::move(reply));
  });
  if (!taken) conclude(*task, unavailable("too many loads are waiting: try again in a second"), {});
}

void Service::handle(const Request& sent, Respond respond) {
  State& state = *state_;
  Exchange exchange;
  add(state.metrics.in_flight);
  Request request = sent;
  Work& work = thread_work();
  work.reset();
  work.begun = exchange.begun;
  const bool logged = state.options.access_log != nullptr;
  Response response;
  std::string error;
  const std::string_view traceparent = request.header("traceparent");
  if (logged || !traceparent.empty()) {
    exchange.trace = continue_trace(traceparent);
    if (!traceparent.empty()) response.headers.emplace_back("traceresponse", exchange.trace.header());
  }
  if (logged) {
    exchange.method = request.method;
    exchange.path = request.target.substr(0, 1024);
    exchange.peer = request.peer;
  }
  // An answer that replaces what has been written so far, headers of the request's own kept.
  const auto replace = [&](Response other, std::string_view why) {
    other.headers.insert(other.headers.end(), response.headers.begin(), response.headers.end());
    response = std::move(other);
    error = why;
  };
  const auto fail = [&](const Error& problem) { replace(answer_error(problem), problem.message()); };

  std::string unpacked;
  const Result<Target> target = parse_target(request.target);
  const auto go_on = [&]() -> bool {
    if (!target.ok()) {
      fail(target.error());
      return false;
    }
    exchange.route = target->route;
    const std::string_view method = request.method == "HEAD" ? "GET" : request.method;
    const Credentials credentials{request.header("authorization"), request.header("x-api-key"), request.certificate,
                                  request.peer};
    if (const auto refused = state.refuse(credentials, target->open, target->admin, exchange)) {
      replace(*refusal_of(*refused), refused->message);
      return false;
    }
    if (target->allowed.find(method) == std::string_view::npos || method.empty()) {
      const std::string message =
          fmt::format("{} is not allowed here: expected {}", show_text(request.method), target->allowed);
      Response refused = error_response(405, message);
      refused.headers.emplace_back("Allow", target->allowed);
      replace(std::move(refused), message);
      return false;
    }
    if (!target->open && state.is_full()) {
      fail(unavailable("too many requests at a time: try again in a second"));
      return false;
    }
    const std::string_view encoding = request.header("content-encoding");
    const auto coding = parse_content_encoding(encoding);
    if (!coding) {
      const std::string message =
          fmt::format("Content-Encoding {} is not supported: expected gzip or deflate", show_text(encoding));
      replace(error_response(415, message), message);
      return false;
    }
    if (*coding != Coding::identity) {
      bool fits = true;
      auto decoded = decode_body(*coding, request.body, state.options.body_bytes, fits);
      if (!decoded.ok()) {
        fail(decoded.error());
        if (!fits) response.status = 413;
        return false;
      }
      unpacked = std::move(*decoded);
      request.body = unpacked;
    }
    return true;
  };
  bool apart = false;
  const Status prepared = safely([&]() -> Status {
    if (!go_on()) return {};
    apart = target->loads;
    const std::string_view id = request.header("x-request-id");
    work.request_id = usable_id(id) ? std::string(id) : target->scores ? fresh_id() : std::string();
    if (!work.request_id.empty()) response.headers.emplace_back("X-Request-Id", work.request_id);
    if (apart) return {};
    if (target->scores) work.routing_key = request.header("x-canary-key");
    const ActionContext context{state.options, state.metrics, state.ready, exchange.client};
    SLIPWAY_CHECK(answer_action(context, work, request, *target, response));
    if (work.scored) {
      response.headers.emplace_back("X-Model-Version", work.model->version());
      state.count_model(work, true, ErrorCode::internal);
      if (const auto method = tensorflow_method(target->action)) state.count_tensorflow(work, *method, false);
    }
    if (const Coding wanted = choose_coding(request.header("accept-encoding"));
        wanted != Coding::identity && response.body.size() >= worth_packing) {
      SLIPWAY_TRY(response.body, encode_body(wanted, response.body));
      response.headers.emplace_back("Content-Encoding", coding_name(wanted));
      response.headers.emplace_back("Vary", "Accept-Encoding");
    }
    return {};
  });
  if (!prepared.ok()) {
    work.scored = false;
    if (target.ok() && target->scores) state.count_model(work, false, prepared.error().code());
    fail(prepared.error());
  }
  if (apart && prepared.ok()) {
    state.describe(exchange, work);
    return state.load_apart(std::move(exchange), request, *target, std::move(response), std::move(respond));
  }
  if (!error.empty() && target.ok() && target->action == Action::invocations) shape_mlflow_error(response, error);
  state.describe(exchange, work);
  if (!state.is_logged(work)) {
    state.finish(exchange, response.status, error);
    respond(std::move(response));
    state.score_and_log_shadow(work);
    return work.reset();
  }
  state.log_rows(work, [&state, exchange, error, response = std::move(response),
                        respond = std::move(respond)](Status status) mutable {
    if (!status.ok()) {
      response = answer_error(status.error());
      error = status.error().message();
    }
    state.finish(exchange, response.status, error);
    respond(std::move(response));
  });
  state.score_and_log_shadow(work);
  work.reset();
}

void Service::call(const Call& call, RespondCall respond) {
  State& state = *state_;
  Exchange exchange;
  add(state.metrics.in_flight);
  Work& work = thread_work();
  work.reset();
  work.begun = exchange.begun;
  if (state.options.access_log != nullptr) {
    exchange.method = "POST";
    exchange.path = call.method.substr(0, 1024);
    exchange.peer = call.peer;
    exchange.trace = continue_trace(find_header(call.metadata, "traceparent"));
  }
  Reply reply;
  const CallMethod* const method = find_call_method(call.method);
  if (method == nullptr) {
    reply = reply_error(grpc_unimplemented, fmt::format("no such method: {}", show_text(call.method)));
  } else {
    exchange.route = method->route;
    exchange.call = method;
    const Credentials credentials{find_header(call.metadata, "authorization"), find_header(call.metadata, "x-api-key"),
                                  call.certificate, call.peer};
    const auto refused = state.refuse(credentials, method->open, method->admin, exchange);
    if (refused) {
      using Verdict = Admission::Verdict;
      reply = reply_error(refused->verdict == Verdict::unauthenticated ? grpc_unauthenticated
                          : refused->verdict == Verdict::forbidden     ? grpc_forbidden
                                                                       : grpc_exhausted,
                          refused->message);
    } else if (!method->open && state.is_full()) {
      reply = reply_error(grpc_exhausted, "too many requests at a time: try again in a second");
    } else if (method->loads) {
      return state.call_apart(std::move(exchange), call.message, std::move(respond));
    } else {
      const std::string_view id = find_header(call.metadata, "x-request-id");
      work.request_id = usable_id(id) ? std::string(id) : method->scores ? fresh_id() : std::string();
      if (method->scores) work.routing_key = find_header(call.metadata, "x-canary-key");
      const Status status = safely([&]() -> Status {
        CallContext context{work, *state.options.models, state.ready, state.options.product_version};
        SLIPWAY_CHECK(method->handler(context, call.message, reply.message));
        if (!work.scored) return {};
        state.count_model(work, true, ErrorCode::internal);
        if (const auto named = tensorflow_method(method->path)) state.count_tensorflow(work, *named, true);
        return {};
      });
      if (!status.ok()) {
        work.scored = false;
        if (method->scores) state.count_model(work, false, status.error().code());
        reply = reply_error(codes_of(status.error().code()).grpc, status.error().message());
      }
    }
  }
  state.describe(exchange, work);
  const auto status_of = [](const Exchange& done, const Reply& answer) {
    return done.call != nullptr ? answer.code : 404;
  };
  if (!state.is_logged(work)) {
    state.finish(exchange, status_of(exchange, reply), reply.error);
    respond(std::move(reply));
    state.score_and_log_shadow(work);
    return work.reset();
  }
  state.log_rows(work, [&state, status_of, exchange, reply = std::move(reply),
                        respond = std::move(respond)](Status status) mutable {
    if (!status.ok()) reply = reply_error(codes_of(status.error().code()).grpc, status.error().message());
    state.finish(exchange, status_of(exchange, reply), reply.error);
    respond(std::move(reply));
  });
  state.score_and_log_shadow(work);
  work.reset();
}

namespace {

// Waits for what `start` is given to call.
template <class Answer>
Answer wait_for(const std::function<void(std::function<void(Answer)>)>& start) {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Answer> result;
  start([&](Answer answer) {
    const std::lock_guard guard(mutex);
    result = std::move(answer);
    answered.notify_one();
  });
  std::unique_lock guard(mutex);
  answered.wait(guard, [&] { return result.has_value(); });
  return std::move(*result);
}

}  // namespace

Response Service::handle(const Request& request) {
  return wait_for<Response>([&](Respond respond) { handle(request, std::move(respond)); });
}

Reply Service::call(const Call& one) {
  return wait_for<Reply>([&](RespondCall respond) { call(one, std::move(respond)); });
}

void Service::finish_loads() { state_->loader.stop(); }
void Service::set_ready(bool ready) {
  state_->ready = ready;
  state_->tell();
}
Reply Service::look(const Call& call) {
  Reply reply;
  const Status status = safely([&]() -> Status {
    Work work;
    CallContext context{work, *state_->options.models, state_->ready, state_->options.product_version};
    return find_call_method(call.method)->handler(context, call.message, reply.message);
  });
  if (!status.ok()) reply = reply_error(codes_of(status.error().code()).grpc, status.error().message());
  return reply;
}
void Service::on_change(std::function<void()> told) {
  const std::lock_guard guard(state_->telling);
  state_->told = std::move(told);
}
void Service::count_refused(int status) { state_->metrics.count_request(Route::other, status); }
void Service::count_connections(int change) {
  state_->metrics.connections.fetch_add(change, std::memory_order_relaxed);
}

}  // namespace slipway::serving
