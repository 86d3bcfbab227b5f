// A load generator for one server, on one thread. Open loop: requests have times of their own, and latency counts from
// the time at which a request should have been sent, whether or not a connection was free (coordinated omission).
//
// usage: serve_load http  HOST:PORT METHOD PATH BODY_FILE|- CONNECTIONS RATE SECONDS [HEADER...]
//        serve_load grpc  HOST:PORT PATH MESSAGE_FILE CONNECTIONS RATE SECONDS
// RATE 0: as fast as CONNECTIONS requests at a time go (closed loop), looking for answers all the time, so that the
// server does not pay for waking up a sleeping client. Prints one JSON object.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(std::string_view message) {
  fmt::print(stderr, "serve_load: {}\n", message);
  std::exit(2);
}

std::string read_all(const std::string& file) {
  if (file == "-") return {};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) die("cannot read " + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// When requests are to be sent, and what became of them.
class Schedule {
 public:
  Schedule(double rate, double seconds) : rate_(rate), begun_(Clock::now()), end_(begun_ + duration(seconds)) {}
  // Whether a request is due now; its time goes to `at`.
  bool due(Clock::time_point& at) {
    const auto now = Clock::now();
    if (now >= end_) return false;
    if (rate_ <= 0) {
      at = now;
      return true;
    }
    at = begun_ + duration(static_cast<double>(sent_) / rate_);
    if (at > now) return false;
    ++sent_;
    return true;
  }
  // Milliseconds until the next one is due, for a wait.
  int wait_milliseconds() const {
    if (rate_ <= 0) return 100;
    const auto next = begun_ + duration(static_cast<double>(sent_) / rate_);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 100));
  }
  bool closed() const { return rate_ <= 0; }
  bool over() const { return Clock::now() >= end_; }
  void answered(Clock::time_point at, bool good) {
    if (good)
      latencies_.push_back(std::chrono::duration<double, std::micro>(Clock::now() - at).count());
    else
      ++errors_;
  }
  void print() {
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    std::sort(latencies_.begin(), latencies_.end());
    const auto quantile = [&](double q) {
      if (latencies_.empty()) return 0.0;
      return latencies_[std::min(latencies_.size() - 1,
                                 static_cast<std::size_t>(q * static_cast<double>(latencies_.size())))];
    };
    fmt::print(R"({{"requests":{},"errors":{},"seconds":{:.3f},"rate":{:.0f},"p50":{:.1f},"p99":{:.1f},"p999":{:.1f}}})"
               "\n",
               latencies_.size(), errors_, seconds, static_cast<double>(latencies_.size()) / seconds, quantile(.5),
               quantile(.99), quantile(.999));
  }

 private:
  static Clock::duration duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  double rate_;
  Clock::time_point begun_, end_;
  std::uint64_t sent_ = 0, errors_ = 0;
  std::vector<double> latencies_;
};

// ---- HTTP

struct Connection {
  int socket = -1;
  Clock::time_point at;
  std::string answer;
  std::size_t needed = 0;  // bytes of the whole answer, once its header is there
};

int connect_to(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
  if (::inet_pton(AF_INET, address.substr(0, colon).c_str(), &place.sin_addr) != 1) die("no address: " + address);
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&place), sizeof place) != 0) die("cannot connect to " + address);
  const int one = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::fcntl(socket, F_SETFL, O_NONBLOCK);
  return socket;
}

// Whether the answer is whole.
bool receive(Connection& connection) {
  char buffer[16384];
  while (true) {
    const ssize_t got = ::recv(connection.socket, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) die("the server closed a connection");
    connection.answer.append(buffer, static_cast<std::size_t>(got));
  }
  if (connection.needed == 0) {
    const std::size_t end = connection.answer.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::string head = connection.answer.substr(0, end);
    std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::size_t length = head.find("content-length:");
    if (length == std::string::npos) die("an answer without Content-Length");
    connection.needed = end + 4 + std::strtoull(head.c_str() + length + 15, nullptr, 10);
  }
  return connection.answer.size() >= connection.needed;
}

void run_http(Schedule& schedule, const std::string& address, const std::string& request, std::size_t count) {
  const int epoll = ::epoll_create1(0);
  std::vector<Connection> connections(count);
  std::vector<std::size_t> idle;
  for (std::size_t i = 0; i < count; ++i) {
    connections[i].socket = connect_to(address);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].socket, &event);
    idle.push_back(i);
  }
  std::size_t busy = 0;
  while (!schedule.over() || busy > 0) {
    Clock::time_point at;
    while (!idle.empty() && schedule.due(at)) {
      Connection& connection = connections[idle.back()];
      idle.pop_back();
      connection.at = at;
      connection.answer.clear();
      connection.needed = 0;
      if (::send(connection.socket, request.data(), request.size(), MSG_NOSIGNAL) !=
          static_cast<ssize_t>(request.size()))
        die("a request could not be sent whole");
      ++busy;
    }
    epoll_event events[64];
    const int wait = schedule.closed() ? 0 : idle.empty() ? 100 : schedule.wait_milliseconds();
    const int ready = ::epoll_wait(epoll, events, 64, wait);
    for (int i = 0; i < ready; ++i) {
      Connection& connection = connections[events[i].data.u64];
      if (!receive(connection)) continue;
      schedule.answered(connection.at, connection.answer.compare(9, 3, "200") == 0);
      idle.push_back(events[i].data.u64);
      --busy;
    }
  }
}

// ---- gRPC

struct RunningCall {
  grpc::ClientContext context;
  grpc::ByteBuffer answer;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  Clock::time_point at;
};

void run_grpc(Schedule& schedule, const std::string& address, const std::string& path, const std::string& message,
              std::size_t most) {
  grpc::GenericStub stub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::CompletionQueue queue;
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  std::size_t busy = 0;
  while (!schedule.over() || busy > 0) {
    Clock::time_point at;
    while (busy < most && schedule.due(at)) {
      auto* const call = new RunningCall;
      call->at = at;
      call->reader = stub.PrepareUnaryCall(&call->context, path, request, &queue);
      call->reader->StartCall();
      call->reader->Finish(&call->answer, &call->status, call);
      ++busy;
    }
    void* tag = nullptr;
    bool ok = false;
    const auto until = std::chrono::system_clock::now() + std::chrono::milliseconds(schedule.wait_milliseconds());
    if (queue.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) continue;
    const std::unique_ptr<RunningCall> call(static_cast<RunningCall*>(tag));
    schedule.answered(call->at, ok && call->status.ok());
    --busy;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() >= 8 && words[0] == "http") {
    const std::string body = read_all(words[4]);
    std::string request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", words[2], words[3], words[1]);
    for (std::size_t i = 8; i < words.size(); ++i) request += words[i] + "\r\n";
    if (words[2] != "GET")
      request += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    request += "\r\n" + body;
    Schedule schedule(std::atof(words[6].c_str()), std::atof(words[7].c_str()));
    run_http(schedule, words[1], request, static_cast<std::size_t>(std::atoi(words[5].c_str())));
    schedule.print();
    return 0;
  }
  if (words.size() == 7 && words[0] == "grpc") {
    Schedule schedule(std::atof(words[5].c_str()), std::atof(words[6].c_str()));
    run_grpc(schedule, words[1], words[2], read_all(words[3]), static_cast<std::size_t>(std::atoi(words[4].c_str())));
    schedule.print();
    return 0;
  }
  die("usage: http HOST:PORT METHOD PATH BODY|- CONNECTIONS RATE SECONDS [HEADER...], or "
      "grpc HOST:PORT PATH MESSAGE CONNECTIONS RATE SECONDS");
}
