// A connection's bytes, with TLS or without.
#pragma once
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "tls.hpp"

namespace slipway::serving {

using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

// Of one thread. Handlers take an error_code and, but for the handshake and the end, a number of bytes.
class Stream {
 public:
  // Without TLS where `context` is null.
  Stream(Socket socket, boost::asio::ssl::context* context) : socket_(std::move(socket)) {
    if (context != nullptr) tls_.emplace(socket_, *context);
  }
  Socket& socket() { return socket_; }
  bool encrypted() const { return tls_.has_value(); }

  template <class Handler>
  void handshake(Handler&& handler) {
    tls_->async_handshake(boost::asio::ssl::stream_base::server, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void read_some(const Buffers& buffers, Handler&& handler) {
    if (tls_)
      tls_->async_read_some(buffers, std::forward<Handler>(handler));
    else
      socket_.async_read_some(buffers, std::forward<Handler>(handler));
  }
  template <class Buffers, class Handler>
  void write(const Buffers& buffers, Handler&& handler) {
    if (tls_)
      boost::asio::async_write(*tls_, buffers, std::forward<Handler>(handler));
    else
      boost::asio::async_write(socket_, buffers, std::forward<Handler>(handler));
  }
  // Says that nothing more will be sent. TLS says so in its own way and waits for the client's word.
  template <class Handler>
  void say_goodbye(Handler&& handler) {
    tls_->async_shutdown(std::forward<Handler>(handler));
  }
  std::string peer_name() { return tls_ ? peer_common_name(tls_->native_handle()) : std::string(); }

 private:
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace slipway::serving
