// Who published a bundle: an Ed25519 signature (RFC 8032) over manifest.json, which lists the digest of every other
// file. It stands beside it as manifest.sig (128 hexadecimal digits), so that a bundle can be signed after it was made.
//
// A bundle that carries one is checked at load where a key is trusted: open_bundle reads the environment variable
// SLIPWAY_TRUSTED_KEY, the path of a PEM file with the public key (`openssl pkey -in key.pem -pubout`); then a bundle
// without a signature of that key is refused. Keys are made with `openssl genpkey -algorithm ed25519`.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway::package {

inline constexpr std::string_view signature_name = "manifest.sig";

// The signature of `bytes` as 128 lower-case hexadecimal digits. `private_key` is a PEM text; anything else than an
// Ed25519 key is invalid_input.
Result<std::string> sign(std::string_view bytes, std::string_view private_key);
// check_failed where `signature` is not the key's signature of the bytes.
Status check_signature(std::string_view bytes, std::string_view signature, std::string_view public_key);

// Writes manifest.sig into a bundle's folder, in place of one that is there.
Status sign_bundle(const std::filesystem::path& bundle, const std::filesystem::path& private_key_file);
// Checks the signature of a bundle's folder with the public key in a PEM file.
Status check_bundle_signature(const std::filesystem::path& bundle, const std::filesystem::path& public_key_file);

}  // namespace slipway::package
