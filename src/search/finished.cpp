#include "finished.hpp"

#include <cstring>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>

namespace slipway::search {
namespace {

constexpr std::string_view header = "slipway fit 1\n";

template <class T>
void put(std::string& bytes, const T* values, std::size_t count) {
  bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  bool take(T* values, std::size_t count) {
    if (count > rest_.size() / sizeof(T)) return false;
    if (count > 0) std::memcpy(values, rest_.data(), count * sizeof(T));
    rest_.remove_prefix(count * sizeof(T));
    return true;
  }
  std::size_t left() const { return rest_.size(); }

 private:
  std::string_view rest_;
};

std::optional<Finished> parse(std::string_view bytes, std::size_t candidates) {
  Finished finished;
  Reader reader(bytes);
  std::uint64_t count = 0;
  if (!reader.take(&count, 1) || count != candidates) return std::nullopt;
  finished.values.resize(candidates);
  finished.scores.resize(candidates);
  if (!reader.take(finished.values.data(), candidates)) return std::nullopt;
  for (std::vector<float>& scores : finished.scores) {
    std::uint64_t size = 0;
    if (!reader.take(&size, 1) || size > reader.left() / sizeof(float)) return std::nullopt;
    scores.resize(size);
    if (!reader.take(scores.data(), size)) return std::nullopt;
  }
  if (!reader.take(&finished.fit_seconds, 1) || !reader.take(&finished.score_seconds, 1) || reader.left() > 0)
    return std::nullopt;
  return finished;
}

}  // namespace

std::optional<Finished> FinishedFits::find(const std::string& key, std::size_t candidates) const {
  if (folder_.empty()) return std::nullopt;
  const auto content = read_file(folder_ / (key + ".fit"));
  constexpr std::size_t digest_size = 64;
  if (!content.ok() || content->size() < header.size() + digest_size || !content->starts_with(header))
    return std::nullopt;
  const std::string_view body = std::string_view(*content).substr(header.size() + digest_size);
  if (sha256_hex(body) != content->substr(header.size(), digest_size)) return std::nullopt;
  return parse(body, candidates);
}

Status FinishedFits::keep(const std::string& key, const Finished& finished) const {
  if (folder_.empty()) return {};
  std::string body;
  const std::uint64_t count = finished.values.size();
  put(body, &count, 1);
  put(body, finished.values.data(), finished.values.size());
  for (const std::vector<float>& scores : finished.scores) {
    const std::uint64_t size = scores.size();
    put(body, &size, 1);
    put(body, scores.data(), scores.size());
  }
  put(body, &finished.fit_seconds, 1);
  put(body, &finished.score_seconds, 1);
  return write_file(folder_ / (key + ".fit"), std::string(header) + sha256_hex(body) + body)
      .with_context("keeping a finished fit");
}

}  // namespace slipway::search
