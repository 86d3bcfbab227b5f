// Verification of JSON Web Tokens (RFC 7519) in compact form, signed (RFC 7515) with HS256, RS256 or ES256.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>
#include <slipway/serving/access.hpp>

namespace slipway::serving {

struct TokenClaims {
  std::string subject;
  bool admin = false;
};

// Safe for concurrent use.
class TokenVerifier {
 public:
  static Result<TokenVerifier> make(JwtOptions options);
  TokenVerifier(TokenVerifier&&) noexcept;
  TokenVerifier& operator=(TokenVerifier&&) noexcept;
  ~TokenVerifier();
  // `now`: seconds since 1970. An error says what is wrong, and nothing about the key.
  Result<TokenClaims> verify(std::string_view token, std::int64_t now) const;

 private:
  TokenVerifier();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
