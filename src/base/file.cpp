#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <slipway/base/file.hpp>

namespace slipway {
namespace {

namespace fs = std::filesystem;

Error file_error(const std::string& action, const fs::path& path, int code) {
  const std::string message = action + " " + path.string() + ": " + std::strerror(code);
  switch (code) {
    case ENOENT:
      return not_found(message);
    case EEXIST:
    case ENOTEMPTY:
      return conflict(message);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case EIO:
      return unavailable(message);
    default:
      return invalid_input(message);
  }
}

// A name beside `place` that no other call of this or another process takes.
fs::path temporary_name(const fs::path& place) {
  static std::atomic<unsigned> counter{0};
  fs::path absolute = fs::absolute(place).lexically_normal();
  if (absolute.filename().empty()) absolute = absolute.parent_path();
  return absolute.parent_path() /
         ("." + absolute.filename().string() + ".part-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
}

Status make_folders(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) return file_error("cannot make the folder", folder, code.value());
  return {};
}

}  // namespace

Result<std::string> read_file(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return file_error("cannot open", file, errno);
  struct stat status {};
  std::string content;
  if (::fstat(descriptor, &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      ::close(descriptor);
      return invalid_input(file.string() + " is a folder, expected a file");
    }
    if (status.st_size > 0) content.reserve(static_cast<std::size_t>(status.st_size));
  }
  char block[1 << 16];
  while (true) {
    const ssize_t got = ::read(descriptor, block, sizeof block);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      const int code = errno;
      ::close(descriptor);
      return file_error("cannot read", file, code);
    }
    content.append(block, static_cast<std::size_t>(got));
  }
  ::close(descriptor);
  return content;
}

Status write_file(const fs::path& file, std::string_view content) {
  if (file.has_parent_path()) SLIPWAY_CHECK(make_folders(file.parent_path()));
  const fs::path temporary = temporary_name(file);
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0) return file_error("cannot write", file, errno);
  int code = 0;
  while (!content.empty() && code == 0) {
    const ssize_t put = ::write(descriptor, content.data(), content.size());
    if (put >= 0)
      content.remove_prefix(static_cast<std::size_t>(put));
    else if (errno != EINTR)
      code = errno;
  }
  if (code == 0 && ::fsync(descriptor) != 0) code = errno;
  if (::close(descriptor) != 0 && code == 0) code = errno;
  if (code == 0 && ::rename(temporary.c_str(), file.c_str()) != 0) code = errno;
  if (code != 0) {
    ::unlink(temporary.c_str());
    return file_error("cannot write", file, code);
  }
  return flush_to_disk(fs::absolute(file).parent_path());
}

Result<FolderInProgress> FolderInProgress::beside(const fs::path& place) {
  fs::path absolute = fs::absolute(place).lexically_normal();
  if (absolute.filename().empty()) absolute = absolute.parent_path();
  SLIPWAY_CHECK(make_folders(absolute.parent_path()));
  fs::path path = temporary_name(absolute);
  if (::mkdir(path.c_str(), 0755) != 0) return file_error("cannot make the folder", path, errno);
  return FolderInProgress(std::move(path), std::move(absolute));
}

FolderInProgress::FolderInProgress(fs::path path, fs::path place) : path_(std::move(path)), place_(std::move(place)) {}
FolderInProgress::FolderInProgress(FolderInProgress&& other) noexcept
    : path_(std::move(other.path_)), place_(std::move(other.place_)) {
  other.path_.clear();
}
FolderInProgress::~FolderInProgress() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Status FolderInProgress::publish(bool replace) {
  std::error_code walk_error;
  for (auto entry = fs::recursive_directory_iterator(path_, walk_error);
       !walk_error && entry != fs::recursive_directory_iterator(); entry.increment(walk_error))
    if (entry->is_regular_file()) SLIPWAY_CHECK(flush_to_disk(entry->path()));
  SLIPWAY_CHECK(flush_to_disk(path_));
  const auto rename = [&](unsigned flags) {
    return ::syscall(SYS_renameat2, AT_FDCWD, path_.c_str(), AT_FDCWD, place_.c_str(), flags) == 0 ? 0 : errno;
  };
  int code = rename(RENAME_NOREPLACE);
  if (code == EEXIST && !replace) return conflict(place_.string() + " exists already");
  if (code == EEXIST) {
    code = rename(RENAME_EXCHANGE);
    if (code == 0) {  // the old folder now lies at path_
      std::error_code ignored;
      fs::remove_all(path_, ignored);
    }
  }
  if (code != 0) return file_error("cannot publish", place_, code);
  path_.clear();
  return flush_to_disk(place_.parent_path());
}

Status flush_to_disk(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return file_error("cannot open", path, errno);
  const int code = ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
  ::close(descriptor);
  if (code != 0) return file_error("cannot flush", path, code);
  return {};
}

}  // namespace slipway
