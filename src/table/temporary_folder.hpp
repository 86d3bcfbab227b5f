// For this room's tests: a folder of files that goes away with the test.
#pragma once
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

namespace slipway::table {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static std::atomic<int> counter{0};
    path_ = std::filesystem::temp_directory_path() /
            ("slipway-table-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  std::string path(std::string_view name = "") const { return (path_ / name).string(); }
  // Writes a file and returns its path.
  std::string file(std::string_view name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

// The value of a Result that must be there; the failure shows its message.
#define SLIPWAY_VALUE(declaration, ...)                                                                 \
  auto SLIPWAY_JOIN(value_, __LINE__) = (__VA_ARGS__);                                                  \
  ASSERT_TRUE(SLIPWAY_JOIN(value_, __LINE__).ok()) << SLIPWAY_JOIN(value_, __LINE__).error().message(); \
  declaration = std::move(SLIPWAY_JOIN(value_, __LINE__)).value()

#define SLIPWAY_EXPECT_OK(...)                              \
  do {                                                      \
    const auto status_ = (__VA_ARGS__);                     \
    EXPECT_TRUE(status_.ok()) << status_.error().message(); \
  } while (false)

}  // namespace slipway::table
