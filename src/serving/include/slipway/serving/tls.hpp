// TLS for HTTP and gRPC.
#pragma once
#include <filesystem>
#include <string>

#include <slipway/base/result.hpp>

namespace slipway::serving {

// PEM, as text.
struct TlsOptions {
  std::string certificate_chain;  // the server's, its own certificate first; "" = no TLS
  std::string private_key;
  std::string client_authorities;  // certificates that clients' certificates must go back to; "" = clients need none
  bool enabled() const { return !certificate_chain.empty(); }
};

// Reads the files; `client_authorities` may be empty. A file that is none, or a key that does not belong to the
// certificate, is an error.
Result<TlsOptions> read_tls_options(const std::filesystem::path& certificate, const std::filesystem::path& key,
                                    const std::filesystem::path& client_authorities);

}  // namespace slipway::serving
