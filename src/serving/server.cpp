#include <condition_variable>

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <slipway/base/parallel.hpp>
#include <slipway/serving/server.hpp>

#include "connection.hpp"
#include "grpc/grpc_server.hpp"
#include "loader.hpp"
#include "tls.hpp"

namespace slipway::serving {
namespace {

namespace net = boost::asio;
using net::ip::tcp;
using Acceptor = net::basic_socket_acceptor<tcp, net::io_context::executor_type>;

// More than the limit are told so, but not without bound.
constexpr std::uint32_t refused_at_a_time = 64;

}  // namespace

struct Server::State {
  Shared shared;
  std::shared_ptr<ModelRepository> models;
  std::vector<std::unique_ptr<Loop>> loops;
  std::unique_ptr<GrpcServer> grpc;
  std::optional<Acceptor> acceptor;
  std::optional<net::steady_timer> retry;
  std::uint16_t port = 0;
  std::size_t next_loop = 0;

  std::mutex mutex;  // of what follows
  std::condition_variable changed;
  bool stopping = false, stopped = false;
  Status result;
  std::thread refresher;

  Status listen();
  void accept();
  void take(Socket socket, Loop& loop);
  void refresh_forever();
  void run();
  Status stop();
};

Status Server::State::listen() {
  const ServerOptions& options = shared.options;
  const std::string where = fmt::format("{}:{}", options.address, options.port);
  boost::system::error_code code;
  auto address = net::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, code);
  if (code)
    return invalid_input(fmt::format(
        "'{}' is no address to listen on: expected an IP address such as 127.0.0.1 or 0.0.0.0", options.address));
  acceptor.emplace(loops[0]->context);
  const tcp::endpoint endpoint(address, options.port);
  acceptor->open(endpoint.protocol(), code);
  if (!code) acceptor->set_option(net::socket_base::reuse_address(true), code);
  if (!code) acceptor->bind(endpoint, code);
  if (!code) acceptor->listen(net::socket_base::max_listen_connections, code);
  if (code == net::error::address_in_use)
    return unavailable(fmt::format(
        "cannot listen on {}: the port is in use by another program; choose another, or 0 for a free one", where));
  if (code) return unavailable(fmt::format("cannot listen on {}: {}", where, code.message()));
  port = acceptor->local_endpoint(code).port();
  return {};
}

void Server::State::accept() {
  Loop& loop = *loops[next_loop];
  next_loop = (next_loop + 1) % loops.size();
  acceptor->async_accept(loop.context, [this, &loop](boost::system::error_code code, Socket socket) {
    if (code == net::error::operation_aborted || !acceptor->is_open()) return;
    if (!code) {
      net::post(loop.context, [this, &loop, moved = std::move(socket)]() mutable { take(std::move(moved), loop); });
    } else if (code == net::error::no_descriptors || code.value() == ENFILE || code.value() == ENOBUFS) {
      retry->expires_after(std::chrono::milliseconds(100));
      retry->async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) accept();
      });
      return;
    }
    accept();
  });
}

void Server::State::take(Socket socket, Loop& loop) {
  const std::uint32_t limit = shared.options.connections;
  const std::uint32_t open = shared.connections.load();
  if (open >= limit + refused_at_a_time || shared.draining) return;  // the socket closes
  shared.opened();
  const auto connection = std::make_shared<Connection>(std::move(socket), loop, shared);
  if (open >= limit)
    connection->refuse();
  else
    connection->start();
}

void Server::State::refresh_forever() {
  yield_to_requests();
  std::unique_lock guard(mutex);
  while (!changed.wait_for(guard, std::chrono::milliseconds(shared.options.refresh_milliseconds),
                           [this] { return stopping; })) {
    guard.unlock();
    // What cannot be loaded is not served; the versions that are stay, and the next look tries again.
    [[maybe_unused]] const auto refreshed = models->refresh();
    guard.lock();
  }
}

void Server::State::run() {
  for (const auto& loop : loops) {
    loop->sweep_forever();
    loop->thread = std::thread([context = &loop->context] { context->run(); });
  }
}

Status Server::State::stop() {
  std::unique_lock guard(mutex);
  if (stopping) {
    changed.wait(guard, [this] { return stopped; });
    return result;
  }
  stopping = true;
  changed.notify_all();
  guard.unlock();
  if (refresher.joinable()) refresher.join();

  shared.service->set_ready(false);
  // Those who look at readiness get the time to send their requests elsewhere.
  std::this_thread::sleep_for(std::chrono::milliseconds(shared.options.drain_delay_milliseconds));
  shared.draining = true;
  net::post(loops[0]->context, [this] {
    boost::system::error_code ignored;
    acceptor->close(ignored);
    retry->cancel();
  });
  const auto each_connection = [](Loop& loop, void (Connection::*act)()) {
    const std::vector<std::shared_ptr<Connection>> now(loop.connections.begin(), loop.connections.end());
    for (const auto& connection : now) ((*connection).*act)();
  };
  for (const auto& loop : loops)
    net::post(loop->context, [&each_connection, one = loop.get()] { each_connection(*one, &Connection::drain); });
  if (grpc != nullptr) grpc->stop(shared.options.drain_milliseconds);
  Status outcome;
  {
    std::unique_lock wait(shared.mutex);
    const auto limit = std::chrono::milliseconds(shared.options.drain_milliseconds);
    if (!shared.changed.wait_for(wait, limit, [this] { return shared.connections == 0; }))
      outcome = unavailable(fmt::format("{} connections were cut off: their requests were not done after {} ms",
                                        shared.connections.load(), shared.options.drain_milliseconds));
  }
  for (const auto& loop : loops)
    net::post(loop->context, [&each_connection, one = loop.get()] {
      each_connection(*one, &Connection::close);
      one->context.stop();
    });
  for (const auto& loop : loops)
    if (loop->thread.joinable()) loop->thread.join();
  shared.service->finish_loads();
  if (shared.options.journal != nullptr)
    if (Status flushed = shared.options.journal->flush(); !flushed.ok()) outcome = std::move(flushed);
  guard.lock();
  result = std::move(outcome);
  stopped = true;
  changed.notify_all();
  return result;
}

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, std::shared_ptr<ModelRepository> models) {
  auto state = std::make_unique<State>();
  ServiceOptions service;
  service.models = models;
  service.journal = options.journal;
  service.product_version = options.product_version;
  service.access = options.access;
  service.access_log = options.access_log;
  service.open_administration = options.open_administration;
  service.kserve_status = options.kserve_status;
  service.in_flight = options.in_flight;
  service.body_bytes = options.body_bytes;
  state->shared.service = std::make_unique<Service>(std::move(service));
  state->models = std::move(models);
  state->shared.options = std::move(options);
  const int threads = state->shared.options.threads > 0 ? state->shared.options.threads : Threads().count();
  for (int i = 0; i < threads; ++i) state->loops.push_back(std::make_unique<Loop>());
  state->retry.emplace(state->loops[0]->context);
  if (state->shared.options.tls.enabled()) {
    SLIPWAY_TRY(state->shared.tls, make_tls_context(state->shared.options.tls));
  }
  SLIPWAY_CHECK(state->listen());
  if (state->shared.options.grpc) {
    SLIPWAY_TRY(state->grpc, GrpcServer::start(state->shared.options, *state->shared.service));
  }
  state->accept();
  state->run();
  if (state->shared.options.refresh_milliseconds > 0)
    state->refresher = std::thread([running = state.get()] { running->refresh_forever(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { [[maybe_unused]] const Status stopped = stop(); }

std::uint16_t Server::port() const { return state_->port; }
std::uint16_t Server::grpc_port() const { return state_->grpc == nullptr ? 0 : state_->grpc->port(); }

void Server::wait() {
  std::unique_lock guard(state_->mutex);
  state_->changed.wait(guard, [this] { return state_->stopped; });
}

Status Server::stop() { return state_->stop(); }

}  // namespace slipway::serving
