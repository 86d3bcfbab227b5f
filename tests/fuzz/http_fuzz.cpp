// Any bytes to a listening server: it answers HTTP or closes, in time, and goes on serving.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <slipway/serving/server.hpp>

#include "served_example.hpp"

namespace {

using namespace slipway;

std::uint16_t port() {
  static const auto* const server = [] {
    serving::ServerOptions options;
    options.port = 0;
    options.threads = 1;
    options.body_bytes = 1u << 16;
    options.header_milliseconds = options.body_milliseconds = 100;
    options.refresh_milliseconds = 0;
    auto started = serving::Server::start(std::move(options), fuzz::models());
    if (!started.ok()) std::abort();
    return started->release();
  }();
  return server->port();
}

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

// What comes back until the server closes; a server that says nothing for 5 seconds is stuck.
std::string exchange(std::string_view bytes) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // A thousand connections a second would use up the ports of one address: closed ones are held for a minute.
  static std::uint32_t calls = 0;
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ++calls % 200);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&source), sizeof source) != 0) give_up("bind");
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("connect");
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) break;  // it has closed already
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(socket, SHUT_WR);
  std::string answer;
  char buffer[4096];
  while (true) {
    pollfd waiting{socket, POLLIN, 0};
    if (::poll(&waiting, 1, 5000) == 0) give_up("no answer in 5 seconds");
    const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(socket);
  return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string answer = exchange({reinterpret_cast<const char*>(data), size});
  if (!answer.empty() && !answer.starts_with("HTTP/1.1 ")) std::abort();
  // Of the first answer only: those behind it may quote what the client sent.
  if (answer.starts_with("HTTP/1.1 500")) std::abort();
  return 0;
}
