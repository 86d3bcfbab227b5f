// slipway serve: the server, until SIGTERM or SIGINT.
#include <csignal>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/serving/models.hpp>
#include <slipway/serving/server.hpp>

#include "commands.hpp"

namespace slipway::app {
namespace {

struct Arguments {
  std::string location;
  std::string http = "127.0.0.1:8080";
  std::string log;
  std::string log_mode = "durable";
  int threads = 0;
};

// "127.0.0.1:8080", ":8080" or "8080"
Status read_address(const std::string& text, serving::ServerOptions& options) {
  const std::size_t colon = text.rfind(':');
  const std::string host = colon == std::string::npos ? "" : text.substr(0, colon);
  const auto port = parse_number(colon == std::string::npos ? text : text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535 || *port != static_cast<std::uint16_t>(*port))
    return invalid_input(fmt::format("--http: '{}' is no address; expected HOST:PORT, as in 127.0.0.1:8080", text));
  if (!host.empty()) options.address = host;
  options.port = static_cast<std::uint16_t>(*port);
  return {};
}

Status serve(const Arguments& arguments, Console& console) {
  // The signals are taken by sigwait below: block them before any thread starts, so that every thread inherits it.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  serving::ServerOptions options;
  SLIPWAY_CHECK(read_address(arguments.http, options));
  options.threads = arguments.threads;
  SLIPWAY_TRY(const auto models, serving::ModelRepository::open(arguments.location));
  if (!arguments.log.empty()) {
    journal::WriterOptions log;
    log.folder = arguments.log;
    log.mode = arguments.log_mode == "async" ? journal::Mode::async : journal::Mode::durable;
    SLIPWAY_TRY(auto writer, journal::Writer::open(std::move(log)).with_context("prediction log"));
    options.journal = std::move(writer);
  }
  const std::string host = options.address;
  SLIPWAY_TRY(const auto server, serving::Server::start(std::move(options), models));
  const std::string address = fmt::format("{}:{}", host, server->port());
  console.print(fmt::format("serving {} on http://{}", arguments.location, address));
  console.document({{"http", address}, {"location", arguments.location}, {"log", arguments.log}});

  int received = 0;
  sigwait(&signals, &received);
  console.note("stopping: finishing the requests in flight");
  SLIPWAY_CHECK(server->stop());
  console.note("stopped");
  return {};
}

}  // namespace

void add_serve(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("serve", "Serve a bundle or a registry over HTTP");
  auto arguments = std::make_shared<Arguments>();
  command->add_option("location", arguments->location, "a bundle, or a registry's folder such as models/")->required();
  command->add_option("--http", arguments->http, "address to listen on; port 0 takes a free one")
      ->capture_default_str();
  command->add_option("--log", arguments->log, "folder of the prediction log; none without it");
  command
      ->add_option("--log-mode", arguments->log_mode,
                   "durable: a row is on disk before it is answered; async: never waits, losses are counted")
      ->check(CLI::IsMember({"durable", "async"}))
      ->capture_default_str();
  command->add_option("--threads", arguments->threads, "threads that serve; 0 = one per processor");
  command->footer("Example: slipway serve models/ --http 127.0.0.1:8080 --log predictions");
  command->callback(
      [arguments, &context] { context.action = [arguments, &context] { return serve(*arguments, context.console); }; });
}

}  // namespace slipway::app
