// Content codings: gzip and deflate (RFC 1950, RFC 1952) of whole bodies.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway::serving {

enum class Coding : std::uint8_t { identity, gzip, deflate };
std::string_view coding_name(Coding coding);

// What a Content-Encoding field says; nothing for a coding that is not known. Several codings in one are not.
std::optional<Coding> parse_content_encoding(std::string_view field);
// The coding that an Accept-Encoding field prefers among gzip and deflate; identity if it takes neither.
Coding choose_coding(std::string_view accept_encoding);

// The body as it was before coding, at most `most` bytes; more is too large and gives false in `fits`.
// "deflate" is zlib's format; a raw deflate stream, as some clients send it, is taken as well.
Result<std::string> decode_body(Coding coding, std::string_view body, std::uint64_t most, bool& fits);
Result<std::string> encode_body(Coding coding, std::string_view body);

}  // namespace slipway::serving
