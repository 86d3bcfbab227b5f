// Any bytes to a listening server: it answers HTTP or closes, in time, and goes on serving.
#include <cerrno>
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

// libFuzzer's own timer may interrupt any of these calls.
template <typename Call>
auto uninterrupted(Call call) {
  auto outcome = call();
  while (outcome < 0 && errno == EINTR) outcome = call();
  return outcome;
}

// An interrupted connection goes on being made: it is waited for, not asked for again.
bool connects(int socket, const sockaddr_in& address) {
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return true;
  if (errno != EINTR) return false;
  pollfd waiting{socket, POLLOUT, 0};
  if (uninterrupted([&] { return ::poll(&waiting, 1, 5000); }) != 1) return false;
  int failure = 0;
  socklen_t size = sizeof failure;
  return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
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
  if (!connects(socket, address)) give_up("connect");
  while (!bytes.empty()) {
    const ssize_t sent = uninterrupted([&] { return ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
    if (sent <= 0) break;  // it has closed already
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  ::shutdown(socket, SHUT_WR);
  std::string answer;
  char buffer[4096];
  while (true) {
    pollfd waiting{socket, POLLIN, 0};
    if (uninterrupted([&] { return ::poll(&waiting, 1, 5000); }) != 1) give_up("no answer in 5 seconds");
    const ssize_t got = uninterrupted([&] { return ::recv(socket, buffer, sizeof buffer, 0); });
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
