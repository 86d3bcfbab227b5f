#include <chrono>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/serving/access.hpp>

#include "jwt.hpp"

namespace slipway::serving {
namespace {

using Clock = std::chrono::steady_clock;

// More callers than this at a time share what is left: memory stays bounded.
constexpr std::size_t most_buckets = 65536;

// A token bucket: `level` requests may come now, `rate` more each second, never more than `burst`.
struct Bucket {
  double level = 0;
  Clock::time_point at;
};

}  // namespace

struct Access::State {
  AccessOptions options;
  std::optional<TokenVerifier> tokens;
  std::mutex mutex;  // of the buckets
  std::unordered_map<std::string, Bucket> buckets;

  const Client* by_key(std::string_view key) const {
    const std::string digest = sha256_hex(key);
    const Client* found = nullptr;
    // All are looked at, in constant time each, so that time tells nothing.
    for (const Client& client : options.clients)
      if (client.key_sha256.size() == digest.size() &&
          CRYPTO_memcmp(client.key_sha256.data(), digest.data(), digest.size()) == 0)
        found = &client;
    return found;
  }

  // Seconds to wait, or 0.
  double take(const std::string& name, double rate, double burst) {
    if (rate <= 0) return 0;
    burst = std::max(1.0, burst > 0 ? burst : rate);
    const auto now = Clock::now();
    const std::lock_guard guard(mutex);
    if (buckets.size() >= most_buckets) {
      std::erase_if(buckets, [&](const auto& entry) { return now - entry.second.at > std::chrono::seconds(60); });
      if (buckets.size() >= most_buckets) buckets.clear();
    }
    const auto [entry, fresh] = buckets.try_emplace(name, Bucket{burst, now});
    Bucket& bucket = entry->second;
    bucket.level = std::min(burst, bucket.level + std::chrono::duration<double>(now - bucket.at).count() * rate);
    bucket.at = now;
    if (bucket.level < 1) return (1 - bucket.level) / rate;
    bucket.level -= 1;
    return 0;
  }
};

Access::Access() : state_(std::make_unique<State>()) {}
Access::~Access() = default;

Result<std::shared_ptr<Access>> Access::make(AccessOptions options) {
  std::shared_ptr<Access> access(new Access());
  std::vector<std::string> names;
  for (Client& client : options.clients) {
    if (client.name.empty()) return invalid_input("a client has no name");
    if (std::find(names.begin(), names.end(), client.name) != names.end())
      return invalid_input(fmt::format("client '{}' stands twice", client.name));
    names.push_back(client.name);
    client.key_sha256 = lower_case(client.key_sha256);
    const bool hexadecimal =
        client.key_sha256.size() == 64 && client.key_sha256.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!client.key_sha256.empty() && !hexadecimal)
      return invalid_input(fmt::format("client '{}': key_sha256: expected 64 hexadecimal digits", client.name));
    if (client.key_sha256.empty() && client.certificate.empty())
      return invalid_input(fmt::format("client '{}' has neither key_sha256 nor certificate", client.name));
  }
  if (options.jwt) {
    SLIPWAY_TRY(access->state_->tokens, TokenVerifier::make(*options.jwt));
  }
  access->state_->options = std::move(options);
  return access;
}

bool Access::is_closed() const { return !state_->options.clients.empty() || state_->tokens.has_value(); }

Admission Access::admit(const Credentials& credentials, bool admin) {
  State& state = *state_;
  Admission admission;
  double rate = state.options.rate, burst = state.options.burst;
  bool may_administer = false;
  if (!is_closed()) {
    admission.client = credentials.certificate.empty() ? credentials.address : credentials.certificate;
  } else {
    const auto refuse = [&](std::string message) {
      admission.verdict = Admission::Verdict::unauthenticated;
      admission.message = std::move(message);
      return admission;
    };
    constexpr std::string_view bearer = "bearer ";
    std::string_view key = credentials.api_key;
    if (key.empty() && lower_case(credentials.authorization.substr(0, bearer.size())) == bearer)
      key = trim(credentials.authorization.substr(bearer.size()));
    const Client* client = nullptr;
    if (!key.empty()) client = state.by_key(key);
    if (client == nullptr && key.empty() && !credentials.certificate.empty())
      for (const Client& one : state.options.clients)
        if (one.certificate == credentials.certificate) client = &one;
    if (client != nullptr) {
      admission.client = client->name;
      may_administer = client->admin;
      if (client->rate > 0) {
        rate = client->rate;
        burst = client->burst;
      }
    } else if (!key.empty() && state.tokens && std::count(key.begin(), key.end(), '.') == 2) {
      const auto claims = state.tokens->verify(key, now_microseconds() / 1'000'000);
      if (!claims.ok()) return refuse(claims.error().message());
      admission.client = claims->subject;
      may_administer = claims->admin;
    } else {
      return refuse(key.empty() ? "this server wants to know who asks: send Authorization: Bearer, or X-API-Key"
                                : "this API key is not known");
    }
  }
  if (admin && is_closed() && !may_administer) {
    admission.verdict = Admission::Verdict::forbidden;
    admission.message = fmt::format("client '{}' may not change what is served", admission.client);
    return admission;
  }
  if (const double wait = state.take(admission.client, rate, burst); wait > 0) {
    admission.verdict = Admission::Verdict::limited;
    admission.retry_after_seconds = wait;
    admission.message =
        fmt::format("client '{}' sends more than {} requests a second", admission.client, format_number(rate));
  }
  return admission;
}

}  // namespace slipway::serving
