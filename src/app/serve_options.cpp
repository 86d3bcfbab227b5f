#include "serve_options.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/journal/journal.hpp>
#include <slipway/pipeline/build_identity.hpp>

namespace slipway::app {
namespace {

std::int64_t milliseconds(double seconds) { return static_cast<std::int64_t>(seconds * 1000); }

// "127.0.0.1:8080", "[::1]:8080", ":8080" or "8080"
Status read_address(const std::string& flag, const std::string& text, std::string& address, std::uint16_t& port) {
  const std::size_t colon = text.rfind(':');
  std::string host = colon == std::string::npos ? "" : text.substr(0, colon);
  const auto number = parse_number(colon == std::string::npos ? text : text.substr(colon + 1));
  if (!number || *number < 0 || *number > 65535 || *number != static_cast<std::uint16_t>(*number))
    return invalid_input(fmt::format("{}: '{}' is no address; expected HOST:PORT, as in 127.0.0.1:8080", flag, text));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!host.empty()) address = host;
  port = static_cast<std::uint16_t>(*number);
  return {};
}

Result<std::vector<journal::MaskRule>> read_masks(const std::vector<std::string>& texts) {
  std::vector<journal::MaskRule> rules;
  for (const std::string& text : texts) {
    const std::size_t equals = text.rfind('=');
    const std::string how = equals == std::string::npos ? "" : text.substr(equals + 1);
    if ((how != "hash" && how != "redact") || equals == 0)
      return invalid_input(fmt::format("--log-mask: expected FIELD=hash or FIELD=redact, got '{}'", text));
    rules.push_back({text.substr(0, equals), how == "hash" ? journal::Hiding::hash : journal::Hiding::redact});
  }
  return rules;
}

Result<std::unique_ptr<journal::Writer>> open_log(const ServeArguments& arguments) {
  journal::WriterOptions log;
  log.folder = arguments.log;
  log.mode = arguments.log_mode == "async" ? journal::Mode::async : journal::Mode::durable;
  SLIPWAY_TRY(log.masks, read_masks(arguments.log_masks));
  if (!arguments.log_key.empty()) {
    SLIPWAY_TRY(log.hash_key, read_file(arguments.log_key).with_context("--log-key"));
    log.hash_key = trim(log.hash_key);
  }
  log.pack = arguments.log_pack;
  log.segment_bytes = arguments.log_segment_mib << 20;
  log.keep_bytes = arguments.log_keep_mib << 20;
  log.keep_seconds = static_cast<std::int64_t>(arguments.log_keep_days * 86400);
  return journal::Writer::open(std::move(log)).with_context("prediction log");
}

Result<std::shared_ptr<serving::Access>> make_access(const ServeArguments& arguments) {
  serving::AccessOptions options;
  options.rate = arguments.rate;
  if (!arguments.clients.empty()) {
    SLIPWAY_TRY(const std::string text, read_file(arguments.clients).with_context("--clients"));
    SLIPWAY_TRY(options.clients, serving::parse_clients(text).with_context(arguments.clients));
  }
  if (!arguments.jwt_key.empty()) {
    serving::JwtOptions jwt;
    SLIPWAY_TRY(jwt.key, read_file(arguments.jwt_key).with_context("--jwt-key"));
    jwt.key = trim(jwt.key);
    jwt.issuer = arguments.jwt_issuer;
    jwt.audience = arguments.jwt_audience;
    options.jwt = std::move(jwt);
  }
  return serving::Access::make(std::move(options));
}

}  // namespace

void add_serve_options(CLI::App& command, ServeArguments& a) {
  command.add_option("location", a.location, "a bundle, or a registry's folder such as models/")->required();
  command.add_option("--http", a.http, "address to listen on; port 0 takes a free one")->capture_default_str();
  command.add_option("--grpc", a.grpc, "address for gRPC, such as 127.0.0.1:8081; none without it");
  command.add_flag("--kserve", a.kserve,
                   "GET /v1/models/NAME says {name, ready} as KServe does, instead of TensorFlow Serving's status");
  command.add_option("--threads", a.threads, "threads that serve HTTP; 0 = one per processor");

  const auto log = [&](auto* option) {
    option->group("The prediction log");
    return option;
  };
  log(command.add_option("--log", a.log, "folder of the prediction log; none without it"));
  log(command.add_option("--log-mode", a.log_mode,
                         "durable: a row is on disk before it is answered; async: never waits, losses are counted"))
      ->check(CLI::IsMember({"durable", "async"}))
      ->capture_default_str();
  log(command.add_option("--log-mask", a.log_masks,
                         "FIELD=redact or FIELD=hash: hides an input, or request_id, in the log; may be repeated"));
  log(command.add_option("--log-key", a.log_key, "file with the key of the hashes, at least 16 bytes"));
  log(command.add_flag("--log-pack", a.log_pack, "packs full segments with zstd"));
  log(command.add_option("--log-segment-mib", a.log_segment_mib, "a new segment at this size"))
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  log(command.add_option("--log-keep-mib", a.log_keep_mib, "full segments beyond this go, oldest first; 0 keeps all"));
  log(command.add_option("--log-keep-days", a.log_keep_days, "full segments older than this go; 0 keeps all"))
      ->check(CLI::NonNegativeNumber);

  const auto who = [&](auto* option) {
    option->group("Who may ask");
    return option;
  };
  who(command.add_option("--tls-certificate", a.certificate, "certificate chain in PEM: TLS for HTTP and gRPC"));
  who(command.add_option("--tls-key", a.key, "its private key in PEM"));
  who(command.add_option("--tls-clients", a.client_authorities,
                         "certificates in PEM; only clients whose certificate goes back to one are let in"));
  who(command.add_option(
      "--clients", a.clients,
      "JSON: a list of {name, key_sha256, certificate, admin, rate, burst}; only they are answered"));
  who(command.add_option("--jwt-key", a.jwt_key,
                         "a secret (HS256) or public key in PEM (RS256, ES256): only those with a token are answered"));
  who(command.add_option("--jwt-issuer", a.jwt_issuer, "the tokens' iss"));
  who(command.add_option("--jwt-audience", a.jwt_audience, "among the tokens' aud"));
  who(command.add_option("--rate", a.rate, "requests per second of one client or address; 0 = no limit"))
      ->check(CLI::NonNegativeNumber);
  who(command.add_flag("--admin", a.admin, "everybody may load, unload, promote, where nobody has to say who it is"));
  who(command.add_option("--access-log", a.access_log, "a line of JSON per request is appended to this file"));

  const auto limit = [&](auto* option) {
    option->group("Limits and times");
    return option;
  };
  limit(command.add_option("--max-connections", a.most_connections, "HTTP connections; more are told to come back"))
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  limit(command.add_option("--max-requests", a.most_requests, "requests at a time; more are told to come back"))
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  limit(command.add_option("--max-body-mib", a.body_mib, "size of a request's body, unpacked"))
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  limit(command.add_option("--max-memory-mib", a.memory_mib, "about how much memory models may take; 0 = no limit"));
  limit(command.add_option("--idle-seconds", a.idle_seconds, "a connection without a request is closed after this"))
      ->check(CLI::Range(0.1, 86400.0))
      ->capture_default_str();
  limit(command.add_option("--drain-seconds", a.drain_seconds, "at the end, for requests that have begun"))
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  limit(command.add_option("--drain-delay-seconds", a.drain_delay_seconds,
                           "at the end, between readiness going false and the end of listening"))
      ->check(CLI::Range(0.0, 3600.0));
  command.add_option("--traffic", a.traffic,
                     "JSON: {name: {canary: {version, share, key}, shadow: version}}, where requests go besides");
}

Result<serving::ServerOptions> make_server_options(const ServeArguments& arguments) {
  serving::ServerOptions options;
  SLIPWAY_CHECK(read_address("--http", arguments.http, options.address, options.port));
  if (!arguments.grpc.empty()) {
    options.grpc.emplace();
    SLIPWAY_CHECK(read_address("--grpc", arguments.grpc, options.grpc->address, options.grpc->port));
  }
  options.threads = arguments.threads;
  options.connections = arguments.most_connections;
  options.in_flight = arguments.most_requests;
  options.body_bytes = arguments.body_mib << 20;
  options.idle_milliseconds = milliseconds(arguments.idle_seconds);
  options.drain_milliseconds = milliseconds(arguments.drain_seconds);
  options.drain_delay_milliseconds = milliseconds(arguments.drain_delay_seconds);
  options.kserve_status = arguments.kserve;
  options.open_administration = arguments.admin;
  options.product_version = pipeline::build_version();
  if (arguments.certificate.empty() != arguments.key.empty())
    return invalid_input("--tls-certificate and --tls-key go together");
  if (!arguments.client_authorities.empty() && arguments.certificate.empty())
    return invalid_input("--tls-clients needs --tls-certificate and --tls-key");
  if (!arguments.certificate.empty()) {
    SLIPWAY_TRY(options.tls,
                serving::read_tls_options(arguments.certificate, arguments.key, arguments.client_authorities));
  }
  if (!arguments.clients.empty() || !arguments.jwt_key.empty() || arguments.rate > 0) {
    SLIPWAY_TRY(options.access, make_access(arguments));
  }
  if (!arguments.access_log.empty()) {
    SLIPWAY_TRY(options.access_log, serving::AccessLog::open(arguments.access_log).with_context("--access-log"));
  }
  if (!arguments.log.empty()) {
    SLIPWAY_TRY(auto writer, open_log(arguments));
    options.journal = std::move(writer);
  } else if (!arguments.log_masks.empty() || arguments.log_pack) {
    return invalid_input("there is no prediction log to mask or pack: give its folder with --log");
  }
  return options;
}

Status set_traffic(const ServeArguments& arguments, serving::ModelRepository& models) {
  if (arguments.traffic.empty()) return {};
  SLIPWAY_TRY(const std::string text, read_file(arguments.traffic).with_context("--traffic"));
  const auto root = nlohmann::json::parse(text, nullptr, false);
  if (!root.is_object())
    return invalid_input(fmt::format("{}: expected an object of rules by model name", arguments.traffic));
  for (const auto& [name, rule] : root.items()) {
    SLIPWAY_TRY(const serving::Traffic parsed, serving::parse_traffic(rule.dump()).with_context(arguments.traffic));
    SLIPWAY_CHECK(models.set_traffic(name, parsed).with_context(arguments.traffic));
  }
  return {};
}

}  // namespace slipway::app
