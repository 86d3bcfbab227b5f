#include <atomic>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <slipway/base/time.hpp>
#include <slipway/journal/json_text.hpp>
#include <slipway/serving/access_log.hpp>

namespace slipway::serving {

struct AccessLog::State {
  std::filesystem::path file;
  std::mutex mutex;  // of what follows
  int descriptor = -1;
  std::int64_t looked = 0;  // when the file was last compared with the one that is open
  std::atomic<std::uint64_t> dropped{0};

  void reopen_if_moved() {
    const std::int64_t now = now_microseconds();
    if (std::abs(now - looked) < 1'000'000) return;
    looked = now;
    struct stat open {
    }, there{};
    if (::fstat(descriptor, &open) == 0 && ::stat(file.c_str(), &there) == 0 && open.st_ino == there.st_ino &&
        open.st_dev == there.st_dev)
      return;
    const int fresh = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fresh < 0) return;
    ::close(descriptor);
    descriptor = fresh;
  }
};

AccessLog::AccessLog() : state_(std::make_unique<State>()) {}

AccessLog::~AccessLog() {
  if (state_->descriptor >= 0) ::close(state_->descriptor);
}

Result<std::shared_ptr<AccessLog>> AccessLog::open(const std::filesystem::path& file) {
  std::shared_ptr<AccessLog> log(new AccessLog());
  log->state_->file = file;
  log->state_->descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (log->state_->descriptor < 0)
    return invalid_input(fmt::format("cannot open {}: {}", file.string(), std::strerror(errno)));
  return log;
}

void AccessLog::write(const AccessEntry& entry) {
  thread_local std::string line;
  line.clear();
  fmt::format_to(std::back_inserter(line), R"({{"time":"{}","level":"{}")", format_time(now_microseconds()),
                 entry.error.empty() ? "info" : "warning");
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    line.append(",\"").append(name).append("\":");
    journal::append_json_string(line, value);
  };
  text("protocol", entry.protocol);
  text("method", entry.method);
  text("path", entry.path);
  fmt::format_to(std::back_inserter(line), R"(,"status":{},"microseconds":{})", entry.status, entry.microseconds);
  text("client", entry.client);
  text("peer", entry.peer);
  text("request_id", entry.request_id);
  text("model", entry.model);
  text("version", entry.version);
  if (entry.rows > 0) fmt::format_to(std::back_inserter(line), R"(,"rows":{})", entry.rows);
  text("trace_id", entry.trace_id);
  text("span_id", entry.span_id);
  text("parent_id", entry.parent_id);
  text("error", entry.error);
  line += "}\n";
  const std::lock_guard guard(state_->mutex);
  state_->reopen_if_moved();
  // One write per line: lines of several processes do not mix.
  if (::write(state_->descriptor, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ++state_->dropped;
}

std::uint64_t AccessLog::dropped() const { return state_->dropped; }

}  // namespace slipway::serving
