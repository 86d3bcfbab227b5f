#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <slipway/base/file.hpp>
#include <slipway/base/text.hpp>
#include <slipway/package/signature.hpp>

namespace slipway::package {

namespace {

constexpr std::size_t signature_bytes = 64;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;

Result<Key> read_key(std::string_view pem, bool is_private) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // No password: one is asked for on the terminal otherwise.
  static char no_password[] = "";
  Key key(is_private ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_password)
                     : PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, no_password));
  const std::string_view kind = is_private ? "private" : "public";
  if (!key) return invalid_input(fmt::format("it is no {} key in PEM without a password", kind));
  if (EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) return invalid_input(fmt::format("the {} key is not Ed25519", kind));
  return key;
}

const unsigned char* data_of(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

Result<std::string> sign(std::string_view bytes, std::string_view private_key) {
  SLIPWAY_TRY(const Key key, read_key(private_key, true));
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  std::array<unsigned char, signature_bytes> signature{};
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, data_of(bytes), bytes.size()) != 1)
    return internal_error("OpenSSL could not sign");
  std::string hex;
  for (const unsigned char byte : signature) hex += fmt::format("{:02x}", byte);
  return hex;
}

Status check_signature(std::string_view bytes, std::string_view signature, std::string_view public_key) {
  SLIPWAY_TRY(const Key key, read_key(public_key, false));
  signature = trim(signature);
  std::array<unsigned char, signature_bytes> raw{};
  if (signature.size() != 2 * raw.size()) return check_failed("the signature is not 128 hexadecimal digits");
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const int high = digit_of(signature[2 * i]), low = digit_of(signature[2 * i + 1]);
    if (high < 0 || low < 0) return check_failed("the signature is not 128 hexadecimal digits");
    raw[i] = static_cast<unsigned char>(16 * high + low);
  }
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
    return internal_error("OpenSSL could not check a signature");
  if (EVP_DigestVerify(context.get(), raw.data(), raw.size(), data_of(bytes), bytes.size()) != 1)
    return check_failed("the signature is not that of the trusted key over this manifest");
  return {};
}

Status sign_bundle(const std::filesystem::path& bundle, const std::filesystem::path& private_key_file) {
  SLIPWAY_TRY(const std::string key, read_file(private_key_file));
  SLIPWAY_TRY(const std::string manifest, read_file(bundle / "manifest.json"));
  SLIPWAY_TRY(const std::string signature, sign(manifest, key).with_context(private_key_file.string()));
  return write_file(bundle / signature_name, signature + "\n");
}

Status check_bundle_signature(const std::filesystem::path& bundle, const std::filesystem::path& public_key_file) {
  SLIPWAY_TRY(const std::string key, read_file(public_key_file).with_context("the trusted key"));
  SLIPWAY_TRY(const std::string manifest, read_file(bundle / "manifest.json"));
  const auto signature = read_file(bundle / signature_name);
  if (!signature.ok()) return check_failed("it is not signed, and only bundles signed by the trusted key are opened");
  return check_signature(manifest, *signature, key);
}

}  // namespace slipway::package
