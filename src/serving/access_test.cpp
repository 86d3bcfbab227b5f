#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/serving/service.hpp>

#include "jwt.hpp"
#include "test_model.hpp"

namespace slipway::serving {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;
constexpr std::int64_t now = 1'800'000'000;

std::string base64url(std::string_view text) {
  std::string out(text.size() * 4 / 3 + 4, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  while (out.ends_with('=')) out.pop_back();
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

const std::string secret = "a secret of more than thirty-two bytes";

std::string token(const Json& claims, const std::string& key = secret, const std::string& algorithm = "HS256") {
  const std::string content =
      base64url(Json{{"alg", algorithm}, {"typ", "JWT"}}.dump()) + "." + base64url(claims.dump());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(content.data()),
       content.size(), digest, &size);
  return content + "." + base64url({reinterpret_cast<char*>(digest), size});
}

std::string verdict(const TokenVerifier& verifier, const std::string& text) {
  const auto claims = verifier.verify(text, now);
  return claims.ok() ? "ok: " + claims->subject + (claims->admin ? " (admin)" : "") : claims.error().message();
}

TEST(JwtTest, ChecksSignatureTimesAndNames) {
  const auto verifier = TokenVerifier::make({secret, "bank", "scoring", 60});
  ASSERT_TRUE(verifier.ok());
  const Json good = {{"sub", "ann"}, {"exp", now + 10}, {"iss", "bank"}, {"aud", {"x", "scoring"}}};
  EXPECT_EQ(verdict(*verifier, token(good)), "ok: ann");
  const auto with = [&](const char* name, const Json& value) {
    Json other = good;
    if (value.is_null())
      other.erase(name);
    else
      other[name] = value;
    return verdict(*verifier, token(other));
  };
  EXPECT_EQ(with("scope", "score admin"), "ok: ann (admin)");
  EXPECT_EQ(with("exp", now - 59), "ok: ann");
  EXPECT_THAT(with("exp", now - 60), HasSubstr("expired"));
  EXPECT_THAT(with("exp", nullptr), HasSubstr("no exp"));
  EXPECT_THAT(with("exp", "soon"), HasSubstr("no time"));
  EXPECT_THAT(with("nbf", now + 100), HasSubstr("not valid yet"));
  EXPECT_THAT(with("iss", "other"), HasSubstr("another issuer"));
  EXPECT_THAT(with("aud", "other"), HasSubstr("another audience"));
  EXPECT_THAT(with("sub", nullptr), HasSubstr("names nobody"));
  EXPECT_THAT(verdict(*verifier, token(good, "another secret of more than thirty-two bytes")),
              HasSubstr("signature does not fit"));
  EXPECT_THAT(verdict(*verifier, token(good, secret, "none")), HasSubstr("not signed with HS256"));
  std::string changed = token(good);
  changed[changed.find('.') + 5] ^= 1;
  EXPECT_THAT(verdict(*verifier, changed), HasSubstr("signature does not fit"));
  EXPECT_THAT(verdict(*verifier, "a.b"), HasSubstr("three parts"));
  EXPECT_THAT(verdict(*verifier, "?.?.?"), HasSubstr("base64url"));
  EXPECT_FALSE(TokenVerifier::make({"short", "", "", 0}).ok());
}

TEST(JwtTest, AnEllipticKeyIsForEs256Alone) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  BIO* memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(memory, key);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory, &text);
  const std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(memory);
  const auto verifier = TokenVerifier::make({pem, "", "", 0});
  ASSERT_TRUE(verifier.ok()) << verifier.error().message();

  const std::string content =
      base64url(R"({"alg":"ES256"})") + "." + base64url(Json{{"sub", "ann"}, {"exp", now + 10}}.dump());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  unsigned char der[256];
  std::size_t der_size = sizeof der;
  ASSERT_EQ(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key), 1);
  ASSERT_EQ(
      EVP_DigestSign(context, der, &der_size, reinterpret_cast<const unsigned char*>(content.data()), content.size()),
      1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  // SEQUENCE { INTEGER r, INTEGER s } -> r || s, 32 bytes each
  const auto integer = [&](std::size_t at) {
    std::string number(reinterpret_cast<char*>(der) + at + 2, der[at + 1]);
    while (number.size() > 32) number.erase(0, 1);
    return std::string(32 - number.size(), '\0') + number;
  };
  const std::string signature = integer(2) + integer(4 + der[3]);
  EXPECT_EQ(verdict(*verifier, content + "." + base64url(signature)), "ok: ann");
  std::string other = signature;
  other[40] = static_cast<char>(other[40] ^ 1);
  EXPECT_THAT(verdict(*verifier, content + "." + base64url(other)), HasSubstr("does not fit"));
  // The public key as a shared secret: the old trick.
  EXPECT_THAT(verdict(*verifier, token({{"sub", "eve"}, {"exp", now + 10}}, pem)), HasSubstr("not signed with ES256"));
}

class AccessTest : public ::testing::Test {
 protected:
  void start(AccessOptions options) {
    auto access = Access::make(std::move(options));
    ASSERT_TRUE(access.ok()) << access.error().message();
    const auto models = ModelRepository::empty();
    ASSERT_TRUE(models->add(price_model(), "1", "d").ok());
    service_ = std::make_unique<Service>(ServiceOptions{.models = models, .access = *access, .access_log = log_});
  }
  Response send(std::vector<Header> headers, std::string_view target = "/score", std::string_view peer = "192.0.2.1") {
    Request request{"POST", target, headers, R"({"x":1})"};
    request.peer = peer;
    return service_->handle(request);
  }
  int status(std::vector<Header> headers, std::string_view target = "/score") { return send(headers, target).status; }

  std::shared_ptr<AccessLog> log_;
  std::unique_ptr<Service> service_;
};

TEST_F(AccessTest, OnlyClientsAreAnswered) {
  const auto clients =
      parse_clients(R"([{"name":"shop","key_sha256":")" + sha256_hex("shop-key") +
                    R"("},{"name":"ops","key_sha256":")" + sha256_hex("ops-key") + R"(","admin":true}])");
  ASSERT_TRUE(clients.ok());
  start({*clients, JwtOptions{secret, "", "", 60}, 0, 0});
  EXPECT_EQ(status({}), 401);
  EXPECT_EQ(status({{"X-API-Key", "shop-key"}}), 200);
  EXPECT_EQ(status({{"Authorization", "Bearer shop-key"}}), 200);
  EXPECT_EQ(status({{"authorization", "bearer wrong"}}), 401);
  EXPECT_EQ(status({{"X-API-Key", "shop-key"}}, "/v2/repository/models/price/unload"), 403);
  EXPECT_EQ(status({{"X-API-Key", "ops-key"}}, "/v2/repository/models/price/unload"), 200);
  const Json claims = {{"sub", "ann"}, {"exp", std::time(nullptr) + 100}};
  EXPECT_EQ(status({{"Authorization", "Bearer " + token(claims)}}), 503);  // admitted; the model has gone
  const Response refused = send({{"Authorization", "Bearer a.b.c"}});
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.headers[0].first, "WWW-Authenticate");
  EXPECT_EQ(service_->handle(Request{"GET", "/v2/health/live", {}, {}}).status, 200);
  EXPECT_EQ(service_->call(Call{"/inference.GRPCInferenceService/ModelInfer", {}, {}}).code, 16);
  const Header key{"x-api-key", "shop-key"};
  EXPECT_EQ(service_->call(Call{"/inference.GRPCInferenceService/RepositoryModelLoad", {}, {&key, 1}}).code, 7);
}

TEST_F(AccessTest, ARateIsEachClientsOwn) {
  start({{}, std::nullopt, 2, 3});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status({}), 200);
  const Response refused = send({});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers[0].first, "Retry-After");
  EXPECT_EQ(refused.headers[0].second, "1");
  EXPECT_EQ(send({}, "/score", "192.0.2.2").status, 200);
}

TEST_F(AccessTest, EveryAnswerIsInTheAccessLog) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("access_test_" + std::to_string(::getpid()));
  log_ = AccessLog::open(file).value();
  start({});
  EXPECT_EQ(
      status({{"X-Request-Id", "r1"}, {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}}),
      200);
  EXPECT_EQ(status({}, "/nothing"), 404);
  std::ifstream lines(file);
  std::string line;
  std::getline(lines, line);
  const Json first = Json::parse(line);
  EXPECT_EQ(first["status"], 200);
  EXPECT_EQ(first["request_id"], "r1");
  EXPECT_EQ(first["model"], "price");
  EXPECT_EQ(first["rows"], 1);
  EXPECT_EQ(first["client"], "192.0.2.1");
  EXPECT_EQ(first["trace_id"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(first["parent_id"], "b7ad6b7169203331");
  std::getline(lines, line);
  const Json second = Json::parse(line);
  EXPECT_EQ(second["status"], 404);
  EXPECT_EQ(second["level"], "warning");
  EXPECT_THAT(second["error"].get<std::string>(), HasSubstr("no such path"));
  std::filesystem::remove(file);
}

TEST(ClientsTest, ErrorsNameTheEntry) {
  EXPECT_THAT(parse_clients("{}").error().message(), HasSubstr("expected a list"));
  EXPECT_THAT(parse_clients(R"([{"name":"a"},{"nmae":"b"}])").error().message(),
              HasSubstr("client 2: unknown member \"nmae\" (did you mean 'name'?)"));
  EXPECT_THAT(Access::make({{{.name = "a", .key_sha256 = "12"}}, {}, 0, 0}).error().message(),
              HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(Access::make({{{.name = "a"}}, {}, 0, 0}).error().message(), HasSubstr("neither"));
}

}  // namespace
}  // namespace slipway::serving
