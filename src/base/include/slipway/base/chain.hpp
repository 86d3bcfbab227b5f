// Lines of JSON that are chained by SHA-256, so that a line that was changed, or one that was taken away before
// another, shows: each line is {...,"chain":"<64 hexadecimal digits>"}, where
//   chain = SHA-256(chain of the line before, as those digits, then this line without its chain member)
// and the first line follows 64 zeros. The prediction log and the registry's history are written so.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <slipway/base/hash.hpp>

namespace slipway {

// What the first line follows.
inline constexpr std::string_view chain_start = "0000000000000000000000000000000000000000000000000000000000000000";

// A line's parts, views into it.
struct ChainedLine {
  std::string_view before;  // all in front of ,"chain":
  std::string_view chain;   // 64 lower-case hexadecimal digits
};

// Takes a line (without its line feed) apart; nothing if it does not end in a chain member. Does not check the chain.
std::optional<ChainedLine> split_chained_line(std::string_view line);

// The chain of a line whose text in front of ,"chain": is `before`, behind a line of chain `previous`. `digest` is
// fresh before and after; a caller of many lines keeps one.
std::string next_chain(Sha256& digest, std::string_view previous, std::string_view before);

// The end of a line, with its line feed, behind what stands in front of ,"chain":.
std::string chain_member(std::string_view chain);

}  // namespace slipway
