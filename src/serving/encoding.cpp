#include "encoding.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <slipway/base/text.hpp>

namespace slipway::serving {
namespace {

constexpr int zlib_bits = 15, gzip_bits = 15 + 16, raw_bits = -15;
constexpr std::size_t chunk = 64u << 10;

// Ends a stream when it goes out of scope.
struct Stream {
  z_stream z{};
  int (*end)(z_streamp) = nullptr;
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    if (end != nullptr) end(&z);
  }
};

// A z_stream counts in unsigned int: input is handed over in pieces.
void feed(z_stream& z, std::string_view& input) {
  if (z.avail_in > 0 || input.empty()) return;
  const std::size_t size = std::min<std::size_t>(input.size(), 1u << 30);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  z.avail_in = static_cast<uInt>(size);
  input.remove_prefix(size);
}

// Z_STREAM_END if the whole of `input` was one stream; Z_BUF_ERROR if it ends too early or is too large.
int inflate_all(std::string_view input, int bits, std::uint64_t most, std::string& out, bool& fits) {
  Stream stream;
  if (inflateInit2(&stream.z, bits) != Z_OK) return Z_MEM_ERROR;
  stream.end = inflateEnd;
  out.clear();
  int code = Z_OK;
  while (code == Z_OK) {
    feed(stream.z, input);
    const std::size_t begin = out.size();
    out.resize(begin + chunk);
    stream.z.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
    stream.z.avail_out = static_cast<uInt>(chunk);
    code = inflate(&stream.z, Z_NO_FLUSH);
    out.resize(out.size() - stream.z.avail_out);
    if (out.size() > most) {
      fits = false;
      return Z_BUF_ERROR;
    }
  }
  if (code == Z_STREAM_END && (stream.z.avail_in > 0 || !input.empty())) return Z_DATA_ERROR;  // bytes behind its end
  return code;
}

}  // namespace

std::string_view coding_name(Coding coding) {
  return coding == Coding::gzip ? "gzip" : coding == Coding::deflate ? "deflate" : "identity";
}

std::optional<Coding> parse_content_encoding(std::string_view field) {
  const std::string name = lower_case(trim(field));
  if (name.empty() || name == "identity") return Coding::identity;
  if (name == "gzip" || name == "x-gzip") return Coding::gzip;
  if (name == "deflate") return Coding::deflate;
  return std::nullopt;
}

Coding choose_coding(std::string_view accept_encoding) {
  Coding best = Coding::identity;
  double quality = 0;
  if (accept_encoding.empty()) return best;
  for (const std::string& part : split(accept_encoding, ',')) {
    const std::vector<std::string> words = split(part, ';');
    const std::string name = lower_case(trim(words[0]));
    double q = 1;
    if (words.size() > 1 && trim(words[1]).starts_with("q=")) q = parse_number(trim(words[1]).substr(2)).value_or(0);
    const Coding coding = name == "gzip" || name == "*" ? Coding::gzip
                          : name == "deflate"           ? Coding::deflate
                                                        : Coding::identity;
    if (coding != Coding::identity && q > quality) {
      best = coding;
      quality = q;
    }
  }
  return best;
}

Result<std::string> decode_body(Coding coding, std::string_view body, std::uint64_t most, bool& fits) {
  std::string out;
  fits = true;
  int code = inflate_all(body, coding == Coding::gzip ? gzip_bits : zlib_bits, most, out, fits);
  if (code == Z_DATA_ERROR && coding == Coding::deflate && fits) code = inflate_all(body, raw_bits, most, out, fits);
  if (code == Z_STREAM_END) return out;
  if (!fits) return invalid_input(fmt::format("the body is larger than {} bytes once it is unpacked", most));
  if (code == Z_MEM_ERROR) return unavailable("there is not enough memory to unpack the body");
  return invalid_input(fmt::format("the body cannot be unpacked: it is no whole {} stream", coding_name(coding)));
}

Result<std::string> encode_body(Coding coding, std::string_view body) {
  Stream stream;
  if (deflateInit2(&stream.z, 1, Z_DEFLATED, coding == Coding::gzip ? gzip_bits : zlib_bits, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    return unavailable("there is not enough memory to pack the body");
  stream.end = deflateEnd;
  std::string out;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    feed(stream.z, body);
    const std::size_t begin = out.size();
    out.resize(begin + chunk);
    stream.z.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
    stream.z.avail_out = static_cast<uInt>(chunk);
    code = deflate(&stream.z, body.empty() && stream.z.avail_in == 0 ? Z_FINISH : Z_NO_FLUSH);
    out.resize(out.size() - stream.z.avail_out);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return internal_error("zlib cannot pack the body");
  }
  return out;
}

}  // namespace slipway::serving
