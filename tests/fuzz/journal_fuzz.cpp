// Any bytes as a segment of the prediction log: read, verified and continued, or an error; never a crash, and a writer
// never loses a whole line.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <unistd.h>

#include <slipway/base/file.hpp>
#include <slipway/journal/journal.hpp>

using namespace slipway;
namespace fs = std::filesystem;

// The first byte says whether the segment is packed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static const fs::path folder = fs::temp_directory_path() / ("journal_fuzz_" + std::to_string(::getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char* const name = data[0] % 2 == 0 ? "20260101T000000-000001.ndjson" : "20260101T000000-000001.ndjson.zst";
  if (!write_file(folder / name, bytes).ok()) return 0;
  const auto verified = journal::verify_journal(folder);
  (void)journal::read_journal(folder).ok();
  (void)journal::scan_journal(folder, {}, [](const journal::LoggedRow&) -> Status { return {}; }).ok();
  if (auto writer = journal::Writer::open({.folder = folder}); writer.ok() && verified.ok()) {
    const journal::Record record{};
    if (!(*writer)->append(std::span(&record, 1)).ok()) std::abort();
    writer->reset();
    const auto after = journal::verify_journal(folder);
    // What was sound stays sound, with one line more.
    if (!after.ok() || after->lines != verified->lines + 1) std::abort();
  }
  fs::remove_all(folder);
  return 0;
}
