// Files that are never half written: made beside their place, flushed to disk and renamed.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <slipway/base/result.hpp>

namespace slipway {

// The whole file. An error names the file and the reason (absent, a folder, no permission).
Result<std::string> read_file(const std::filesystem::path& file);

// Writes beside `file`, flushes, renames. Whatever happens, `file` holds either its old content or all of the new.
// Missing parent folders are made.
Status write_file(const std::filesystem::path& file, std::string_view content);

// A folder that is built out of sight and published at once. The destructor removes what was not published.
class FolderInProgress {
 public:
  // Makes an empty folder beside `place`; fails if place's parent cannot be made.
  static Result<FolderInProgress> beside(const std::filesystem::path& place);
  FolderInProgress(FolderInProgress&& other) noexcept;
  FolderInProgress& operator=(FolderInProgress&&) = delete;
  ~FolderInProgress();
  const std::filesystem::path& path() const { return path_; }
  // Renames to the final place. With replace, a folder that stands there is exchanged atomically and then removed;
  // without, it is a conflict and nothing changes.
  Status publish(bool replace);

 private:
  FolderInProgress(std::filesystem::path path, std::filesystem::path place);
  std::filesystem::path path_;
  std::filesystem::path place_;
};

// Flushes a file's or folder's content to disk.
Status flush_to_disk(const std::filesystem::path& path);

}  // namespace slipway
