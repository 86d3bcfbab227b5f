// The files of a journal and the form of their lines; shared by writer, reader and verification.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/chain.hpp>
#include <slipway/base/result.hpp>

namespace slipway::journal {

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

struct JournalLine : ChainedLine {
  std::int64_t sequence = 0;
};
// Nothing if the line (without its line feed) does not have the form that the writer gives it.
std::optional<JournalLine> split_line(std::string_view line);

}  // namespace slipway::journal
