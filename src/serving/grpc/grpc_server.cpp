#include "grpc_server.hpp"

#include <chrono>

#include <fmt/format.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "calls.hpp"
#include "streams.hpp"

namespace slipway::serving {
namespace {

// "ipv4:192.0.2.7:5123" or "ipv6:[2001:db8::1]:5123", the brackets percent-encoded, without what is not the address.
std::string address_of(const std::string& peer) {
  const std::size_t begin = peer.find(':');
  const std::size_t end = peer.rfind(':');
  if (begin == std::string::npos || end <= begin) return peer;
  std::string address = percent_decode(std::string_view(peer).substr(begin + 1, end - begin - 1));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  return address;
}

std::string_view view(const grpc::string_ref& text) { return {text.data(), text.size()}; }

// One call, unary or a stream: reads a message, has it answered, writes the answer, and so on. What is watched is
// answered again whenever there is another answer.
class Conversation final : public grpc::ServerGenericBidiReactor {
 public:
  Conversation(grpc::GenericCallbackServerContext& context, Service& service, Streams& streams)
      : context_(context),
        service_(service),
        streams_(streams),
        method_(context.method()),
        peer_(address_of(context.peer())) {
    const CallMethod* const known = find_call_method(method_);
    stream_ = known != nullptr && known->stream;
    watch_ = known != nullptr && known->watch;
    for (const auto& [name, value] : context.client_metadata()) metadata_.push_back({view(name), view(value)});
    const auto identity = context.auth_context();
    if (identity != nullptr && identity->IsPeerAuthenticated())
      for (const grpc::string_ref& name : identity->FindPropertyValues("x509_common_name")) certificate_ = view(name);
    if (known == nullptr) {
      Call call{method_, {}, metadata_, peer_, certificate_};
      service_.call(call, [this](const Reply& reply) { finish(reply); });
    } else {
      StartRead(&message_);
      if (stream_) streams_.add(open_);
    }
  }

  void OnReadDone(bool ok) override {
    if (stream_ && !take()) return;
    if (!ok) {
      // The client has sent everything; a unary call without a message is none.
      const bool whole = (stream_ && !watch_) || context_.IsCancelled();
      Finish(whole ? grpc::Status::OK : grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "the call has no message"));
      return;
    }
    grpc::Slice slice;
    if (!message_.TrySingleSlice(&slice).ok() && !message_.DumpToSingleSlice(&slice).ok()) {
      Finish(grpc::Status(grpc::StatusCode::INTERNAL, "the message cannot be read"));
      return;
    }
    const Call call{
        method_, {reinterpret_cast<const char*>(slice.begin()), slice.size()}, metadata_, peer_, certificate_};
    if (watch_) watched_.assign(call.message);
    service_.call(call, [this](const Reply& reply) { answer(reply); });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    if (watch_) return tell();  // it may have changed meanwhile
    if (stream_ && !go_on(Phase::reading)) return finish(stopping());
    StartRead(&message_);
  }

  void OnCancel() override {
    if (watch_) close();  // nothing else would notice
  }

  void OnDone() override {
    if (stream_) streams_.remove(open_);
    delete this;
  }

  void close() {
    bool idle = false;
    {
      const std::lock_guard guard(mutex_);
      closing_ = true;
      idle = phase_ != Phase::busy;
      phase_ = Phase::busy;
    }
    if (idle) finish(stopping());
  }

  void look() {
    if (!watch_) return;
    {
      const std::lock_guard guard(mutex_);
      changed_ = true;
      if (phase_ != Phase::waiting) return;
      phase_ = Phase::busy;
    }
    tell();
  }

 private:
  // Of a stream: `reading` waits for the client, `waiting` for a change; whoever makes it `busy` acts alone.
  enum class Phase : std::uint8_t { reading, waiting, busy };

  static Reply stopping() {
    Reply reply;
    reply.code = static_cast<int>(grpc::StatusCode::UNAVAILABLE);
    reply.error = "the server is stopping";
    return reply;
  }
  // Takes what has been read; false if the call has been closed meanwhile.
  bool take() {
    const std::lock_guard guard(mutex_);
    if (phase_ != Phase::reading) return false;
    phase_ = Phase::busy;
    return true;
  }
  // False if the call is to be closed instead.
  bool go_on(Phase next) {
    const std::lock_guard guard(mutex_);
    if (!closing_) phase_ = next;
    return !closing_;
  }
  // Answers again if there is another answer, and waits for a change else.
  void tell() {
    while (true) {
      {
        const std::lock_guard guard(mutex_);
        changed_ = false;
      }
      const Reply reply = service_.look({method_, watched_, metadata_, peer_, certificate_});
      if (reply.code != 0 || reply.message != told_) return answer(reply);
      const std::lock_guard guard(mutex_);
      if (closing_) break;
      if (changed_) continue;
      phase_ = Phase::waiting;
      return;
    }
    finish(stopping());
  }
  void answer(const Reply& reply) {
    if (reply.code != 0) return finish(reply);
    if (watch_) told_ = reply.message;
    const grpc::Slice slice(reply.message);
    answer_ = grpc::ByteBuffer(&slice, 1);
    if (stream_)
      StartWrite(&answer_);
    else
      StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
  }
  void finish(const Reply& reply) { Finish(grpc::Status(static_cast<grpc::StatusCode>(reply.code), reply.error)); }

  grpc::GenericCallbackServerContext& context_;
  Service& service_;
  Streams& streams_;
  std::string method_, peer_, certificate_;
  bool stream_ = false, watch_ = false;
  std::vector<Header> metadata_;
  grpc::ByteBuffer message_, answer_;
  OpenStream open_{[this] { look(); }, [this] { close(); }};
  std::string watched_, told_;  // the question, and the last answer
  std::mutex mutex_;            // of a stream: of what follows
  Phase phase_ = Phase::reading;
  bool closing_ = false, changed_ = false;
};

class AnyMethod final : public grpc::CallbackGenericService {
 public:
  AnyMethod(Service& service, Streams& streams) : service_(service), streams_(streams) {}

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return new Conversation(*context, service_, streams_);
  }
  Service& service_;
  Streams& streams_;
};

std::shared_ptr<grpc::ServerCredentials> credentials_of(const TlsOptions& tls) {
  if (!tls.enabled()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(tls.client_authorities.empty()
                                                ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = tls.client_authorities;
  options.pem_key_cert_pairs.push_back({tls.private_key, tls.certificate_chain});
  return grpc::SslServerCredentials(options);
}

}  // namespace

struct GrpcServer::State {
  Service* service = nullptr;
  Streams streams;
  std::unique_ptr<AnyMethod> methods;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

GrpcServer::GrpcServer() : state_(std::make_unique<State>()) {}
GrpcServer::~GrpcServer() { stop(0); }

Result<std::unique_ptr<GrpcServer>> GrpcServer::start(const ServerOptions& options, Service& service) {
  std::unique_ptr<GrpcServer> made(new GrpcServer());
  State& state = *made->state_;
  state.service = &service;
  state.methods = std::make_unique<AnyMethod>(service, state.streams);
  const bool six = options.grpc->address.find(':') != std::string::npos;
  const std::string where =
      fmt::format("{}{}{}:{}", six ? "[" : "", options.grpc->address, six ? "]" : "", options.grpc->port);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(where, credentials_of(options.tls), &state.port);
  builder.RegisterCallbackGenericService(state.methods.get());
  builder.SetMaxReceiveMessageSize(static_cast<int>(std::min<std::uint64_t>(options.body_bytes, 1u << 30)));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a port in use is an error
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1024);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(std::min(options.header_bytes, 1u << 20)));
  // Dead clients are found, and their connections closed.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(options.idle_milliseconds));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, static_cast<int>(options.header_milliseconds));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  state.server = builder.BuildAndStart();
  if (state.server == nullptr || state.port == 0) {
    state.server.reset();
    return unavailable(fmt::format("cannot listen on {} for gRPC: the address is in use, or is none", where));
  }
  service.on_change([streams = &state.streams] { streams->look(); });
  return made;
}

std::uint16_t GrpcServer::port() const { return static_cast<std::uint16_t>(state_->port); }

void GrpcServer::stop(std::int64_t drain_milliseconds) {
  if (state_->server == nullptr) return;
  // Streams end between two messages; those that are only open would hold up the end.
  state_->streams.close();
  state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(drain_milliseconds));
  state_->server->Wait();
  state_->server.reset();
  state_->service->on_change({});
}

}  // namespace slipway::serving
