#include <algorithm>

#include <slipway/base/chain.hpp>

namespace slipway {
namespace {

constexpr std::string_view chain_key = ",\"chain\":\"";
constexpr std::string_view chain_end = "\"}";

}  // namespace

std::optional<ChainedLine> split_chained_line(std::string_view line) {
  const std::size_t tail = chain_key.size() + chain_start.size() + chain_end.size();
  if (line.size() < tail || !line.ends_with(chain_end)) return std::nullopt;
  const std::string_view before = line.substr(0, line.size() - tail);
  if (line.substr(before.size(), chain_key.size()) != chain_key) return std::nullopt;
  const std::string_view chain = line.substr(before.size() + chain_key.size(), chain_start.size());
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!std::ranges::all_of(chain, hexadecimal)) return std::nullopt;
  return ChainedLine{before, chain};
}

std::string next_chain(Sha256& digest, std::string_view previous, std::string_view before) {
  return digest.update(previous).update(before).update("}").hex();
}

std::string chain_member(std::string_view chain) {
  return std::string(chain_key).append(chain).append(chain_end).append("\n");
}

}  // namespace slipway
