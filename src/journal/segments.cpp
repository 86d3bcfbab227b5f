#include "segments.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <zstd.h>

#include <slipway/base/file.hpp>
#include <slipway/base/time.hpp>

namespace slipway::journal {
namespace {

constexpr std::string_view sequence_key = "{\"sequence\":";

template <class Number>
bool read_whole(std::string_view text, Number& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<std::vector<SegmentFile>> list_segments(const std::filesystem::path& folder) {
  std::error_code code;
  if (!std::filesystem::is_directory(folder, code))
    return not_found("no prediction log: the folder " + folder.string() + " does not exist");
  std::vector<SegmentFile> segments;
  for (std::filesystem::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    const bool packed = name.ends_with(".ndjson.zst");
    if (!packed && !name.ends_with(".ndjson")) continue;
    const std::string_view stem = std::string_view(name).substr(0, name.find(".ndjson"));
    const std::size_t dash = stem.rfind('-');
    SegmentFile segment{entry->path(), 0, packed};
    if (dash == std::string_view::npos || !read_whole(stem.substr(dash + 1), segment.number)) continue;
    segments.push_back(std::move(segment));
  }
  if (code) return unavailable("cannot list the folder " + folder.string() + ": " + code.message());
  std::sort(segments.begin(), segments.end(), [](const SegmentFile& a, const SegmentFile& b) {
    return a.number != b.number ? a.number < b.number : a.path < b.path;
  });
  const auto same = [](const SegmentFile& a, const SegmentFile& b) {
    return a.path.string() + ".zst" == b.path.string();
  };
  segments.erase(std::unique(segments.begin(), segments.end(), same), segments.end());
  return segments;
}

std::string segment_name(std::int64_t microseconds, std::uint64_t number) {
  std::string stamp;
  for (const char c : format_time(microseconds).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  return fmt::format("{}-{:06}.ndjson", stamp, number);
}

Result<std::string> read_segment(const SegmentFile& segment) {
  SLIPWAY_TRY(std::string content, read_file(segment.path));
  if (!segment.packed) return content;
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  std::string lines;
  ZSTD_inBuffer in{content.data(), content.size(), 0};
  std::size_t left = 1;
  while (in.pos < in.size) {
    const std::size_t begin = lines.size();
    lines.resize(begin + std::max<std::size_t>(1u << 20, begin / 2));
    ZSTD_outBuffer out{lines.data() + begin, lines.size() - begin, 0};
    left = ZSTD_decompressStream(context.get(), &out, &in);
    lines.resize(begin + out.pos);
    if (ZSTD_isError(left) != 0)
      return invalid_input(
          fmt::format("{}: it cannot be unpacked: {}", segment.path.string(), ZSTD_getErrorName(left)));
    while (left != 0 && in.pos == in.size && out.pos == out.size) {  // what is still in the decoder
      const std::size_t more = lines.size();
      lines.resize(more + (1u << 20));
      out = {lines.data() + more, lines.size() - more, 0};
      left = ZSTD_decompressStream(context.get(), &out, &in);
      lines.resize(more + out.pos);
      if (ZSTD_isError(left) != 0) break;
    }
  }
  if (left != 0) return invalid_input(fmt::format("{}: the packed segment is cut off", segment.path.string()));
  return lines;
}

Status pack_segment(const SegmentFile& segment) {
  constexpr int level = 3;
  SLIPWAY_TRY(const std::string content, read_file(segment.path));
  std::string packed(ZSTD_compressBound(content.size()), '\0');
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), content.data(), content.size(), level);
  if (ZSTD_isError(size) != 0)
    return unavailable(fmt::format("{}: it cannot be packed: {}", segment.path.string(), ZSTD_getErrorName(size)));
  packed.resize(size);
  const std::filesystem::path target = segment.path.string() + ".zst";
  std::error_code code;
  const auto written = std::filesystem::last_write_time(segment.path, code);
  SLIPWAY_CHECK(write_file(target, packed));
  if (!code) std::filesystem::last_write_time(target, written, code);  // retention goes by it
  std::filesystem::remove(segment.path, code);
  if (code) return unavailable(fmt::format("cannot remove {}: {}", segment.path.string(), code.message()));
  return {};
}

std::optional<JournalLine> split_line(std::string_view line) {
  const auto chained = split_chained_line(line);
  if (!chained || !chained->before.starts_with(sequence_key)) return std::nullopt;
  JournalLine parts{*chained};
  const std::string_view number = parts.before.substr(sequence_key.size());
  if (!read_whole(number.substr(0, number.find(',')), parts.sequence)) return std::nullopt;
  return parts;
}

}  // namespace slipway::journal
