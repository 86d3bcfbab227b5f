// Who may do what, and how often: API keys, JSON Web Tokens (RFC 7519), client certificates, and rate limits.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::serving {

struct Client {
  std::string name = {};
  std::string key_sha256 = {};   // of its API key, 64 hexadecimal digits; "" = it has none
  std::string certificate = {};  // common name of its certificate (mutual TLS); "" = it has none
  bool admin = false;            // may change what is served
  double rate = 0;               // requests per second; 0 = the default
  double burst = 0;              // requests at once; 0 = as many as a second's
};

// From a list of {"name", "key_sha256", "certificate", "admin", "rate", "burst"}. Errors name the entry and the member.
Result<std::vector<Client>> parse_clients(std::string_view json);

// Tokens are sent as `Authorization: Bearer`. The signature's algorithm follows from the key, never from the token: a
// shared secret means HS256, an RSA public key RS256, an EC P-256 public key ES256. `exp` must be there and ahead;
// `nbf` is checked where it stands. `sub` names the client; "admin" among the words of `scope` makes it one.
struct JwtOptions {
  std::string key;                   // the secret, or a public key in PEM
  std::string issuer, audience;      // must be equal, or among the list; "" = not checked
  std::int64_t leeway_seconds = 60;  // between this clock and the issuer's
};

struct AccessOptions {
  std::vector<Client> clients;
  std::optional<JwtOptions> jwt;
  double rate = 0;   // requests per second of a client, or of an address where nobody says who it is; 0 = no limit
  double burst = 0;  // 0 = as many as a second's
};

// What a request says of its sender.
struct Credentials {
  std::string_view authorization;  // the field: "Bearer ..." with an API key or a token
  std::string_view api_key;        // the field X-API-Key
  std::string_view certificate;    // common name of a certificate that TLS has checked
  std::string_view address;        // "192.0.2.7", without the port
};

struct Admission {
  enum class Verdict : std::uint8_t { admitted, unauthenticated, forbidden, limited };
  Verdict verdict = Verdict::admitted;
  std::string client;              // its name, or its address where it needs none
  std::string message;             // why not
  double retry_after_seconds = 0;  // limited
};

// Safe for concurrent use.
class Access {
 public:
  // Errors: a key that is none, a client's digest that is none, two clients of one name.
  static Result<std::shared_ptr<Access>> make(AccessOptions options);
  ~Access();
  // Counts against the client's rate. Without clients and tokens everybody is admitted, and the rate is the address's.
  Admission admit(const Credentials& credentials, bool admin);
  // Whether anybody has to say who it is.
  bool is_closed() const;

 private:
  Access();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::serving
