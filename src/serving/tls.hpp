// OpenSSL's context from TLS options, and who a client is.
#pragma once
#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include <slipway/base/result.hpp>
#include <slipway/serving/tls.hpp>

namespace slipway::serving {

// TLS 1.2 and 1.3, HTTP/1.1 by ALPN; with authorities, clients without a certificate of theirs are refused.
Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(const TlsOptions& options);

// The common name of the certificate that a client has shown; "" if none.
std::string peer_common_name(SSL* connection);

}  // namespace slipway::serving
