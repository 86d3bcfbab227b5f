#include <fmt/format.h>

#include <slipway/journal/journal.hpp>

#include "segments.hpp"

namespace slipway::journal {

Result<Verification> verify_journal(const std::filesystem::path& folder) {
  SLIPWAY_TRY(const std::vector<SegmentFile> segments, list_segments(folder));
  Verification result;
  result.segments = segments.size();
  result.chain = chain_start;
  Sha256 digest;
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const auto broken = [&](std::uint64_t line, std::string_view what) {
      return check_failed(fmt::format("{}: line {}: {}", segments[s].path.string(), line, what));
    };
    SLIPWAY_TRY(const std::string content, read_segment(segments[s]));
    std::string_view rest = content;
    for (std::uint64_t line_number = 1; !rest.empty(); ++line_number) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) {
        // A writer may be in the middle of a line, or have been killed there; opening the log for writing removes it.
        if (s + 1 == segments.size()) break;
        return broken(line_number, "the line is not complete");
      }
      const auto line = split_line(rest.substr(0, end));
      rest.remove_prefix(end + 1);
      if (!line) return broken(line_number, "this is no line of a prediction log");
      std::string expected = next_chain(digest, result.chain, line->before);
      if (result.lines == 0) {
        result.first_sequence = line->sequence;
        result.from_the_beginning = expected == line->chain;
        if (!result.from_the_beginning && line->sequence == 1)
          return broken(line_number, "the chain does not fit: this line was changed");
        if (!result.from_the_beginning) expected = line->chain;  // segments before it were taken away
      } else if (line->sequence <= result.last_sequence) {
        return broken(line_number, fmt::format("sequence {} comes after sequence {}: lines were swapped or repeated",
                                               line->sequence, result.last_sequence));
      } else {
        result.missing += static_cast<std::uint64_t>(line->sequence - result.last_sequence - 1);
      }
      if (expected != line->chain)
        return broken(line_number, "the chain does not fit: this line was changed, or one before it was removed");
      result.chain = std::move(expected);
      result.last_sequence = line->sequence;
      ++result.lines;
    }
  }
  return result;
}

}  // namespace slipway::journal
