#include "jwt.hpp"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base64.hpp"

namespace slipway::serving {
namespace {

using json = nlohmann::json;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

// The two numbers of an ES256 signature (RFC 7518, 3.4) in the form that OpenSSL takes.
std::string ecdsa_to_der(std::string_view pair) {
  if (pair.size() != 64) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(pair.data());
  ECDSA_SIG* signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature, &der);
  std::string out(reinterpret_cast<char*>(der), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(der);
  ECDSA_SIG_free(signature);
  return out;
}

// A claim as whole seconds.
Result<std::optional<std::int64_t>> seconds(const json& claims, const char* name) {
  const auto found = claims.find(name);
  if (found == claims.end()) return std::optional<std::int64_t>();
  const double value = found->is_number() ? found->get<double>() : std::nan("");
  if (!(std::abs(value) < 1e15)) return invalid_input(fmt::format("the token's {} is no time", name));
  return std::optional(static_cast<std::int64_t>(value));
}

bool names(const json& claims, const char* claim, const std::string& wanted) {
  const auto found = claims.find(claim);
  if (found == claims.end()) return false;
  if (found->is_string()) return found->get<std::string>() == wanted;
  return found->is_array() && std::find(found->begin(), found->end(), json(wanted)) != found->end();
}

}  // namespace

struct TokenVerifier::State {
  JwtOptions options;
  Key key;  // null: a shared secret
  std::string_view algorithm = "HS256";

  bool signature_fits(std::string_view content, std::string_view signature) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(content.data());
    if (key == nullptr) {
      unsigned char digest[EVP_MAX_MD_SIZE];
      unsigned size = 0;
      HMAC(EVP_sha256(), options.key.data(), static_cast<int>(options.key.size()), bytes, content.size(), digest,
           &size);
      return signature.size() == size && CRYPTO_memcmp(signature.data(), digest, size) == 0;
    }
    const std::string der = algorithm == "ES256" ? ecdsa_to_der(signature) : std::string(signature);
    if (der.empty()) return false;
    const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(der.data()), der.size(), bytes,
                            content.size()) == 1;
  }
};

TokenVerifier::TokenVerifier() : state_(std::make_unique<State>()) {}
TokenVerifier::TokenVerifier(TokenVerifier&&) noexcept = default;
TokenVerifier& TokenVerifier::operator=(TokenVerifier&&) noexcept = default;
TokenVerifier::~TokenVerifier() = default;

Result<TokenVerifier> TokenVerifier::make(JwtOptions options) {
  TokenVerifier verifier;
  State& state = *verifier.state_;
  state.options = std::move(options);
  const std::string& text = state.options.key;
  if (!text.starts_with("-----BEGIN")) {
    if (text.size() < 32)
      return invalid_input(fmt::format("the secret of the tokens has {} bytes; HS256 needs at least 32", text.size()));
    return verifier;
  }
  BIO* memory = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  state.key.reset(PEM_read_bio_PUBKEY(memory, nullptr, nullptr, nullptr));
  BIO_free(memory);
  if (state.key == nullptr) return invalid_input("the key of the tokens is no public key in PEM");
  if (EVP_PKEY_is_a(state.key.get(), "RSA") == 1 && EVP_PKEY_get_bits(state.key.get()) >= 2048)
    state.algorithm = "RS256";
  else if (EVP_PKEY_is_a(state.key.get(), "EC") == 1 && EVP_PKEY_get_bits(state.key.get()) == 256)
    state.algorithm = "ES256";
  else
    return invalid_input("the key of the tokens: expected RSA of at least 2048 bits, or EC P-256");
  return verifier;
}

Result<TokenClaims> TokenVerifier::verify(std::string_view token, std::int64_t now) const {
  const State& state = *state_;
  const std::size_t first = token.find('.'), second = token.rfind('.');
  if (token.size() > 8192 || first == std::string_view::npos || second == first)
    return invalid_input("this is no signed token of three parts");
  const auto header = decode_base64(token.substr(0, first), true);
  const auto payload = decode_base64(token.substr(first + 1, second - first - 1), true);
  const auto signature = decode_base64(token.substr(second + 1), true);
  if (!header || !payload || !signature) return invalid_input("the token is no base64url");
  const json head = json::parse(*header, nullptr, false);
  if (!head.is_object() || !names(head, "alg", std::string(state.algorithm)))
    return invalid_input(fmt::format("the token is not signed with {}", state.algorithm));
  if (head.contains("crit")) return invalid_input("the token has critical extensions that are not known");
  if (!state.signature_fits(token.substr(0, second), *signature))
    return invalid_input("the token's signature does not fit");
  const json claims = json::parse(*payload, nullptr, false);
  if (!claims.is_object()) return invalid_input("the token's claims are no JSON object");
  SLIPWAY_TRY(const auto expires, seconds(claims, "exp"));
  SLIPWAY_TRY(const auto begins, seconds(claims, "nbf"));
  if (!expires) return invalid_input("the token has no exp");
  if (now >= *expires + state.options.leeway_seconds) return invalid_input("the token has expired");
  if (begins && now < *begins - state.options.leeway_seconds) return invalid_input("the token is not valid yet");
  if (!state.options.issuer.empty() && !names(claims, "iss", state.options.issuer))
    return invalid_input("the token is of another issuer");
  if (!state.options.audience.empty() && !names(claims, "aud", state.options.audience))
    return invalid_input("the token is for another audience");
  TokenClaims result;
  const auto subject = claims.find("sub");
  if (subject == claims.end() || !subject->is_string() || subject->get<std::string>().empty())
    return invalid_input("the token names nobody: it has no sub");
  result.subject = subject->get<std::string>();
  if (const auto scope = claims.find("scope"); scope != claims.end() && scope->is_string()) {
    const std::string words = " " + scope->get<std::string>() + " ";
    result.admin = words.find(" admin ") != std::string::npos;
  }
  return result;
}

}  // namespace slipway::serving
