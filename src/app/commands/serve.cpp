// slipway serve: the server, until SIGTERM or SIGINT.
#include <csignal>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <slipway/serving/models.hpp>
#include <slipway/serving/server.hpp>

#include "commands.hpp"
#include "serve_options.hpp"

namespace slipway::app {
namespace {

// Each connection is an open file: as many as this process may have.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Status serve(const ServeArguments& arguments, Console& console) {
  // The signals are taken by sigwait below: block them before any thread starts, so that every thread inherits it.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a log at the limit of file sizes is an error like a full disk
  raise_file_limit();

  SLIPWAY_TRY(const auto models, serving::ModelRepository::open(arguments.location, {arguments.memory_mib << 20}));
  SLIPWAY_CHECK(set_traffic(arguments, *models));
  SLIPWAY_TRY(serving::ServerOptions options, make_server_options(arguments));
  const std::string host = options.address, grpc_host = options.grpc ? options.grpc->address : "";
  const std::string scheme = options.tls.enabled() ? "https" : "http";
  SLIPWAY_TRY(const auto server, serving::Server::start(std::move(options), models));
  const std::string address = fmt::format("{}:{}", host, server->port());
  const std::string grpc = server->grpc_port() == 0 ? "" : fmt::format("{}:{}", grpc_host, server->grpc_port());
  console.print(fmt::format("serving {} on {}://{}{}", arguments.location, scheme, address,
                            grpc.empty() ? "" : ", gRPC on " + grpc));
  console.document({{scheme, address}, {"grpc", grpc}, {"location", arguments.location}, {"log", arguments.log}});

  int received = 0;
  sigwait(&signals, &received);
  console.note("stopping: finishing the requests in flight");
  SLIPWAY_CHECK(server->stop());
  console.note("stopped");
  return {};
}

}  // namespace

void add_serve(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("serve", "Serve a bundle or a registry over HTTP and gRPC");
  auto arguments = std::make_shared<ServeArguments>();
  add_serve_options(*command, *arguments);
  command->footer("Example: slipway serve models/ --http 127.0.0.1:8080 --grpc 127.0.0.1:8081 --log predictions");
  command->callback(
      [arguments, &context] { context.action = [arguments, &context] { return serve(*arguments, context.console); }; });
}

}  // namespace slipway::app
