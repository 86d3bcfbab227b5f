#include "location.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/table/source.hpp>

#include "text_decoder.hpp"

namespace slipway::table {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view known_endings =
    ".csv, .tsv, .txt, .parquet, .json, .jsonl, .ndjson, .sqlite, .db, text also as .gz or .zst";

std::optional<FileKind> kind_of_ending(const fs::path& file) {
  fs::path name = file;
  if (is_compressed(file)) name.replace_extension();
  const std::string ending = lower_case(name.extension().string());
  if (ending == ".csv" || ending == ".tsv" || ending == ".tab" || ending == ".txt") return FileKind::csv;
  if (ending == ".parquet" || ending == ".pq") return FileKind::parquet;
  if (ending == ".json" || ending == ".jsonl" || ending == ".ndjson") return FileKind::json;
  if (ending == ".sqlite" || ending == ".sqlite3" || ending == ".db") return FileKind::sqlite;
  return std::nullopt;
}

std::string_view kind_name(FileKind kind) {
  switch (kind) {
    case FileKind::csv:
      return "CSV";
    case FileKind::parquet:
      return "Parquet";
    case FileKind::json:
      return "JSON";
    case FileKind::sqlite:
      return "SQLite";
  }
  return "";
}

Result<FileKind> kind_of_content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return invalid_input("cannot open " + file.string() + ": " + std::strerror(errno));
  std::string head(4096, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(stream.gcount()));
  if (head.starts_with("PAR1")) return FileKind::parquet;
  if (head.starts_with(std::string_view("SQLite format 3\0", 16))) return FileKind::sqlite;
  if (head.starts_with("\x1f\x8b") || head.starts_with("\x28\xb5\x2f\xfd")) return FileKind::csv;
  if (detect_encoding(head) != Encoding::utf_8) return FileKind::csv;
  if (head.find('\0') != std::string::npos)
    return invalid_input(file.string() + " is no kind of table that can be read, expected one of " +
                         std::string(known_endings));
  const std::string_view text = trim(head);
  return !text.empty() && (text.front() == '{' || text.front() == '[') ? FileKind::json : FileKind::csv;
}

Result<FileKind> kind_of(const fs::path& file) {
  if (const auto kind = kind_of_ending(file)) return *kind;
  return kind_of_content(file);
}

Error absent(const fs::path& file) {
  std::error_code code;
  fs::path folder = file.parent_path();
  if (folder.empty()) folder = ".";
  if (!fs::is_directory(folder, code))
    return not_found(file.string() + " does not exist: there is no folder " + folder.string());
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code))
    names.push_back(entry->path().filename().string());
  std::sort(names.begin(), names.end());
  const std::string wanted = file.filename().string();
  std::string message = file.string() + " does not exist" + suggestion(wanted, names);
  if (nearest_name(wanted, names)) return not_found(message);
  std::erase_if(names, [&](const std::string& name) { return name.starts_with(".") || !kind_of_ending(name); });
  if (!names.empty()) message += "; that folder holds " + list_names(names, 6);
  return not_found(message);
}

// Hidden files and those like _SUCCESS belong to the tools that wrote the folder.
std::vector<fs::path> files_in_folder(const fs::path& folder, std::error_code& code) {
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (!name.starts_with(".") && !name.starts_with("_") && entry->is_regular_file(ignored) && kind_of_ending(name))
      files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<fs::path>> matches(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<fs::path> files;
  std::error_code ignored;
  for (std::size_t i = 0; i < found.gl_pathc; ++i)
    if (fs::is_regular_file(found.gl_pathv[i], ignored)) files.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  if (status == GLOB_NOSPACE || status == GLOB_ABORTED) return invalid_input("cannot look up the glob " + pattern);
  if (files.empty()) return not_found("no file matches " + pattern);
  std::sort(files.begin(), files.end());
  return files;
}

// Standard input can be read once only: it is kept in a file without a name, gone with the process.
Result<fs::path> standard_input_file() {
  static std::mutex mutex;
  static fs::path kept;
  const std::lock_guard<std::mutex> lock(mutex);
  if (!kept.empty()) return kept;
  std::error_code code;
  const fs::path folder = fs::temp_directory_path(code);
  const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  const auto failed = [](const char* what) { return unavailable(std::string(what) + ": " + std::strerror(errno)); };
  if (file < 0) return failed("cannot keep standard input in a temporary file");
  std::vector<char> block(1 << 20);
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot read standard input");
    if (got == 0) break;
    for (ssize_t put = 0; put < got;) {
      const ssize_t written = ::write(file, block.data() + put, static_cast<std::size_t>(got - put));
      if (written < 0 && errno != EINTR) return failed("cannot keep standard input in a temporary file");
      put += std::max<ssize_t>(written, 0);
    }
  }
  kept = "/proc/self/fd/" + std::to_string(file);
  return kept;
}

Result<std::vector<fs::path>> list_files(const std::string& location) {
  if (location == "-") {
    SLIPWAY_TRY(fs::path file, standard_input_file());
    return std::vector<fs::path>{std::move(file)};
  }
  if (location.empty()) return invalid_input("the location of the data is empty, expected a file, a folder or a glob");
  if (location.find("://") != std::string::npos)
    return invalid_input(location +
                         " is an address, expected a file, a folder or a glob on this machine, or postgresql://");
  std::error_code code;
  const fs::path path = location;
  const fs::file_status status = fs::status(path, code);
  if (fs::is_directory(status)) {
    std::vector<fs::path> files = files_in_folder(path, code);
    if (code) return invalid_input("cannot read the folder " + location + ": " + code.message());
    if (files.empty())
      return not_found("the folder " + location + " holds no table, expected files ending in one of " +
                       std::string(known_endings));
    return files;
  }
  if (fs::exists(status)) return std::vector<fs::path>{path};
  if (location.find_first_of("*?[") != std::string::npos) return matches(location);
  return absent(path);
}

}  // namespace

bool is_compressed(const fs::path& file) {
  const std::string ending = lower_case(file.extension().string());
  return ending == ".gz" || ending == ".zst";
}

Result<Location> find_files(const std::string& location) {
  Location found;
  SLIPWAY_TRY(found.files, list_files(location));
  for (std::size_t i = 0; i < found.files.size(); ++i) {
    SLIPWAY_TRY(const FileKind kind, kind_of(found.files[i]));
    if (i == 0) found.kind = kind;
    if (kind != found.kind)
      return invalid_input(location + " holds files of different kinds: " + found.files[0].filename().string() + " (" +
                           std::string(kind_name(found.kind)) + ") and " + found.files[i].filename().string() + " (" +
                           std::string(kind_name(kind)) + "), expected one kind");
  }
  return found;
}

SourceAddress split_fragment(const std::string& location) {
  const std::size_t hash = location.rfind('#');
  std::error_code code;
  // A file may have a # in its name.
  if (hash == std::string::npos || fs::exists(location, code)) return {location, ""};
  return {location.substr(0, hash), location.substr(hash + 1)};
}

bool is_server(const std::string& location) {
  return location.starts_with("postgresql://") || location.starts_with("postgres://");
}

Result<std::string> digest_location(const std::string& location) {
  SLIPWAY_TRY(const std::vector<fs::path> files, list_files(split_fragment(location).location));
  if (files.size() == 1) return sha256_file(files[0]);
  Sha256 all;
  for (const fs::path& file : files) {
    SLIPWAY_TRY(const std::string digest, sha256_file(file));
    all.update_framed(digest);
  }
  return all.hex();
}

}  // namespace slipway::table
