// Records in the order of a key, more of them than memory should hold: sorted runs in a temporary file, merged.
#pragma once
#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include <unistd.h>

#include <slipway/base/result.hpp>

namespace slipway::table {

// A file without a name in the folder for temporary files (TMPDIR): it is gone with the process, however that ends.
class UnnamedFile {
 public:
  UnnamedFile() = default;
  UnnamedFile(const UnnamedFile&) = delete;
  UnnamedFile& operator=(const UnnamedFile&) = delete;
  ~UnnamedFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool is_open() const { return descriptor_ >= 0; }
  std::int64_t size() const { return size_; }

  Status append(const void* bytes, std::size_t count) {
    if (descriptor_ < 0) SLIPWAY_CHECK(open());
    const char* rest = static_cast<const char*>(bytes);
    while (count > 0) {
      const ssize_t done = ::write(descriptor_, rest, count);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return failure("cannot write to");
      rest += done;
      count -= static_cast<std::size_t>(done);
      size_ += done;
    }
    return {};
  }

  Status read(std::int64_t place, void* bytes, std::size_t count) const {
    char* rest = static_cast<char*>(bytes);
    while (count > 0) {
      const ssize_t done = ::pread(descriptor_, rest, count, place);
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) return failure("cannot read");
      rest += done;
      count -= static_cast<std::size_t>(done);
      place += done;
    }
    return {};
  }

 private:
  Status open() {
    std::error_code code;
    std::string name = (std::filesystem::temp_directory_path(code) / "slipway-sort-XXXXXX").string();
    if (code) return unavailable("there is no folder for temporary files: " + code.message());
    descriptor_ = ::mkstemp(name.data());
    if (descriptor_ < 0) return failure("cannot make");
    ::unlink(name.c_str());
    return {};
  }
  static Error failure(const std::string& what) {
    return unavailable(what + " a temporary file (TMPDIR): " + std::strerror(errno));
  }

  int descriptor_ = -1;
  std::int64_t size_ = 0;
};

// `key` gives a record's place; records of equal keys come in no certain order. Memory: `held` records, and a block of
// each run (`held` records of the file) while they are merged.
template <class Record, class Key>
class ExternalSorter {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  ExternalSorter(Key key, std::size_t held) : key_(key), held_(std::max<std::size_t>(held, 1)) {}

  Status add(const Record& record) {
    if (buffer_.size() == held_) SLIPWAY_CHECK(write_run());
    buffer_.push_back(record);
    return {};
  }

  std::int64_t size() const { return static_cast<std::int64_t>(buffer_.size()) + file_.size() / record_bytes; }

  // Calls `each` (record -> Status) for every record in order, once.
  template <class Each>
  Status drain(Each each) {
    if (!file_.is_open()) {
      sort_buffer();
      for (const Record& record : buffer_) SLIPWAY_CHECK(each(record));
      return {};
    }
    SLIPWAY_CHECK(write_run());
    std::vector<Record>().swap(buffer_);
    // A heap with the run of the smallest key in front.
    std::vector<Head> heap;
    for (Run& run : runs_) {
      SLIPWAY_CHECK(run.fill(file_));
      heap.push_back({key_(run.front()), &run});
    }
    const auto later = [](const Head& a, const Head& b) { return a.key > b.key; };
    std::make_heap(heap.begin(), heap.end(), later);
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), later);
      Head& head = heap.back();
      SLIPWAY_CHECK(each(head.run->front()));
      SLIPWAY_TRY(const bool more, head.run->advance(file_));
      if (more) {
        head.key = key_(head.run->front());
        std::push_heap(heap.begin(), heap.end(), later);
      } else {
        heap.pop_back();
      }
    }
    return {};
  }

 private:
  static constexpr std::int64_t record_bytes = sizeof(Record);
  static constexpr std::int64_t block_records = 1 << 14;

  struct Run {
    std::int64_t next, end;  // records of the file
    std::vector<Record> block = {};
    std::size_t at = 0;

    const Record& front() const { return block[at]; }
    Status fill(const UnnamedFile& file) {
      block.resize(static_cast<std::size_t>(std::min(block_records, end - next)));
      SLIPWAY_CHECK(file.read(next * record_bytes, block.data(), block.size() * sizeof(Record)));
      next += static_cast<std::int64_t>(block.size());
      at = 0;
      return {};
    }
    Result<bool> advance(const UnnamedFile& file) {
      if (++at < block.size()) return true;
      if (next == end) return false;
      SLIPWAY_CHECK(fill(file));
      return true;
    }
  };
  struct Head {
    std::uint64_t key;
    Run* run;
  };

  void sort_buffer() {
    std::sort(buffer_.begin(), buffer_.end(), [this](const Record& a, const Record& b) { return key_(a) < key_(b); });
  }

  Status write_run() {
    if (buffer_.empty()) return {};
    sort_buffer();
    const std::int64_t begin = file_.size() / record_bytes;
    SLIPWAY_CHECK(file_.append(buffer_.data(), buffer_.size() * sizeof(Record)));
    runs_.push_back({begin, begin + static_cast<std::int64_t>(buffer_.size())});
    buffer_.clear();
    return {};
  }

  Key key_;
  std::size_t held_;
  std::vector<Record> buffer_;
  UnnamedFile file_;
  std::vector<Run> runs_;
};

}  // namespace slipway::table
