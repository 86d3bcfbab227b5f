#include "location.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <system_error>

#include <glob.h>

#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/table/source.hpp>

namespace slipway::table {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view known_endings =
    ".csv, .tsv, .txt, .parquet, .json, .jsonl, .ndjson, text also as .gz or .zst";

std::optional<FileKind> kind_of_ending(const fs::path& file) {
  fs::path name = file;
  if (is_compressed(file)) name.replace_extension();
  const std::string ending = lower_case(name.extension().string());
  if (ending == ".csv" || ending == ".tsv" || ending == ".tab" || ending == ".txt") return FileKind::csv;
  if (ending == ".parquet" || ending == ".pq") return FileKind::parquet;
  if (ending == ".json" || ending == ".jsonl" || ending == ".ndjson") return FileKind::json;
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
  if (head.find('\0') != std::string::npos || is_compressed(file))
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

Result<std::vector<fs::path>> list_files(const std::string& location) {
  if (location.empty()) return invalid_input("the location of the data is empty, expected a file, a folder or a glob");
  if (location.find("://") != std::string::npos)
    return invalid_input(location + " is an address, expected a file, a folder or a glob on this machine");
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

Result<std::string> digest_location(const std::string& location) {
  SLIPWAY_TRY(const std::vector<fs::path> files, list_files(location));
  if (files.size() == 1) return sha256_file(files[0]);
  Sha256 all;
  for (const fs::path& file : files) {
    SLIPWAY_TRY(const std::string digest, sha256_file(file));
    all.update_framed(digest);
  }
  return all.hex();
}

}  // namespace slipway::table
