#include "segments.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include <slipway/base/time.hpp>

namespace slipway::journal {
namespace {

constexpr std::string_view chain_key = ",\"chain\":\"";
constexpr std::string_view sequence_key = "{\"sequence\":";
constexpr std::size_t digest_digits = 64;

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
    if (!name.ends_with(".ndjson")) continue;
    const std::string_view stem = std::string_view(name).substr(0, name.size() - 7);
    const std::size_t dash = stem.rfind('-');
    SegmentFile segment{entry->path(), 0};
    if (dash == std::string_view::npos || !read_whole(stem.substr(dash + 1), segment.number)) continue;
    segments.push_back(std::move(segment));
  }
  if (code) return unavailable("cannot list the folder " + folder.string() + ": " + code.message());
  std::sort(segments.begin(), segments.end(), [](const SegmentFile& a, const SegmentFile& b) {
    return a.number != b.number ? a.number < b.number : a.path < b.path;
  });
  return segments;
}

std::string segment_name(std::int64_t microseconds, std::uint64_t number) {
  std::string stamp;
  for (const char c : format_time(microseconds).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  return fmt::format("{}-{:06}.ndjson", stamp, number);
}

std::optional<ChainedLine> split_line(std::string_view line) {
  const std::size_t tail = chain_key.size() + digest_digits + 2;
  if (line.size() < sequence_key.size() + tail || !line.starts_with(sequence_key) || !line.ends_with("\"}"))
    return std::nullopt;
  ChainedLine parts;
  parts.before = line.substr(0, line.size() - tail);
  if (line.substr(parts.before.size(), chain_key.size()) != chain_key) return std::nullopt;
  parts.chain = line.substr(parts.before.size() + chain_key.size(), digest_digits);
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::all_of(parts.chain.begin(), parts.chain.end(), hexadecimal)) return std::nullopt;
  const std::string_view number = parts.before.substr(sequence_key.size());
  if (!read_whole(number.substr(0, number.find(',')), parts.sequence)) return std::nullopt;
  return parts;
}

std::string next_chain(Sha256& digest, std::string_view previous, std::string_view before) {
  return digest.update(previous).update(before).update("}").hex();
}

}  // namespace slipway::journal
