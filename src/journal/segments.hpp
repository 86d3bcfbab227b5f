// The files of a journal and the form of their lines; shared by writer, reader and verification.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/hash.hpp>
#include <slipway/base/result.hpp>

namespace slipway::journal {

inline constexpr std::string_view chain_start = "0000000000000000000000000000000000000000000000000000000000000000";

struct SegmentFile {
  std::filesystem::path path;
  std::uint64_t number = 0;
  bool packed = false;  // .ndjson.zst
};

// In the order of writing. A segment that is there packed and unpacked (its packing was cut off) counts unpacked. A
// folder that does not exist is not_found.
Result<std::vector<SegmentFile>> list_segments(const std::filesystem::path& folder);
std::string segment_name(std::int64_t microseconds, std::uint64_t number);

// The lines of a segment, unpacked.
Result<std::string> read_segment(const SegmentFile& segment);
// Packs a full segment with zstd: whole or not at all, then takes the unpacked one away.
Status pack_segment(const SegmentFile& segment);

struct ChainedLine {
  std::string_view before;  // all in front of ,"chain":
  std::string_view chain;
  std::int64_t sequence = 0;
};
// Nothing if the line (without its line feed) does not have the form that the writer gives it.
std::optional<ChainedLine> split_line(std::string_view line);

// The chain of a line whose text in front of ,"chain": is `before`.
std::string next_chain(Sha256& digest, std::string_view previous, std::string_view before);

}  // namespace slipway::journal
