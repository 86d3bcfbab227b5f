#include "tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <slipway/base/file.hpp>

namespace slipway::serving {
namespace {

namespace ssl = boost::asio::ssl;

constexpr unsigned char http11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// RFC 7301: HTTP/1.1 if the client offers it; without agreement the connection goes on without ALPN.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, http11, sizeof http11, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<TlsOptions> read_tls_options(const std::filesystem::path& certificate, const std::filesystem::path& key,
                                    const std::filesystem::path& client_authorities) {
  TlsOptions options;
  SLIPWAY_TRY(options.certificate_chain, read_file(certificate));
  SLIPWAY_TRY(options.private_key, read_file(key));
  if (!client_authorities.empty()) {
    SLIPWAY_TRY(options.client_authorities, read_file(client_authorities));
  }
  SLIPWAY_CHECK(make_tls_context(options));
  return options;
}

Result<std::unique_ptr<ssl::context>> make_tls_context(const TlsOptions& options) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  boost::system::error_code code;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                           ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use,
                       code);
  const auto failed = [&](std::string_view what) {
    return invalid_input(fmt::format("TLS: {}: {}", what, code.message()));
  };
  if (code) return failed("options");
  context->use_certificate_chain(boost::asio::buffer(options.certificate_chain), code);
  if (code) return failed("the certificate chain cannot be read");
  context->use_private_key(boost::asio::buffer(options.private_key), ssl::context::pem, code);
  if (code) return failed("the private key cannot be read, or does not belong to the certificate");
  if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    return invalid_input("TLS: the private key does not belong to the certificate");
  if (!options.client_authorities.empty()) {
    context->add_certificate_authority(boost::asio::buffer(options.client_authorities), code);
    if (code) return failed("the certificates of the clients' authorities cannot be read");
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, code);
    if (code) return failed("clients' certificates");
  }
  SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_protocol, nullptr);
  // A session that is resumed must belong to this server.
  static constexpr unsigned char session_context[] = "slipway";
  SSL_CTX_set_session_id_context(context->native_handle(), session_context, sizeof session_context - 1);
  return context;
}

std::string peer_common_name(SSL* connection) {
  X509* certificate = SSL_get1_peer_certificate(connection);
  if (certificate == nullptr) return {};
  char name[256] = {};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                             static_cast<int>(sizeof name));
  X509_free(certificate);
  return size > 0 ? std::string(name, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace slipway::serving
