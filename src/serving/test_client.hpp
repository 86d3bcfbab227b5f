// A client of the server for the tests of this room.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace slipway::serving {

// A plain blocking client, which can send what no library would.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    struct sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const struct sockaddr*>(&address), sizeof address) == 0;
  }
  ~HttpClient() { ::close(socket_); }
  bool connected() const { return connected_; }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
  }
  // One answer: its status line, header and body. "" if the connection was closed without.
  std::string answer(bool head_only = false) {
    while (received_.find("\r\n\r\n") == std::string::npos)
      if (!receive()) return std::exchange(received_, "");
    const std::size_t body = received_.find("\r\n\r\n") + 4;
    const std::size_t field = received_.find("Content-Length: ");
    const std::size_t size = field < body && !head_only ? std::stoul(received_.substr(field + 16)) : 0;
    while (received_.size() < body + size)
      if (!receive()) return std::exchange(received_, "");
    const std::string whole = received_.substr(0, body + size);
    received_.erase(0, body + size);
    return whole;
  }
  // Whether the server closes the connection within two seconds.
  bool is_closed() {
    struct pollfd poll {
      socket_, POLLIN, 0
    };
    char byte;
    return ::poll(&poll, 1, 2000) == 1 && ::recv(socket_, &byte, 1, 0) <= 0;
  }

 private:
  bool receive() {
    struct pollfd poll {
      socket_, POLLIN, 0
    };
    char block[65536];
    if (::poll(&poll, 1, 60000) != 1) return false;
    const ssize_t got = ::recv(socket_, block, sizeof block, 0);
    if (got <= 0) return false;
    received_.append(block, static_cast<std::size_t>(got));
    return true;
  }
  int socket_;
  bool connected_ = false;
  std::string received_;
};

inline std::string post(std::string_view body, std::string_view more = "") {
  return "POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}
inline std::string get(std::string_view target, std::string_view more = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

}  // namespace slipway::serving
