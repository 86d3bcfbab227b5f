#include <cerrno>
#include <condition_variable>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/time.hpp>
#include <slipway/journal/journal.hpp>

#include "render.hpp"
#include "segments.hpp"

namespace slipway::journal {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

Error disk_error(std::string_view action, const fs::path& path, int code) {
  return unavailable(fmt::format("{} {}: {}", action, path.string(), std::strerror(code)));
}

// Closes what it holds.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

Result<Descriptor> lock_folder(const fs::path& folder) {
  const fs::path file = folder / ".lock";
  Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock) return disk_error("cannot open", file, errno);
  if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return disk_error("cannot lock", file, errno);
    char holder[32] = {};
    const ssize_t size = ::pread(lock.number(), holder, sizeof holder - 1, 0);
    return conflict(
        fmt::format("the prediction log {} is being written by another process{}; give each server its own folder",
                    folder.string(), size > 0 ? fmt::format(" ({})", holder) : ""));
  }
  const std::string holder = fmt::format("process {}", ::getpid());
  if (::ftruncate(lock.number(), 0) != 0 || ::pwrite(lock.number(), holder.data(), holder.size(), 0) < 0)
    return disk_error("cannot write", file, errno);
  return lock;
}

// Writes all of it; 0 or the error.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(descriptor, bytes.data(), bytes.size());
    if (put >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(put));
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

// Where the log ends: after the last whole line.
struct End {
  std::int64_t sequence = 0;
  std::string chain{chain_start};
};

// The last `most` bytes of a file.
Result<std::string> read_tail(const fs::path& file, std::uint64_t most) {
  const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const off_t size = opened ? ::lseek(opened.number(), 0, SEEK_END) : -1;
  if (size < 0) return disk_error("cannot read", file, errno);
  std::string content(std::min<std::uint64_t>(most, static_cast<std::uint64_t>(size)), '\0');
  for (std::size_t read = 0; read < content.size();) {
    const off_t at = size - static_cast<off_t>(content.size() - read);
    const ssize_t got = ::pread(opened.number(), content.data() + read, content.size() - read, at);
    if (got > 0)
      read += static_cast<std::size_t>(got);
    else if (got == 0 || errno != EINTR)
      return disk_error("cannot read", file, got == 0 ? EIO : errno);
  }
  return content;
}

// Cuts a segment behind its last whole line; what was cut goes to <segment>.torn. Nothing if no line is left.
Result<std::optional<End>> recover_segment(const fs::path& segment, std::uint64_t most = 4u << 20) {
  SLIPWAY_TRY(const std::string content, read_tail(segment, most));
  std::string_view whole = content;
  std::optional<End> end;
  while (!whole.empty()) {
    // Behind the last line feed, or a line of no sense (blocks that the disk never wrote): torn.
    const std::size_t feed = whole.back() == '\n' ? whole.substr(0, whole.size() - 1).rfind('\n') : whole.rfind('\n');
    const std::size_t begin = feed == std::string_view::npos ? 0 : feed + 1;
    if (whole.back() == '\n') {
      if (const auto line = split_line(whole.substr(begin, whole.size() - begin - 1))) {
        end = End{line->sequence, std::string(line->chain)};
        break;
      }
    }
    whole = whole.substr(0, begin);
  }
  if (!end && content.size() == most) return recover_segment(segment, std::numeric_limits<std::uint64_t>::max());
  if (whole.size() == content.size()) return end;
  const fs::path torn = segment.string() + ".torn";
  std::string kept;
  if (fs::exists(torn)) {
    SLIPWAY_TRY(kept, read_file(torn));
  }
  SLIPWAY_CHECK(write_file(torn, kept.append(content, whole.size())));
  const std::uint64_t size = fs::file_size(segment) - (content.size() - whole.size());
  if (::truncate(segment.c_str(), static_cast<off_t>(size)) != 0) return disk_error("cannot cut", segment, errno);
  SLIPWAY_CHECK(flush_to_disk(segment));
  return end;
}

// The end of a packed segment, which was whole when it was packed.
Result<std::optional<End>> last_line_of(const SegmentFile& segment) {
  SLIPWAY_TRY(const std::string content, read_segment(segment));
  std::string_view lines = content;
  if (lines.ends_with('\n')) lines.remove_suffix(1);
  const std::size_t feed = lines.rfind('\n');
  const auto line = split_line(lines.substr(feed == std::string_view::npos ? 0 : feed + 1));
  if (!line)
    return invalid_input(fmt::format("{}: its last line is no line of a prediction log", segment.path.string()));
  return std::optional(End{line->sequence, std::string(line->chain)});
}

// Masks that can be applied.
Result<Masks> check_masks(const WriterOptions& options) {
  constexpr std::size_t least_key = 16;
  for (const MaskRule& rule : options.masks)
    if (rule.hiding == Hiding::hash && options.hash_key.size() < least_key)
      return invalid_input(
          fmt::format("field '{}' is to be hashed: a key of at least {} bytes is needed", rule.field, least_key));
  return Masks{options.masks, options.hash_key};
}

}  // namespace

struct Writer::State {
  struct Batch {
    std::string bodies;
    std::vector<std::size_t> ends;  // of each body
    std::vector<std::int64_t> sequences;
    std::vector<Completion> done;
    bool empty() const { return ends.empty(); }
    void clear() {
      bodies.clear();
      ends.clear();
      sequences.clear();
      done.clear();
    }
  };

  WriterOptions options;
  Masks masks;
  Descriptor lock;

  // Under `mutex`.
  mutable std::mutex mutex;
  std::condition_variable wake, flushed;
  Batch pending;
  std::int64_t sequence = 0;  // of the last row taken
  bool stopping = false;
  std::uint64_t flushes_asked = 0, flushes_done = 0;
  Counters counters;
  std::optional<Error> last_error;
  std::uint64_t open_number = 0;  // of the segment that is written; those before it are full

  // Of the writing thread only.
  Descriptor segment;
  fs::path segment_path;
  std::uint64_t segment_number = 0;
  std::uint64_t segment_size = 0;
  std::int64_t segment_begun = 0;
  std::string chain{chain_start};
  Sha256 digest;
  std::string lines;
  bool unflushed = false;
  Clock::time_point last_flush = Clock::now();
  std::thread thread;

  // Of the thread that packs and removes segments, under `mutex`.
  std::condition_variable housekeeping;
  bool tidy_asked = false;
  std::thread housekeeper;

  // Packs what is full, then takes away what is too old or too much. What fails is tried again at the next rotation.
  void tidy() {
    const auto listed = list_segments(options.folder);
    if (!listed.ok() || listed->empty()) return;
    std::vector<SegmentFile> segments = *listed;
    std::uint64_t current = 0;
    {
      const std::lock_guard guard(mutex);
      current = open_number;
    }
    std::erase_if(segments, [&](const SegmentFile& one) { return one.number >= current; });
    std::uint64_t packed = 0, removed = 0;
    if (options.pack)
      for (SegmentFile& segment : segments)
        if (!segment.packed && pack_segment(segment).ok()) {
          segment = {segment.path.string() + ".zst", segment.number, true};
          ++packed;
        }
    std::uint64_t total = 0;
    const auto oldest = fs::file_time_type::clock::now() - std::chrono::seconds(options.keep_seconds);
    for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
      std::error_code code;
      total += fs::file_size(segment->path, code);
      const bool old = options.keep_seconds > 0 && fs::last_write_time(segment->path, code) < oldest && !code;
      if ((options.keep_bytes > 0 && total > options.keep_bytes) || old)
        if (fs::remove(segment->path, code)) ++removed;
    }
    const std::lock_guard guard(mutex);
    counters.packed += packed;
    counters.removed += removed;
  }

  void keep_tidy() {
    std::unique_lock guard(mutex);
    while (true) {
      housekeeping.wait_for(guard, std::chrono::hours(1), [this] { return tidy_asked || stopping; });
      if (stopping) return;
      tidy_asked = false;
      guard.unlock();
      tidy();
      guard.lock();
    }
  }

  Status begin_segment() {
    const std::int64_t now = now_microseconds();
    fs::path path = options.folder / segment_name(now, segment_number + 1);
    Descriptor opened(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644));
    if (!opened) return disk_error("cannot make", path, errno);
    SLIPWAY_CHECK(flush_to_disk(options.folder));
    segment = std::move(opened);
    segment_path = std::move(path);
    ++segment_number;
    segment_size = 0;
    segment_begun = now;
    const std::lock_guard guard(mutex);
    ++counters.segments;
    open_number = segment_number;
    tidy_asked = true;
    housekeeping.notify_one();
    return {};
  }

  Status flush_segment() {
    if (!unflushed) return {};
    unflushed = false;
    last_flush = Clock::now();
    const int code = ::fdatasync(segment.number()) == 0 ? 0 : errno;
    const std::lock_guard guard(mutex);
    ++counters.flushes;
    if (code != 0) return disk_error("cannot flush", segment_path, code);
    return {};
  }

  bool rotation_due() const {
    return !segment || segment_size >= options.segment_bytes ||
           now_microseconds() - segment_begun >= options.segment_seconds * 1'000'000;
  }

  // Puts the batch on disk, all of it or, as far as the log goes, nothing.
  Status write_batch(const Batch& batch) {
    if (rotation_due()) {
      if (segment) SLIPWAY_CHECK(flush_segment());
      SLIPWAY_CHECK(begin_segment());
    }
    lines.clear();
    std::string next = chain;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < batch.ends.size(); ++i) {
      const std::size_t line = lines.size();
      fmt::format_to(std::back_inserter(lines), "{{\"sequence\":{},", batch.sequences[i]);
      lines.append(batch.bodies, begin, batch.ends[i] - begin);
      next = next_chain(digest, next, std::string_view(lines).substr(line));
      lines.append(chain_member(next));
      begin = batch.ends[i];
    }
    const int code = write_all(segment.number(), lines);
    Status status;
    if (code != 0) {
      status = disk_error("cannot write", segment_path, code);
    } else {
      unflushed = true;
      if (options.mode == Mode::durable) status = flush_segment();
    }
    if (!status.ok()) {
      // After a failed flush nobody knows what is on disk: cut the rows off and go on in a fresh segment.
      const bool cut = ::ftruncate(segment.number(), static_cast<off_t>(segment_size)) == 0;
      if (code == 0 || !cut) segment = Descriptor();
      return std::move(status).error().with_context("the prediction log");
    }
    segment_size += lines.size();
    chain = std::move(next);
    return {};
  }

  void run() {
    Batch batch;
    const auto interval = std::chrono::milliseconds(options.async_flush_milliseconds);
    const auto due = [this] { return !pending.empty() || stopping || flushes_asked != flushes_done; };
    std::unique_lock guard(mutex);
    while (true) {
      if (unflushed)
        wake.wait_until(guard, last_flush + interval, due);
      else
        wake.wait(guard, due);
      batch.clear();
      std::swap(batch, pending);
      const std::uint64_t flushes = flushes_asked;
      const bool all = stopping || flushes != flushes_done;
      guard.unlock();
      Status status;
      if (!batch.empty()) status = write_batch(batch);
      if (unflushed && (all || Clock::now() >= last_flush + interval))
        if (Status on_disk = flush_segment(); !on_disk.ok() && status.ok()) status = std::move(on_disk);
      guard.lock();
      counters.pending -= batch.ends.size();
      if (status.ok()) {
        counters.written += batch.ends.size();
        if (!batch.empty()) counters.bytes += lines.size();
      } else {
        counters.lost += batch.ends.size();
        ++counters.failures;
        last_error = status.error();
      }
      if (!batch.done.empty()) {
        guard.unlock();
        for (Completion& done : batch.done) done(status);
        guard.lock();
      }
      flushes_done = flushes;
      if (all) flushed.notify_all();
      if (stopping && pending.empty()) return;
    }
  }
};

Result<std::unique_ptr<Writer>> Writer::open(WriterOptions options) {
  SLIPWAY_TRY(Masks masks, check_masks(options));
  std::error_code code;
  fs::create_directories(options.folder, code);
  if (code) return invalid_input("cannot make the folder " + options.folder.string() + ": " + code.message());
  auto state = std::make_unique<State>();
  SLIPWAY_TRY(state->lock, lock_folder(options.folder));
  SLIPWAY_TRY(const std::vector<SegmentFile> segments, list_segments(options.folder));
  if (!segments.empty()) state->segment_number = segments.back().number;
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    std::optional<End> end;
    if (segment->packed) {
      SLIPWAY_TRY(end, last_line_of(*segment));
    } else {
      SLIPWAY_TRY(end, recover_segment(segment->path));
    }
    if (!end) continue;
    state->sequence = end->sequence;
    state->chain = end->chain;
    break;
  }
  state->options = std::move(options);
  state->masks = std::move(masks);
  state->open_number = state->segment_number + 1;
  State* running = state.get();
  std::unique_ptr<Writer> writer(new Writer(std::move(state)));
  running->thread = std::thread([running] { running->run(); });
  const WriterOptions& chosen = running->options;
  if (chosen.pack || chosen.keep_bytes > 0 || chosen.keep_seconds > 0) {
    running->tidy_asked = true;
    running->housekeeper = std::thread([running] { running->keep_tidy(); });
  }
  return writer;
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Writer::~Writer() {
  {
    const std::lock_guard guard(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  state_->housekeeping.notify_all();
  if (state_->thread.joinable()) state_->thread.join();
  if (state_->housekeeper.joinable()) state_->housekeeper.join();
}

void Writer::append(std::span<const Record> records, Completion done) {
  if (records.empty()) {
    if (done) done({});
    return;
  }
  thread_local std::string bodies;
  thread_local std::vector<std::size_t> ends;
  bodies.clear();
  ends.clear();
  for (const Record& record : records) {
    render_record(bodies, record, state_->masks);
    ends.push_back(bodies.size());
  }
  State& state = *state_;
  const bool durable = state.options.mode == Mode::durable;
  bool first = false, full = false;
  {
    const std::lock_guard guard(state.mutex);
    State::Batch& pending = state.pending;
    const std::int64_t sequence = state.sequence;
    state.sequence += static_cast<std::int64_t>(records.size());
    full = state.stopping || pending.bodies.size() + bodies.size() > state.options.queue_bytes;
    if (full) {
      state.counters.lost += records.size();
    } else {
      first = pending.empty();
      const std::size_t offset = pending.bodies.size();
      pending.bodies += bodies;
      for (std::size_t i = 0; i < ends.size(); ++i) {
        pending.ends.push_back(offset + ends[i]);
        pending.sequences.push_back(sequence + 1 + static_cast<std::int64_t>(i));
      }
      state.counters.pending += records.size();
      if (durable && done) pending.done.push_back(std::exchange(done, nullptr));
    }
  }
  if (first) state.wake.notify_one();
  if (durable && !full) return;
  if (done)
    done(durable ? Status(unavailable(
                       fmt::format("the prediction log {} cannot keep up: more than {} MiB wait for the disk",
                                   state.options.folder.string(), state.options.queue_bytes >> 20)))
                 : Status());
}

Status Writer::append(std::span<const Record> records) {
  if (state_->options.mode == Mode::async) {
    append(records, {});
    return {};
  }
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<Status> result;
  append(records, [&](Status status) {
    const std::lock_guard guard(mutex);
    result = std::move(status);
    ready.notify_one();
  });
  std::unique_lock guard(mutex);
  ready.wait(guard, [&] { return result.has_value(); });
  return std::move(*result);
}

Status Writer::flush() {
  State& state = *state_;
  std::unique_lock guard(state.mutex);
  state.last_error.reset();
  const std::uint64_t mine = ++state.flushes_asked;
  state.wake.notify_one();
  state.flushed.wait(guard, [&] { return state.flushes_done >= mine; });
  if (state.last_error) return *state.last_error;
  return {};
}

Counters Writer::counters() const {
  const std::lock_guard guard(state_->mutex);
  return state_->counters;
}

const fs::path& Writer::folder() const { return state_->options.folder; }
Mode Writer::mode() const { return state_->options.mode; }

}  // namespace slipway::journal
