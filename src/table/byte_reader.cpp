#include "byte_reader.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <zlib.h>
#include <zstd.h>

namespace slipway::table {
namespace {

constexpr std::size_t block_size = 1 << 18;
constexpr std::size_t output_size = 1 << 20;

enum class Packing { none, gzip, zstandard };

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeZstandard {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

Packing packing_of(std::string_view head) {
  if (head.starts_with("\x1f\x8b")) return Packing::gzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return Packing::zstandard;
  return Packing::none;
}

}  // namespace

struct ByteReader::State {
  std::filesystem::path file;
  std::unique_ptr<std::FILE, CloseFile> stream;
  Packing packing = Packing::none;
  std::string block;         // what was read of the file
  std::size_t consumed = 0;  // of block
  z_stream inflater{};
  bool inflating = false;
  std::unique_ptr<ZSTD_DStream, FreeZstandard> zstandard;
  bool between_parts = true;  // at the start of a member or frame: the file may end here

  ~State() {
    if (inflating) inflateEnd(&inflater);
  }

  Error damaged(const char* reason) const {
    return invalid_input(file.string() + ": cannot be unpacked: " + (reason != nullptr ? reason : "damaged data"));
  }

  // False at the end of the file.
  Result<bool> refill() {
    if (consumed < block.size()) return true;
    block.resize(block_size);
    block.resize(std::fread(block.data(), 1, block.size(), stream.get()));
    consumed = 0;
    if (block.empty() && std::ferror(stream.get()) != 0)
      return unavailable("cannot read " + file.string() + ": " + std::strerror(errno));
    return !block.empty();
  }

  // One step of unpacking: the number of bytes put out.
  Result<std::size_t> inflate_some(char* out, std::size_t room) {
    if (between_parts && inflateReset(&inflater) != Z_OK) return damaged(inflater.msg);
    between_parts = false;
    inflater.next_in = reinterpret_cast<Bytef*>(block.data() + consumed);
    inflater.avail_in = static_cast<uInt>(block.size() - consumed);
    inflater.next_out = reinterpret_cast<Bytef*>(out);
    inflater.avail_out = static_cast<uInt>(room);
    const int code = ::inflate(&inflater, Z_NO_FLUSH);
    consumed = block.size() - inflater.avail_in;
    if (code == Z_STREAM_END)
      between_parts = true;
    else if (code != Z_OK && code != Z_BUF_ERROR)
      return damaged(inflater.msg);
    return room - inflater.avail_out;
  }

  Result<std::size_t> decompress_some(char* out, std::size_t room) {
    ZSTD_inBuffer in{block.data(), block.size(), consumed};
    ZSTD_outBuffer target{out, room, 0};
    const std::size_t code = ZSTD_decompressStream(zstandard.get(), &target, &in);
    if (ZSTD_isError(code) != 0) return damaged(ZSTD_getErrorName(code));
    consumed = in.pos;
    between_parts = code == 0;
    return target.pos;
  }
};

ByteReader::ByteReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ByteReader::ByteReader(ByteReader&&) noexcept = default;
ByteReader& ByteReader::operator=(ByteReader&&) noexcept = default;
ByteReader::~ByteReader() = default;

Result<ByteReader> ByteReader::open(const std::filesystem::path& file) {
  auto state = std::make_unique<State>();
  state->file = file;
  state->stream.reset(std::fopen(file.c_str(), "rb"));
  if (state->stream == nullptr) return invalid_input("cannot open " + file.string() + ": " + std::strerror(errno));
  SLIPWAY_CHECK(state->refill());
  state->packing = packing_of(state->block);
  if (state->packing == Packing::gzip) {
    // 16 more than the largest window: gzip's header is expected.
    if (inflateInit2(&state->inflater, MAX_WBITS + 16) != Z_OK) return internal_error("zlib did not start");
    state->inflating = true;
  } else if (state->packing == Packing::zstandard) {
    state->zstandard.reset(ZSTD_createDStream());
    if (state->zstandard == nullptr) return internal_error("Zstandard did not start");
  }
  return ByteReader(std::move(state));
}

std::string_view ByteReader::compression() const {
  if (state_->packing == Packing::none) return "none";
  return state_->packing == Packing::gzip ? "gzip" : "zstd";
}

Result<bool> ByteReader::read(std::string& bytes) {
  State& state = *state_;
  const std::size_t before = bytes.size();
  while (bytes.size() - before < output_size) {
    SLIPWAY_TRY(const bool more, state.refill());
    if (state.packing == Packing::none) {
      bytes.append(state.block, state.consumed);
      state.consumed = state.block.size();
      return more;
    }
    if (!more && state.between_parts) break;
    const std::size_t have = bytes.size();
    bytes.resize(before + output_size);
    auto put = state.packing == Packing::gzip ? state.inflate_some(bytes.data() + have, bytes.size() - have)
                                              : state.decompress_some(bytes.data() + have, bytes.size() - have);
    bytes.resize(have + (put.ok() ? *put : 0));
    if (!put.ok()) return std::move(put).error();
    if (!more && *put == 0 && !state.between_parts) return state.damaged("it ends too early");
  }
  return bytes.size() > before;
}

}  // namespace slipway::table
