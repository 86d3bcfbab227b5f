// Everything that the server does at once, for the thread sanitizer above all.
#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/serving/server.hpp>
#include <slipway/serving/service.hpp>

#include "inference.pb.h"
#include "test_client.hpp"
#include "test_registry.hpp"

namespace slipway::serving {
namespace {

namespace fs = std::filesystem;
namespace v2 = slipway::wire::inference;
using ::testing::StartsWith;

// The scores of versions 1 to 3 for a row without an amount in CA.
constexpr std::array<float, 3> leaves = {0.1F, 0.2F, 0.3F};

bool is_a_version(float score, std::string_view version) {
  const auto found = std::find(leaves.begin(), leaves.end(), score);
  return found != leaves.end() && version == std::to_string(found - leaves.begin() + 1);
}

// The gRPC library is not built for the thread sanitizer, which takes what it hands from thread to thread for races.
// There its methods are called as the connections would call them, on the same models, journal and log.
#ifdef __SANITIZE_THREAD__
constexpr bool over_connections = false;
#else
constexpr bool over_connections = true;
#endif

// One call: a message in, the answer's out; nothing where it was refused.
using SendCall = std::function<std::optional<std::string>(const std::string& method, const std::string& message)>;

SendCall connect(std::uint16_t port) {
  const auto stub = std::make_shared<grpc::GenericStub>(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
  return [stub](const std::string& method, const std::string& message) -> std::optional<std::string> {
    const grpc::Slice question(message);
    const grpc::ByteBuffer sent(&question, 1);
    grpc::ByteBuffer received;
    grpc::ClientContext context;
    std::promise<grpc::Status> done;
    stub->UnaryCall(&context, method, {}, &sent, &received,
                    [&](grpc::Status status) { done.set_value(std::move(status)); });
    grpc::Slice answer;
    if (!done.get_future().get().ok() || !received.DumpToSingleSlice(&answer).ok()) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(answer.begin()), answer.size());
  };
}

SendCall call(Service& service) {
  return [&service](const std::string& method, const std::string& message) -> std::optional<std::string> {
    Reply reply = service.call(Call{method, message, {}});
    if (reply.code != 0) return std::nullopt;
    return std::move(reply.message);
  };
}

// Whether a row scored over gRPC gets the answer of one version, whole.
bool scores_over_grpc(const SendCall& send) {
  v2::ModelInferRequest request;
  request.set_model_name("fraud");
  const auto add = [&](const char* name, const char* type) -> v2::InferTensorContents& {
    v2::ModelInferRequest::InferInputTensor& input = *request.add_inputs();
    input.set_name(name);
    input.set_datatype(type);
    input.add_shape(1);
    return *input.mutable_contents();
  };
  add("count", "FP32").add_fp32_contents(1);
  add("state", "BYTES").add_bytes_contents("CA");
  const auto bytes = send("/inference.GRPCInferenceService/ModelInfer", request.SerializeAsString());
  v2::ModelInferResponse answer;
  return bytes && answer.ParseFromString(*bytes) &&
         is_a_version(answer.outputs(0).contents().fp32_contents(0), answer.model_version());
}

// Whether the answer to a scored row is that of one version, whole.
bool is_whole(const std::string& answer) {
  for (std::size_t i = 0; i < leaves.size(); ++i)
    if (answer.find("\"score\":0." + std::to_string(i + 1) + ",\"label\":\"0\",") != std::string::npos)
      return answer.find("\"version\":\"" + std::to_string(i + 1) + "\"") != std::string::npos;
  return false;
}

std::string post_to(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

TEST(WholeServer, EverythingAtOnce) {
  char pattern[] = "/tmp/whole_server_test_XXXXXX";
  const fs::path root = ::mkdtemp(pattern);
  for (const float leaf : leaves) publish_fraud(root / "models", leaf);
  const auto models = ModelRepository::open(root / "models").value();
  NameConfiguration all;
  all.name = "fraud";
  all.versions = NameConfiguration::Versions::all;
  ASSERT_TRUE(models->configure({all}).ok());
  ServerOptions options;
  options.port = 0;
  if (over_connections) options.grpc = GrpcOptions{.port = 0};
  options.threads = 2;
  options.open_administration = true;
  options.refresh_milliseconds = 5;
  options.journal = journal::Writer::open({.folder = root / "log", .pack = true, .segment_bytes = 16'384}).value();
  options.access_log = AccessLog::open(root / "access.log").value();
  auto server = Server::start(options, models).value();
  std::optional<Service> beside;
  if (!over_connections)
    beside.emplace(ServiceOptions{.models = models, .journal = options.journal, .access_log = options.access_log});

  constexpr int http_clients = 3, grpc_clients = 2, requests = 60;
  std::atomic<int> good = 0, scoring = http_clients + grpc_clients;
  std::vector<std::thread> pool;
  for (int c = 0; c < http_clients; ++c)
    pool.emplace_back([&] {
      HttpClient client(server->port());
      for (int i = 0; i < requests; ++i) {
        client.send(post(R"({"count":1,"state":"CA","reasons":)" + std::to_string(i % 2) + "}"));
        good += is_whole(client.answer()) ? 1 : 0;
      }
      --scoring;
    });
  for (int c = 0; c < grpc_clients; ++c)
    pool.emplace_back([&] {
      const SendCall send = over_connections ? connect(server->grpc_port()) : call(*beside);
      for (int i = 0; i < requests; ++i) good += scores_over_grpc(send) ? 1 : 0;
      --scoring;
    });
  // While they score: versions change and are loaded again, traffic rules come and go, what is served and counted is
  // looked at, the access log is moved away.
  const auto meanwhile = [&](const std::function<void(HttpClient&, int)>& act) {
    pool.emplace_back([&, act] {
      HttpClient client(server->port());
      for (int i = 0; scoring > 0; ++i) act(client, i);
    });
  };
  const auto expect_done = [](HttpClient& client, const std::string& request) {
    client.send(request);
    EXPECT_THAT(client.answer(), StartsWith("HTTP/1.1 200"));
  };
  meanwhile([&](HttpClient& client, int i) {
    expect_done(client, post_to("/admin/models/fraud/load", ""));
    expect_done(client, post_to("/admin/models/fraud/promote",
                                R"({"version":")" + std::to_string(1 + i % 2) + R"(","why":"test"})"));
  });
  meanwhile([&](HttpClient& client, int i) {
    expect_done(client, post_to("/admin/models/fraud/traffic",
                                i % 3 == 0 ? "{}" : R"({"canary":{"version":"3","share":0.5},"shadow":"2"})"));
    expect_done(client, get(i % 2 == 0 ? "/metrics" : "/admin/models"));
    expect_done(client, get("/v2/models/stats"));
  });
  std::atomic<int> moved = 0;
  meanwhile([&](HttpClient&, int i) {
    std::error_code ignored;
    fs::rename(root / "access.log", root / ("access." + std::to_string(i)), ignored);
    moved += ignored ? 0 : 1;
    ::usleep(20'000);
  });
  for (std::thread& thread : pool) thread.join();
  EXPECT_EQ(good, (http_clients + grpc_clients) * requests);
  ASSERT_TRUE(server->stop().ok());
  server.reset();
  beside.reset();

  // Every row is in the prediction log, which has gone through many segments, and every request in the access log.
  options.journal.reset();
  EXPECT_TRUE(journal::verify_journal(root / "log").ok());
  EXPECT_EQ(journal::read_journal(root / "log")->rows(), std::size_t{(http_clients + grpc_clients) * requests});
  EXPECT_GT(std::distance(fs::directory_iterator(root / "log"), fs::directory_iterator()), 3);
  EXPECT_GT(moved, 0);
  options.access_log.reset();
  std::size_t scored = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(root))
    if (entry.path().filename().string().starts_with("access."))
      for (const std::string& line : split(read_file(entry.path()).value(), '\n'))
        scored += line.find("\"rows\":1") != std::string::npos ? 1 : 0;
  EXPECT_EQ(scored, std::size_t{(http_clients + grpc_clients) * requests});
  fs::remove_all(root);
}

}  // namespace
}  // namespace slipway::serving
