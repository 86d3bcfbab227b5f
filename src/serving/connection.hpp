// One HTTP/1.1 connection, and the loop of the thread it lives on.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <slipway/serving/server.hpp>
#include <slipway/serving/service.hpp>

#include "stream.hpp"

namespace slipway::serving {

using Clock = std::chrono::steady_clock;
inline constexpr auto sweep_interval = std::chrono::milliseconds(100);
class Connection;

// What all threads of a server share.
struct Shared {
  ServerOptions options;
  std::unique_ptr<Service> service;
  std::unique_ptr<boost::asio::ssl::context> tls;  // null: plain HTTP
  std::atomic<bool> draining{false};
  std::atomic<std::uint32_t> connections{0};
  std::mutex mutex;
  std::condition_variable changed;  // connections went down to 0

  void opened() {
    ++connections;
    service->count_connections(1);
  }
  void closed() {
    service->count_connections(-1);
    if (--connections == 0) {
      const std::lock_guard guard(mutex);
      changed.notify_all();
    }
  }
};

// One thread's loop. All members but `context` are touched by that thread alone.
struct Loop {
  boost::asio::io_context context{1};
  boost::asio::steady_timer sweep{context};
  std::unordered_set<std::shared_ptr<Connection>> connections;
  Clock::time_point now = Clock::now();  // as of the last sweep
  std::string date;                      // for the Date field, at most a second old
  std::thread thread;

  // Closes connections whose time is over, again and again.
  void sweep_forever();
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, Loop& loop, Shared& shared);
  // Reads the first request.
  void start();
  // Answers 503 and closes: there are too many connections.
  void refuse();
  // The server stops: closes now if no request is under way, else after its answer.
  void drain();
  void close();
  bool is_overdue(Clock::time_point now) const { return now > deadline_; }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  void shake_hands();
  void begin_request();
  void read_more();
  void parse();
  // Called once the header is there; an answer to refuse the request with, if it must not go on.
  std::optional<Response> check_header() const;
  void handle_request();
  void fail(boost::beast::error_code code);
  void fail(Response response);
  void respond(Response response);
  void written();
  // Sends the end of the stream and waits a little for the client's, so that it can read the answer.
  void linger();
  // To a sweep's interval: four readings of the clock would be a good part of a small request's cost.
  void set_deadline(std::int64_t milliseconds) {
    deadline_ = loop_.now + sweep_interval + std::chrono::milliseconds(milliseconds);
  }

  Stream stream_;
  std::string peer_, certificate_;  // the client's address and its certificate's common name
  Loop& loop_;
  Shared& shared_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  bool header_checked_ = false;
  bool handling_ = false;  // a request is with the service, or its answer on the way
  bool keep_alive_ = false;
  bool lingering_ = false;  // of the answer on the way: the request was not read to its end
  bool closed_ = false;
  std::size_t discarded_ = 0;
  std::vector<Header> headers_;
  std::string head_;
  Response response_;
  Clock::time_point deadline_;
};

}  // namespace slipway::serving
