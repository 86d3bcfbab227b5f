// What a location (a file, a folder, a glob) stands for on disk.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <slipway/base/result.hpp>

namespace slipway::table {

enum class FileKind { csv, parquet, json, sqlite };

struct Location {
  std::vector<std::filesystem::path> files;  // one at least, in name order
  FileKind kind = FileKind::csv;             // of all of them
};

// Finds the files and their kind: by the ending, or by the first bytes where the ending says nothing. An error names
// what is absent and what lies near it, or the two files that are of different kinds.
Result<Location> find_files(const std::string& location);

// What names a table inside a database: "bank.db#cards" is location "bank.db" and fragment "cards".
struct SourceAddress {
  std::string location;
  std::string fragment;
};
SourceAddress split_fragment(const std::string& location);

// True for .gz and .zst, which DuckDB unpacks while reading.
bool is_compressed(const std::filesystem::path& file);

}  // namespace slipway::table
