#include "connection.hpp"

#include <ctime>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

namespace slipway::serving {
namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr std::size_t read_bytes = 16u << 10;
constexpr std::size_t body_read_bytes = 64u << 10;
constexpr std::int64_t linger_milliseconds = 1'000;
constexpr std::size_t linger_bytes = 1u << 20;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view reason_phrase(int status) {
  const auto phrase = http::obsolete_reason(static_cast<http::status>(status));
  return view(phrase);
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  struct tm parts {};
  ::gmtime_r(&now, &parts);
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon],
                     parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

void Loop::sweep_forever() {
  date = http_date();
  now = Clock::now();
  std::vector<std::shared_ptr<Connection>> overdue;
  for (const auto& connection : connections)
    if (connection->is_overdue(now)) overdue.push_back(connection);
  for (const auto& connection : overdue) connection->close();
  sweep.expires_after(sweep_interval);
  sweep.async_wait([this](beast::error_code code) {
    if (!code) sweep_forever();
  });
}

Connection::Connection(Socket socket, Loop& loop, Shared& shared)
    : stream_(std::move(socket), shared.tls.get()), loop_(loop), shared_(shared) {}

void Connection::start() {
  beast::error_code ignored;
  stream_.socket().set_option(net::ip::tcp::no_delay(true), ignored);
  loop_.connections.insert(shared_from_this());
  if (const auto endpoint = stream_.socket().remote_endpoint(ignored); !ignored) peer_ = endpoint.address().to_string();
  if (stream_.encrypted())
    shake_hands();
  else
    begin_request();
}

void Connection::shake_hands() {
  set_deadline(shared_.options.header_milliseconds);
  stream_.handshake([self = shared_from_this()](beast::error_code code) {
    if (self->closed_) return;
    if (code) return self->close();
    self->certificate_ = self->stream_.peer_name();
    self->begin_request();
  });
}

void Connection::refuse() {
  loop_.connections.insert(shared_from_this());
  shared_.service->count_refused(503);
  Response response = error_response(503, "too many connections: try again in a second");
  response.headers.emplace_back("Retry-After", "1");
  if (!stream_.encrypted()) return fail(std::move(response));
  close();  // a handshake only to say no would cost more than the request
}

void Connection::drain() {
  if (handling_ || closed_) return;
  beast::error_code code;
  const bool waiting =
      parser_.has_value() && buffer_.size() == 0 && !parser_->got_some() && stream_.socket().available(code) == 0;
  if (waiting) close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  const auto self = shared_from_this();
  beast::error_code ignored;
  stream_.socket().close(ignored);
  loop_.connections.erase(self);
  shared_.closed();
}

void Connection::begin_request() {
  parser_.emplace();
  parser_->eager(true);
  parser_->header_limit(shared_.options.header_bytes);
  parser_->body_limit(shared_.options.body_bytes);
  header_checked_ = false;
  handling_ = false;
  if (buffer_.size() > 0) {
    set_deadline(shared_.options.header_milliseconds);
    parse();  // a request that was sent behind the last one
  } else {
    set_deadline(shared_.options.idle_milliseconds);
    read_more();
  }
}

void Connection::read_more() {
  const std::size_t size = header_checked_ ? body_read_bytes : read_bytes;
  stream_.read_some(buffer_.prepare(size), [self = shared_from_this()](beast::error_code code, std::size_t got) {
    if (self->closed_) return;
    if (code) {  // the client has gone, with or without half a request
      self->close();
      return;
    }
    const bool first = self->buffer_.size() == 0 && !self->parser_->got_some();
    self->buffer_.commit(got);
    if (first) self->set_deadline(self->shared_.options.header_milliseconds);
    self->parse();
  });
}

void Connection::parse() {
  while (!parser_->is_done()) {
    if (buffer_.size() == 0) return read_more();
    beast::error_code code;
    const std::size_t taken = parser_->put(buffer_.data(), code);
    buffer_.consume(taken);
    if (code && code != http::error::need_more) return fail(code);
    if (parser_->is_header_done() && !header_checked_) {
      header_checked_ = true;
      if (auto refusal = check_header()) return fail(std::move(*refusal));
      set_deadline(shared_.options.body_milliseconds);
      if (!parser_->is_done() && parser_->get().count(http::field::expect) > 0 && buffer_.size() == 0) {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        stream_.write(net::buffer(go_on), [self = shared_from_this()](beast::error_code failure, std::size_t) {
          if (self->closed_) return;
          if (failure)
            self->close();
          else
            self->read_more();
        });
        return;
      }
    }
    if (code == http::error::need_more) return read_more();
  }
  handle_request();
}

std::optional<Response> Connection::check_header() const {
  const auto& message = parser_->get();
  const bool http11 = message.version() == 11;
  const auto encodings = message.equal_range(http::field::transfer_encoding);
  if (encodings.first != encodings.second) {
    // What another server in front of this one might have read differently must not be read at all.
    if (message.count(http::field::content_length) > 0)
      return error_response(400, "a request cannot have both Transfer-Encoding and Content-Length");
    if (!http11) return error_response(400, "Transfer-Encoding needs HTTP/1.1");
    if (!beast::iequals(encodings.first->value(), "chunked"))
      return error_response(501, "the only Transfer-Encoding that is supported is chunked");
  }
  if (message.count(http::field::content_length) > 1)
    return error_response(400, "a request cannot have several Content-Length fields");
  const auto length = message[http::field::content_length];
  if (std::any_of(length.begin(), length.end(), [](char c) { return c < '0' || c > '9'; }))
    return error_response(400, "Content-Length: expected a whole number");
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (http11 && hosts == 0)) return error_response(400, "expected one Host field");
  if (const auto expect = message[http::field::expect]; !expect.empty() && !beast::iequals(expect, "100-continue"))
    return error_response(417, "the only expectation that is supported is 100-continue");
  return std::nullopt;
}

void Connection::handle_request() {
  handling_ = true;
  // The service has as long as it takes; what is slow is bounded by the sizes of requests.
  deadline_ = Clock::time_point::max();
  const auto& message = parser_->get();
  headers_.clear();
  for (const auto& field : message) headers_.push_back({view(field.name_string()), view(field.value())});
  keep_alive_ = parser_->keep_alive();
  lingering_ = false;
  Request request;
  request.method = view(message.method_string());
  request.target = view(message.target());
  if (request.target.starts_with("http://")) {  // absolute form, as proxies send it
    const std::size_t path = request.target.find('/', 7);
    request.target = path == std::string_view::npos ? std::string_view("/") : request.target.substr(path);
  }
  request.headers = headers_;
  request.body = message.body();
  request.peer = peer_;
  request.certificate = certificate_;
  shared_.service->handle(request, [self = shared_from_this()](Response response) mutable {
    net::dispatch(self->stream_.socket().get_executor(), [self, response = std::move(response)]() mutable {
      if (!self->closed_) self->respond(std::move(response));
    });
  });
}

void Connection::fail(beast::error_code code) {
  int status = 400;
  std::string message = "this is no valid HTTP request: " + code.message();
  if (code == http::error::body_limit) {
    status = 413;
    message = fmt::format("the body is larger than {} bytes", shared_.options.body_bytes);
  } else if (code == http::error::header_limit || code == http::error::buffer_overflow) {
    status = 431;
    message = fmt::format("the header is larger than {} bytes", shared_.options.header_bytes);
  }
  fail(error_response(status, message));
}

void Connection::fail(Response response) {
  if (response.status != 503) shared_.service->count_refused(response.status);
  handling_ = true;
  keep_alive_ = false;
  lingering_ = true;
  respond(std::move(response));
}

void Connection::respond(Response response) {
  response_ = std::move(response);
  if (shared_.draining) keep_alive_ = false;
  head_.clear();
  const auto append_number = [this](std::size_t number) {
    const fmt::format_int digits(number);
    head_.append(digits.data(), digits.size());
  };
  if (response_.status == 200) {
    head_ += "HTTP/1.1 200 OK";
  } else {
    head_ += "HTTP/1.1 ";
    append_number(static_cast<std::size_t>(response_.status));
    head_.append(" ").append(reason_phrase(response_.status));
  }
  head_.append("\r\nServer: slipway\r\nDate: ").append(loop_.date);
  head_.append("\r\nContent-Type: ").append(response_.content_type).append("\r\nContent-Length: ");
  append_number(response_.body.size());
  head_ += "\r\n";
  for (const auto& [name, value] : response_.headers) head_.append(name).append(": ").append(value).append("\r\n");
  if (!keep_alive_)
    head_ += "Connection: close\r\n";
  else if (parser_->get().version() == 10)
    head_ += "Connection: keep-alive\r\n";
  head_ += "\r\n";
  const bool only_head =
      parser_.has_value() && parser_->is_header_done() && parser_->get().method() == http::verb::head;
  const std::array<net::const_buffer, 2> parts = {
      net::buffer(head_), net::buffer(response_.body.data(), only_head ? 0 : response_.body.size())};
  set_deadline(shared_.options.write_milliseconds);
  stream_.write(parts, [self = shared_from_this()](beast::error_code code, std::size_t) {
    if (self->closed_) return;
    if (code)
      self->close();
    else
      self->written();
  });
}

void Connection::written() {
  if (keep_alive_ && !(shared_.draining && buffer_.size() == 0)) return begin_request();
  if (lingering_) return linger();
  if (stream_.encrypted()) {
    set_deadline(linger_milliseconds);
    stream_.say_goodbye([self = shared_from_this()](beast::error_code) { self->close(); });
    return;
  }
  beast::error_code ignored;
  stream_.socket().shutdown(net::ip::tcp::socket::shutdown_both, ignored);
  close();
}

void Connection::linger() {
  beast::error_code ignored;
  if (discarded_ == 0) {
    if (!stream_.encrypted()) stream_.socket().shutdown(net::ip::tcp::socket::shutdown_send, ignored);
    set_deadline(linger_milliseconds);
  }
  buffer_.clear();
  stream_.read_some(buffer_.prepare(body_read_bytes),
                    [self = shared_from_this()](beast::error_code code, std::size_t got) {
                      if (self->closed_) return;
                      self->discarded_ += got + 1;
                      if (code || self->discarded_ > linger_bytes)
                        self->close();
                      else
                        self->linger();
                    });
}

}  // namespace slipway::serving
