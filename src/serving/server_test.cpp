#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <slipway/base/file.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/serving/server.hpp>

#include "test_client.hpp"
#include "test_model.hpp"

namespace slipway::serving {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Server> start(ServerOptions options = {}) {
    options.port = 0;
    if (options.threads == 0) options.threads = 2;
    auto models = ModelRepository::empty();
    EXPECT_TRUE(models->add(fraud_model(), "3", "digest3").ok());
    auto server = Server::start(options, models);
    EXPECT_TRUE(server.ok()) << server.error().message();
    return std::move(server).value();
  }
};

TEST_F(ServerTest, KeepsConnectionsOpen) {
  const auto server = start();
  HttpClient client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.send(post(R"({"count":1,"state":"CA","id":")" + std::to_string(i) + "\"}"));
    const std::string answer = client.answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\"score\":0.1,"));
    EXPECT_THAT(answer, HasSubstr("\"request_id\":\"" + std::to_string(i) + "\""));
  }
  client.send(get("/metrics", "Connection: close\r\n"));
  EXPECT_THAT(client.answer(), HasSubstr("slipway_connections 1\n"));
  EXPECT_TRUE(client.is_closed());
  HttpClient old(server->port());
  old.send("GET /v2/health/live HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.answer(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(old.is_closed());
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  const auto server = start();
  HttpClient client(server->port());
  std::string both;
  for (int i = 0; i < 20; ++i)
    both += i % 2 == 0 ? post("{\"count\":1,\"id\":" + std::to_string(i) + "}") : get("/nothing" + std::to_string(i));
  client.send(both);
  for (int i = 0; i < 20; ++i) {
    const std::string answer = client.answer();
    if (i % 2 == 0)
      EXPECT_THAT(answer, HasSubstr("\"request_id\":\"" + std::to_string(i) + "\""));
    else
      EXPECT_THAT(answer, HasSubstr("/nothing" + std::to_string(i)));
  }
}

TEST_F(ServerTest, LoadsHaveAThreadOfTheirOwnAndAreAnsweredInOrder) {
  ServerOptions options;
  options.threads = 1;
  options.open_administration = true;
  auto server = start(options);
  const auto load = [](std::string_view name) {
    return "POST /admin/models/" + std::string(name) + "/load HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" +
           "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
  };
  HttpClient client(server->port()), other(server->port());
  client.send(load("fraud") + load("nobody") + post(R"({"count":1,"state":"CA"})"));
  const std::string loaded = client.answer();
  EXPECT_THAT(loaded, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(loaded, HasSubstr("traceresponse: 00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(loaded, HasSubstr(R"({"name":"fraud","load":true})"));
  const std::string unknown = client.answer();
  EXPECT_THAT(unknown, StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(unknown, HasSubstr("traceresponse: 00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(client.answer(), HasSubstr("\"score\":0.1,"));
  // A load under way is answered before the server has stopped.
  other.send(load("fraud"));
  ASSERT_TRUE(server->stop().ok());
  EXPECT_THAT(other.answer(), HasSubstr("\"load\":true"));
}

TEST_F(ServerTest, TakesRequestsInPieces) {
  const auto server = start();
  HttpClient client(server->port());
  const std::string chunked =
      "POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cou\r\n6\r\nnt\":1}\r\n0\r\n\r\n";
  for (const std::string& request : {post("{\"count\":1}"), chunked}) {
    for (std::size_t i = 0; i < request.size(); i += 7) {
      client.send(std::string_view(request).substr(i, 7));
      ::usleep(500);
    }
    EXPECT_THAT(client.answer(), HasSubstr("\"score\":"));
  }
  client.send("HEAD /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n" + get("http://x/version"));
  EXPECT_THAT(client.answer(true), HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(client.answer(), StartsWith("HTTP/1.1 200 OK"));  // and no body in between
}

TEST_F(ServerTest, LargeBodies) {
  const auto server = start();
  HttpClient client(server->port());
  std::string rows = "[";
  for (int i = 0; i < 100'000; ++i) rows += "{\"count\":1,\"amount\":50,\"state\":\"CA\"},";
  rows.back() = ']';
  client.send(post(rows));
  EXPECT_THAT(client.answer(), StartsWith("HTTP/1.1 200 OK"));
  ServerOptions small;
  small.body_bytes = 1000;
  const auto strict = start(small);
  HttpClient refused(strict->port());
  refused.send(post(rows));
  const std::string answer = refused.answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, HasSubstr("{\"error\":\"the body is larger than 1000 bytes\"}"));
  EXPECT_TRUE(refused.is_closed());
  HttpClient waits(strict->port());
  waits.send("POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(waits.answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  waits.send("{\"count\":1}");
  EXPECT_THAT(waits.answer(), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(ServerTest, RefusesWhatIsNotStrictHttpAndCloses) {
  const auto server = start();
  const std::string smuggled = get("/smuggled");
  const std::pair<std::string, std::string> cases[] = {
      {"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " 400 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", " 400 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n", " 400 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", " 501 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", " 501 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", " 400 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\n{}", " 400 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", " 400 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", " 400 "},
      {"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", " 400 "},
      {"GET / HTTP/1.1\r\n\r\n", " 400 "},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", " 400 "},
      {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", " 400 "},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", " 400 "},
      {"GET / HTTP/1.1\nHost: x\n\n", " 400 "},
      {"nonsense\r\n\r\n", " 400 "},
      {"GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n", " 417 "},
      {"GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", " 431 "},
  };
  for (const auto& [request, status] : cases) {
    HttpClient client(server->port());
    client.send(request + smuggled);
    const std::string answer = client.answer();
    EXPECT_THAT(answer.substr(0, 13), HasSubstr(status)) << request.substr(0, 120);
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n")) << request.substr(0, 120);
    EXPECT_THAT(answer, HasSubstr("{\"error\":")) << request.substr(0, 120);
    EXPECT_TRUE(client.is_closed()) << request.substr(0, 120);  // the request behind it is not answered
  }
}

TEST_F(ServerTest, SlowClientsAreClosed) {
  ServerOptions options;
  options.header_milliseconds = 200;
  options.body_milliseconds = 200;
  options.idle_milliseconds = 200;
  const auto server = start(options);
  HttpClient silent(server->port()), slow_header(server->port()), slow_body(server->port());
  slow_header.send("GET / HTTP/1.1\r\nHo");
  slow_body.send("POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
  EXPECT_TRUE(silent.is_closed());
  EXPECT_TRUE(slow_header.is_closed());
  EXPECT_TRUE(slow_body.is_closed());
  // Sending a byte now and then does not help.
  HttpClient trickle(server->port());
  const auto begun = std::chrono::steady_clock::now();
  const std::string request = get("/" + std::string(1000, 'a'));
  std::thread sender([&] {
    for (const char c : request.substr(0, 60)) {
      trickle.send(std::string_view(&c, 1));
      ::usleep(20'000);
    }
  });
  EXPECT_TRUE(trickle.is_closed());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(1500));
  sender.join();
}

TEST_F(ServerTest, TooManyConnectionsAreToldSo) {
  ServerOptions options;
  options.connections = 2;
  const auto server = start(options);
  HttpClient one(server->port()), two(server->port());
  one.send(get("/version"));
  EXPECT_THAT(one.answer(), StartsWith("HTTP/1.1 200"));
  two.send(get("/version"));
  EXPECT_THAT(two.answer(), StartsWith("HTTP/1.1 200"));
  {
    HttpClient three(server->port());
    three.send(get("/version"));
    const std::string answer = three.answer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_TRUE(three.is_closed());
  }
  one.send(get("/version", "Connection: close\r\n"));
  EXPECT_THAT(one.answer(), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(one.is_closed());
  ::usleep(50'000);
  HttpClient four(server->port());
  four.send(get("/version"));
  EXPECT_THAT(four.answer(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, DrainsWhatIsInFlight) {
  char pattern[] = "/tmp/server_test_XXXXXX";
  const std::filesystem::path root = ::mkdtemp(pattern);
  ServerOptions options;
  options.journal = journal::Writer::open({.folder = root / "log"}).value();
  const auto server = start(options);
  HttpClient idle(server->port()), half(server->port());
  idle.send(post("{\"count\":1}"));
  EXPECT_THAT(idle.answer(), StartsWith("HTTP/1.1 200"));
  half.send("POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{\"cou");
  ::usleep(100'000);
  std::thread stopping([&] { EXPECT_TRUE(server->stop().ok()); });
  EXPECT_TRUE(idle.is_closed());
  ::usleep(100'000);
  EXPECT_FALSE(HttpClient(server->port()).connected());
  half.send("nt\":1}");
  const std::string answer = half.answer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(half.is_closed());
  stopping.join();
  server->wait();  // returns at once
  EXPECT_TRUE(server->stop().ok());
  EXPECT_EQ(journal::read_journal(root / "log")->rows(), 2u);
  EXPECT_TRUE(journal::verify_journal(root / "log").ok());
  std::filesystem::remove_all(root);
}

TEST_F(ServerTest, DrainingEndsAtItsLimit) {
  ServerOptions options;
  options.drain_milliseconds = 200;
  const auto server = start(options);
  HttpClient half(server->port());
  half.send("POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{\"cou");
  ::usleep(100'000);
  const Status stopped = server->stop();
  ASSERT_FALSE(stopped.ok());
  EXPECT_THAT(stopped.error().message(), HasSubstr("1 connections were cut off"));
  EXPECT_TRUE(half.is_closed());
}

TEST_F(ServerTest, AddressErrorsAreClear) {
  const auto server = start();
  ServerOptions options;
  options.port = server->port();
  const auto second = Server::start(options, ModelRepository::empty());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::unavailable);
  EXPECT_THAT(second.error().message(),
              HasSubstr("127.0.0.1:" + std::to_string(server->port()) + ": the port is in use"));
  options.address = "nowhere.invalid";
  EXPECT_THAT(Server::start(options, ModelRepository::empty()).error().message(),
              HasSubstr("'nowhere.invalid' is no address"));
}

}  // namespace
}  // namespace slipway::serving
